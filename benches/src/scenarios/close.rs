//! Group `close`: how long a close takes with a full queue, per item that was queued.
//!
//! The handler is held at a gate while the queue is filled with 64 000 items. `drain`: the gate opens, and the close
//! waits until all is handled. `hand-back`: the close has no time at all and gives back what it can; the gate opens
//! afterwards, for the batch in the handler's hands. Filling is outside the clock.

use std::{
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::yield_now,
    time::{Duration, Instant},
};

use batchline::{
    Batch, Batcher, Deadline, Receipt,
    naive::{Batching, NaiveBatcher},
};

use crate::{
    counting_alloc::uncounted,
    interleave::{Contender, Role, Run, Sampling},
    load::{BATCH_ITEMS_MAX, Load, QUEUE_ITEMS_MAX, Shape},
    sink::Sink,
};

/// The group of these scenarios.
pub const GROUP: &str = "close";
/// The scenarios.
pub const SCENARIOS: [&str; 2] = ["drain", "hand-back"];
/// The naive twin.
pub const NAIVE: &str = "naive";
/// Ours.
pub const OURS: &str = "batchline";

/// Items of one close, and the least of a run.
pub const QUEUED_ITEMS: u64 = QUEUE_ITEMS_MAX as u64;

const SHAPE: Shape = Shape::batches_of(BATCH_ITEMS_MAX);

/// Starts a batcher whose handler passes the gate before each batch.
type Open = fn(Arc<Gate>, Arc<Sink>) -> Box<dyn Batching<u64>>;

/// Closes and opens the gate, in the scenario's order; how long the close took, and its receipt.
type Close = fn(&dyn Batching<u64>, &Gate) -> (Duration, Receipt<u64>);

/// Everybody, in this scenario.
pub fn contenders(scenario: &str) -> Vec<Contender> {
    let close: Close = if scenario == SCENARIOS[0] { drain } else { hand_back };
    let contender = |role, name: &str, open: Open| Contender {
        role,
        name: name.to_owned(),
        producers: 1,
        batch_items_max: SHAPE.batch_items_max,
        run: Box::new(move |items, sampling| drive(open, close, items, sampling)),
    };
    vec![contender(Role::Naive, NAIVE, open_naive), contender(Role::Ours, OURS, open_ours)]
}

fn open_naive(gate: Arc<Gate>, sink: Arc<Sink>) -> Box<dyn Batching<u64>> {
    let handler = move |batch: &[u64]| {
        gate.pass();
        sink.handle(batch);
        true
    };
    Box::new(NaiveBatcher::new(SHAPE.batch_items_max, SHAPE.queue_items_max, SHAPE.linger, handler))
}

fn open_ours(gate: Arc<Gate>, sink: Arc<Sink>) -> Box<dyn Batching<u64>> {
    let builder = Batcher::<u64>::builder()
        .batch_items_max(SHAPE.batch_items_max)
        .queue_items_max(SHAPE.queue_items_max)
        .linger(SHAPE.linger);
    let handler = move |batch: &mut Batch<u64>| {
        gate.pass();
        sink.handle(batch);
    };
    Box::new(builder.build(handler).expect("the settings are sound"))
}

fn drive(open: Open, close: Close, items: u64, sampling: Sampling) -> Run {
    let load = Load { producers: 1, items: QUEUED_ITEMS };
    let closes = items.div_ceil(QUEUED_ITEMS);
    let (mut elapsed, mut samples_ns) = (Duration::ZERO, Vec::new());
    for _ in 0..closes {
        let (gate, sink) = (Arc::new(Gate::default()), Arc::new(Sink::new(SHAPE)));
        let batcher = uncounted(|| {
            let batcher = open(Arc::clone(&gate), Arc::clone(&sink));
            (0..load.items).for_each(|item| assert!(batcher.put(item).is_ok(), "it is open and has room"));
            batcher
        });
        let (took, receipt) = close(&*batcher, &gate);
        uncounted(|| verify(load, &sink, &receipt));
        elapsed += took;
        samples_ns.push(took.as_nanos() as u64);
    }
    if sampling == Sampling::Off {
        samples_ns.clear();
    }
    Run { elapsed, items: closes * QUEUED_ITEMS, samples_ns, ..Run::default() }
}

fn drain(batcher: &dyn Batching<u64>, gate: &Gate) -> (Duration, Receipt<u64>) {
    let started = Instant::now();
    gate.open();
    let receipt = batcher.close(Deadline::never());
    (started.elapsed(), receipt)
}

fn hand_back(batcher: &dyn Batching<u64>, gate: &Gate) -> (Duration, Receipt<u64>) {
    let started = Instant::now();
    let receipt = batcher.close(Deadline::after(Duration::ZERO));
    let took = started.elapsed();
    gate.open();
    (took, receipt)
}

/// Waits for the batch that was in hand, then checks that every item was handled or handed back, exactly once.
fn verify(load: Load, sink: &Sink, receipt: &Receipt<u64>) {
    let handed_back = receipt.items.len() as u64;
    let late = Instant::now() + Duration::from_secs(10);
    while sink.items() + handed_back < load.items {
        assert!(Instant::now() < late, "{} handled, {handed_back} handed back", sink.items());
        yield_now();
    }
    let sum = receipt.items.iter().fold(0_u64, |sum, item| sum.wrapping_add(*item));
    sink.verify_sum(load.items - handed_back, load.expected_sum().wrapping_sub(sum));
}

/// Holds a handler until it is opened.
#[derive(Debug, Default)]
struct Gate {
    is_open: AtomicBool,
    lock: Mutex<()>,
    opened: Condvar,
}

impl Gate {
    fn open(&self) {
        let _held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_open.store(true, Ordering::Release);
        self.opened.notify_all();
    }

    fn pass(&self) {
        if self.is_open.load(Ordering::Acquire) {
            return;
        }
        let held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let is_shut = |(): &mut ()| !self.is_open.load(Ordering::Acquire);
        drop(self.opened.wait_while(held, is_shut).unwrap_or_else(PoisonError::into_inner));
    }
}
