//! Models of the lock-free structures for loom, one file per structure. They run the crate's own code, whose
//! primitives come from [`crate::sync`]; loom tries every interleaving, and every value that a load may see, with up to
//! `LOOM_MAX_PREEMPTIONS` preemptions (3 unless set). A thread that is parked for good is reported as a deadlock, so
//! a model need not ask whether a wake-up was lost.
//!
//! `RUSTFLAGS="--cfg batchline_loom" cargo test -p batchline --release --lib models`
//!
//! Loom knows no `SeqCst` accesses, only fences: it treats such an access as acquire and release. The barriers of
//! [`crate::barrier`] are full fences here.

mod active;
mod arming;
mod budget;
mod close;
mod inflight;
mod ordered;
mod pool;
mod slab_lane;
mod ticket;
mod wait;
mod wakeup;

use crate::clock::{Clock, NEVER_NS};
use crate::engine::{Engine, Mode, Settings};
use crate::entrance::Entrance;
use crate::error::PutError;
use crate::lane::Lane;
use crate::options::{Idle, Overflow, Oversize, Retry};
use crate::overflow::Patience;
use loom::sync::Arc;

/// Runs `body` in every way.
fn check(body: impl Fn() + Sync + Send + 'static) {
    check_within(3, body);
}

/// As [`check`], with at most `preemptions`: for models with many steps.
fn check_within(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    let asked = model.preemption_bound.unwrap_or(preemptions);
    model.preemption_bound = Some(asked.min(preemptions));
    model.max_branches = 20_000;
    model.check(body);
}

/// An engine with batches of `batch_items_max`, a queue of twice that, and no linger.
fn engine(batch_items_max: u32, change: impl FnOnce(&mut Settings<u64, ()>)) -> Arc<Engine<u64, ()>> {
    lingering_engine(batch_items_max, NEVER_NS, change)
}

/// As [`engine`], with a linger. Time stands still in a model, so only a linger of zero ever ends.
fn lingering_engine(
    batch_items_max: u32,
    linger_ns: u64,
    change: impl FnOnce(&mut Settings<u64, ()>),
) -> Arc<Engine<u64, ()>> {
    let mut settings = Settings {
        name: "model".into(),
        batch_items_max,
        queue_items_max: u64::from(batch_items_max) * 2,
        batch_bytes_max: u64::MAX,
        queue_bytes_max: u64::MAX,
        weigher: None,
        oversize: Oversize::default(),
        demand: false,
        ordered: false,
        mode: Mode::Thread,
        overflow: Overflow::default(),
        retry: Retry::none(),
        idle: Idle { spins: 0, yields: 0 },
        drop_deadline_ns: 0,
        on_failure: std::sync::Arc::new(|_| {}),
        silent: Some(|| ()),
        clock: Clock::system(),
        handler: None,
        gate: None,
    };
    change(&mut settings);
    Arc::new(Engine::new(settings, linger_ns, NEVER_NS, 1))
}

/// Puts one item into a lane of the caller's own.
fn put(engine: &Engine<u64, ()>, lane: &Lane<u64, ()>, item: u64) -> Result<(), PutError<u64>> {
    engine.put(&Entrance::Own(lane), item, Patience::Policy)
}
