//! The engine: what producers and consumers share.
//!
//! Producers come in through [`crate::put`], consumers through [`crate::dispatch`]; this file holds the words
//! between them and the small questions both ask.

use crate::active::ActiveSet;
use crate::batch::Batch;
use crate::budget::Budget;
use crate::clock::{Clock, NEVER_NS};
use crate::desk::{Desk, DeskGuard};
use crate::failure::{FailureKind, FailureReport};
use crate::gate::Gate;
use crate::handler;
use crate::inflight::InFlight;
use crate::lane::Lane;
use crate::options::{Dispatch, Idle, Overflow, Oversize, Retry};
use crate::pool::Pool;
use crate::seal::SealReason;
use crate::shield::shielded;
use crate::slab::Slab;
use crate::sync::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize};
use crate::table::Table;
use crate::wait::WaitList;
use crossbeam_utils::CachePadded;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};

/// `state`: puts are accepted.
pub(crate) const OPEN: u8 = 0;
/// `state`: puts are refused, what is queued is being handled.
pub(crate) const DRAINING: u8 = 1;
/// `state`: consumers take nothing more; the closer collects what is left.
pub(crate) const HANDING_BACK: u8 = 2;
/// `state`: nothing is queued.
pub(crate) const CLOSED: u8 = 3;

pub(crate) type FailureHook = Arc<dyn Fn(&FailureReport) + Send + Sync>;
pub(crate) type Weigher<T> = Arc<dyn Fn(&T) -> usize + Send + Sync>;
pub(crate) type SharedHandler<T, R> =
    Arc<dyn Fn(&mut Batch<T, R>) -> Result<(), crate::Failure> + Send + Sync>;

/// Who takes batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Thread,
    Caller,
    Poll,
}

impl From<Dispatch> for Mode {
    fn from(dispatch: Dispatch) -> Self {
        match dispatch {
            Dispatch::Thread => Self::Thread,
            Dispatch::Caller => Self::Caller,
        }
    }
}

/// The pool is filled at the start with so much memory at most, or with this many slabs if that is more: with the
/// default bound of 64 batches, whatever their size, no put ever grows it.
const FILLED_BYTES_MAX: usize = 64 << 20;
const FILLED_SLABS_MIN: usize = 128;
const SLAB_OVERHEAD_BYTES: usize = 1024;

/// What the builder settled.
pub(crate) struct Settings<T, R> {
    pub(crate) name: Arc<str>,
    pub(crate) batch_items_max: u32,
    pub(crate) queue_items_max: u64,
    pub(crate) batch_bytes_max: u64,
    pub(crate) queue_bytes_max: u64,
    pub(crate) weigher: Option<Weigher<T>>,
    pub(crate) oversize: Oversize,
    pub(crate) demand: bool,
    pub(crate) ordered: bool,
    pub(crate) mode: Mode,
    pub(crate) overflow: Overflow,
    pub(crate) retry: Retry,
    pub(crate) idle: Idle,
    pub(crate) drop_deadline_ns: u64,
    pub(crate) on_failure: FailureHook,
    /// The reply of an item that the handler said nothing of; `None` where a reply is owed.
    pub(crate) silent: Option<fn() -> R>,
    pub(crate) clock: Clock,
    /// For the threads that take a batch themselves: callers, closers, a full queue's putters.
    pub(crate) handler: Option<SharedHandler<T, R>>,
    /// The deduplication window, if there is one.
    pub(crate) gate: Option<Box<dyn Gate<T, R>>>,
}

pub(crate) struct Engine<T, R> {
    pub(crate) id: u64,
    pub(crate) settings: Settings<T, R>,
    pub(crate) state: AtomicU8,
    pub(crate) lanes: Table<Lane<T, R>>,
    pub(crate) active: ActiveSet,
    pub(crate) slabs: Pool<Slab<T, R>>,
    pub(crate) desks: Pool<Desk<R>>,
    pub(crate) items: Budget,
    pub(crate) bytes: Budget,
    pub(crate) inflight: InFlight,
    /// Idle consumers.
    pub(crate) bell: WaitList,
    /// When the first of the idle consumers wakes by itself.
    pub(crate) wake_at_ns: CachePadded<AtomicU64>,
    /// No open batch is due before this; may be earlier than the truth, never later.
    pub(crate) soonest_ns: CachePadded<AtomicU64>,
    /// Producers that wait for room.
    pub(crate) room: WaitList,
    pub(crate) pressure: AtomicUsize,
    /// Callers of flush and close.
    pub(crate) progress: WaitList,
    /// Held by the one flush that runs.
    pub(crate) flushing: AtomicBool,
    pub(crate) linger_ns: AtomicU64,
    pub(crate) tick_ns: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) dropped: AtomicU64,
    /// Submitted duplicates that joined the first one.
    pub(crate) joined: AtomicU64,
    pub(crate) handed_back: AtomicU64,
    /// Held by the one producer that is in an ordered lane.
    pub(crate) ordered: CachePadded<AtomicBool>,
    /// The one lane of an ordered batcher; null otherwise.
    ordered_lane: AtomicPtr<Lane<T, R>>,
    pub(crate) closing: AtomicBool,
    /// Caller mode: a handler's own puts have sealed slabs, which the put that runs it must handle.
    pub(crate) left_sealed: AtomicBool,
    /// The batcher was dropped inside one of its handlers: the workers end when everything is handled.
    pub(crate) orphaned: AtomicBool,
    /// When the batcher was built: ticks count from here.
    built_ns: u64,
}

impl<T, R> Engine<T, R> {
    pub(crate) fn new(settings: Settings<T, R>, linger_ns: u64, tick_ns: u64, workers: usize) -> Self {
        // Statics cannot hold the model checkers' atomics, and this counter is no part of any protocol.
        static NEXT_ID: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        let engine = Self {
            id: NEXT_ID.fetch_add(1, Relaxed),
            state: AtomicU8::new(OPEN),
            lanes: Table::new(),
            active: ActiveSet::new(),
            slabs: Pool::new(),
            desks: Pool::new(),
            items: Budget::new(settings.queue_items_max),
            bytes: Budget::new(settings.queue_bytes_max),
            inflight: InFlight::new(),
            bell: WaitList::default(),
            wake_at_ns: CachePadded::new(AtomicU64::new(NEVER_NS)),
            soonest_ns: CachePadded::new(AtomicU64::new(NEVER_NS)),
            room: WaitList::default(),
            pressure: AtomicUsize::new(0),
            progress: WaitList::default(),
            flushing: AtomicBool::new(false),
            linger_ns: AtomicU64::new(linger_ns),
            tick_ns: AtomicU64::new(tick_ns),
            refused: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            joined: AtomicU64::new(0),
            handed_back: AtomicU64::new(0),
            ordered: CachePadded::new(AtomicBool::new(false)),
            ordered_lane: AtomicPtr::new(std::ptr::null_mut()),
            closing: AtomicBool::new(false),
            left_sealed: AtomicBool::new(false),
            orphaned: AtomicBool::new(false),
            built_ns: settings.clock.now_ns(),
            settings,
        };
        engine.fill_pools(workers);
        if engine.settings.ordered {
            let lane = std::ptr::from_ref(engine.acquire_lane()).cast_mut();
            engine.ordered_lane.store(lane, Relaxed);
        }
        engine
    }

    /// Fills the pool with what the bound on live items can ever need, beside two slabs per lane: the full
    /// slabs, one per worker in hand, and one to gather in for each. A bound so large that this would take much memory
    /// before the first put is met later: then the pool grows to what is needed.
    fn fill_pools(&self, workers: usize) {
        let batch_items_max = self.settings.batch_items_max;
        let full = self.settings.queue_items_max.div_ceil(u64::from(batch_items_max));
        let slab_bytes = SLAB_OVERHEAD_BYTES + batch_items_max as usize * size_of::<T>().max(1);
        let affordable = (FILLED_BYTES_MAX / slab_bytes).max(FILLED_SLABS_MIN);
        for _ in 0..(full as usize).min(affordable) + 2 * workers {
            self.slabs.fill(|index| self.make_slab(index));
        }
    }

    fn make_slab(&self, index: usize) -> Slab<T, R> {
        let (is_weighed, is_claimed) = (self.settings.weigher.is_some(), self.settings.gate.is_some());
        Slab::new(index, self.settings.batch_items_max, is_weighed, is_claimed)
    }

    /// A free slab. The pool holds enough for the bound, unless that is huge; it grows only when a part of many slabs
    /// is still in hand (polled batches that are kept, slabs cut by flushes).
    pub(crate) fn take_slab(&self) -> &Slab<T, R> {
        self.slabs.take().unwrap_or_else(|| self.slabs.grow(|index| self.make_slab(index)))
    }

    pub(crate) fn desk(&self) -> DeskGuard<'_, R> {
        DeskGuard::borrow(&self.desks)
    }

    /// A lane for a thread that has none: one that another thread has left, or a new one.
    pub(crate) fn acquire_lane(&self) -> &Lane<T, R> {
        if let Some(lane) = self.lanes.iter().find(|lane| lane.try_own()) {
            return lane;
        }
        for _ in 0..2 {
            self.slabs.fill(|index| self.make_slab(index));
        }
        self.lanes.push(|index| {
            self.active.make_room(index);
            let lane = Lane::new(index, self.take_slab(), self.settings.clock.clone());
            // SAFETY: the lane is not shared yet.
            let mut producer = unsafe { lane.producer() };
            let is_plain = self.settings.weigher.is_none() && self.settings.gate.is_none();
            producer.set_fast(is_plain && crate::barrier::light_is_free());
            lane
        })
    }

    /// The one lane of an ordered batcher.
    #[inline]
    pub(crate) fn ordered_lane(&self) -> Option<&Lane<T, R>> {
        // SAFETY: null, or a lane of the table, which lives as long as the engine and does not move with it.
        unsafe { self.ordered_lane.load(Relaxed).as_ref() }
    }

    pub(crate) fn state(&self) -> u8 {
        self.state.load(Acquire)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state() == OPEN
    }

    pub(crate) fn now_ns(&self) -> u64 {
        self.settings.clock.now_ns()
    }

    /// When the open batch of `lane` is due, and for which reason.
    pub(crate) fn due(&self, lane: &Lane<T, R>) -> (u64, SealReason) {
        let (opened_ns, pull_ns) = lane.opened_and_pull_ns();
        let linger_ns = opened_ns.saturating_add(self.linger_ns.load(Relaxed)).min(pull_ns);
        let tick_ns = next_tick(opened_ns - self.built_ns.min(opened_ns), self.tick_ns.load(Relaxed));
        let tick_ns = tick_ns.saturating_add(self.built_ns);
        if tick_ns < linger_ns { (tick_ns, SealReason::Tick) } else { (linger_ns, SealReason::Linger) }
    }

    /// Makes `soonest_ns` no later than `due_ns`.
    pub(crate) fn note_due(&self, due_ns: u64) {
        if due_ns < self.soonest_ns.load(Relaxed) {
            self.soonest_ns.fetch_min(due_ns, SeqCst);
        }
    }

    /// Whether every item has an outcome: nothing waits in a lane, no batch is in hand.
    pub(crate) fn is_drained(&self) -> bool {
        // Batches enter `inflight` before they take, so an item that is no longer seen waiting is seen there.
        self.lanes.iter().all(|lane| lane.accepted() == lane.taken_items()) && self.inflight.is_empty()
    }

    pub(crate) fn wake_everybody(&self) {
        self.bell.wake_all();
        self.room.wake_all();
        self.progress.wake_all();
    }

    pub(crate) fn report(&self, kind: FailureKind, items: u64, batch_items: u64, reason: Option<SealReason>) {
        let batcher = self.settings.name.clone();
        let report = FailureReport { batcher, kind, items, batch_items, reason };
        #[cfg(feature = "tracing")]
        tracing::error!(target: "batchline", batcher = &*report.batcher, items, "{report}");
        // A hook whose own put is dropped must not be told of that, and so on without end: the counter shows it.
        if !handler::is_in_hook(self.id) {
            let _inside = handler::Inside::hook(self.id);
            shielded(|| (self.settings.on_failure)(&report));
        }
    }
}

/// The first multiple of `tick_ns` after `opened_ns`; never when there is no tick.
fn next_tick(opened_ns: u64, tick_ns: u64) -> u64 {
    if tick_ns == NEVER_NS || tick_ns == 0 {
        return NEVER_NS;
    }
    (opened_ns / tick_ns).saturating_add(1).saturating_mul(tick_ns)
}

impl<T, R> Drop for Engine<T, R> {
    /// Nobody is left to handle what still waits; the batcher's own drop has handed it back before.
    fn drop(&mut self) {
        for lane in self.lanes.iter() {
            lane.drain(&self.slabs, |run| crate::close::dispose(&run));
        }
    }
}
