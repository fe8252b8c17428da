//! The builder: every setting, its default, and what is refused.

#[cfg(feature = "dedup")]
mod dedup;

use crate::batch::Batch;
use crate::batcher::Batcher;
use crate::clock::{Clock, NEVER_NS, nanoseconds};
use crate::dispatch::Role;
use crate::engine::{Engine, FailureHook, Mode, Settings, SharedHandler, Weigher};
use crate::error::BuildError;
use crate::failure::{Failure, FailureReport};
use crate::gate::Gate;
use crate::handler::{BoxedHandler, HandlerReturn};
use crate::keyed::KeyedBuilder;
use crate::options::{Dispatch, Idle, Overflow, Oversize, Retry};
use crate::worker;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

const BATCH_ITEMS_MAX: usize = 1 << 24;
const QUEUE_ITEMS_MAX: usize = 1 << 40;
/// A quarter of what the counters hold, so that their difference never looks negative.
const QUEUE_BYTES_MAX: usize = usize::MAX / 4;
const WORKERS_MAX: usize = 1024;
/// A day: a longer linger is most likely a mistake of units.
const LINGER_MAX: Duration = Duration::from_secs(24 * 3600);

/// Settings of a [`Batcher`] to be. Made by [`Batcher::builder`].
///
/// | setting | default | allowed |
/// | --- | --- | --- |
/// | `batch_items_max` | 1000 | 1 to 2^24 |
/// | `queue_items_max` | 64 batches | `batch_items_max` to 2^40 |
/// | `batch_bytes_max`, `queue_bytes_max` | none | 1 and up, with a `weigher` |
/// | `linger` | 10 ms | up to 24 h; `no_linger` for none |
/// | `tick` | none | 1 us to 24 h |
/// | `demand` | off | not with `tick` or an explicit `linger` |
/// | `workers` | 1 | 1 to 1024 |
/// | `dedup`, `dedup_join` | none | see [`crate::dedup`]; feature `dedup` |
///
/// ```
/// use batchline::{Batch, Batcher};
/// use std::time::Duration;
/// let batcher = Batcher::builder()
///     .batch_items_max(500)
///     .linger(Duration::from_millis(5))
///     .workers(2)
///     .build(|batch: &mut Batch<String>| println!("{} lines", batch.len()))?;
/// batcher.put("a line".into())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a builder does nothing until it is built"]
pub struct Builder<T, R = ()> {
    name: Arc<str>,
    batch_items_max: usize,
    queue_items_max: Option<usize>,
    batch_bytes_max: Option<usize>,
    queue_bytes_max: Option<usize>,
    weigher: Option<Weigher<T>>,
    oversize: Oversize,
    linger: Option<Duration>,
    linger_chosen: bool,
    tick: Option<Duration>,
    demand: bool,
    ordered: bool,
    workers: Option<usize>,
    dispatch: Dispatch,
    overflow: Overflow,
    retry: Retry,
    idle: Idle,
    drop_deadline: Duration,
    on_failure: Option<FailureHook>,
    silent: Option<fn() -> R>,
    clock: Option<Clock>,
    gate: Option<GateMaker<T, R>>,
    /// A window was set before `replies`, which cannot take it along.
    is_gate_lost: bool,
}

/// Makes the deduplication window over the batcher's clock.
type GateMaker<T, R> = Box<dyn FnOnce(Clock) -> Result<Box<dyn Gate<T, R>>, BuildError> + Send>;

impl<T> Builder<T, ()> {
    pub(crate) fn new() -> Self {
        Self {
            name: Arc::from("batchline"),
            batch_items_max: 1000,
            queue_items_max: None,
            batch_bytes_max: None,
            queue_bytes_max: None,
            weigher: None,
            oversize: Oversize::default(),
            linger: Some(Duration::from_millis(10)),
            linger_chosen: false,
            tick: None,
            demand: false,
            ordered: false,
            workers: None,
            dispatch: Dispatch::default(),
            overflow: Overflow::default(),
            retry: Retry::default(),
            idle: Idle::default(),
            drop_deadline: Duration::from_secs(30),
            on_failure: None,
            silent: Some(|| ()),
            clock: None,
            gate: None,
            is_gate_lost: false,
        }
    }

    /// Makes the handler owe every item a reply of type `R`, which its ticket gets.
    ///
    /// ```
    /// use batchline::{Batch, Batcher};
    /// let lengths = Batcher::<String>::builder().replies::<usize>().demand(true).build(
    ///     |batch: &mut Batch<String, usize>| {
    ///         Ok::<Vec<usize>, String>(batch.iter().map(String::len).collect())
    ///     },
    /// )?;
    /// assert_eq!(lengths.submit("four".into())?.wait()?, 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn replies<R>(self) -> Builder<T, R> {
        Builder {
            name: self.name,
            batch_items_max: self.batch_items_max,
            queue_items_max: self.queue_items_max,
            batch_bytes_max: self.batch_bytes_max,
            queue_bytes_max: self.queue_bytes_max,
            weigher: self.weigher,
            oversize: self.oversize,
            linger: self.linger,
            linger_chosen: self.linger_chosen,
            tick: self.tick,
            demand: self.demand,
            ordered: self.ordered,
            workers: self.workers,
            dispatch: self.dispatch,
            overflow: self.overflow,
            retry: self.retry,
            idle: self.idle,
            drop_deadline: self.drop_deadline,
            on_failure: self.on_failure,
            silent: None,
            clock: self.clock,
            is_gate_lost: self.gate.is_some(),
            gate: None,
        }
    }

    /// As [`replies`](Self::replies), but the handler may keep silent: an item that it neither failed nor replied to
    /// gets the reply type's default.
    ///
    /// ```
    /// use batchline::{Batch, Batcher};
    /// let batcher = Batcher::<u64>::builder()
    ///     .replies_or_default::<u64>()
    ///     .demand(true)
    ///     .build(|_: &mut Batch<u64, u64>| ())?;
    /// assert_eq!(batcher.submit(7)?.wait()?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn replies_or_default<R: Default>(self) -> Builder<T, R> {
        Builder { silent: Some(R::default), ..self.replies() }
    }
}

/// A setter with its documentation.
macro_rules! setter {
    ($(#[$doc:meta])* $name:ident: $type:ty => $($field:ident).+ = $value:expr) => {
        $(#[$doc])*
        pub fn $name(mut self, $name: $type) -> Self {
            self.$($field).+ = $value;
            self
        }
    };
}

impl<T, R> Builder<T, R> {
    setter! {
        /// The name in thread names, reports and logs. Default `batchline`.
        ///
        /// ```
        /// let builder = batchline::Batcher::<u64>::builder().name("orders");
        /// # let _ = builder;
        /// ```
        name: impl Into<Arc<str>> => name = name.into()
    }
    setter! {
        /// The most items a batch holds. Default 1000.
        ///
        /// ```
        /// let builder = batchline::Batcher::<u64>::builder().batch_items_max(100);
        /// # let _ = builder;
        /// ```
        batch_items_max: usize => batch_items_max = batch_items_max
    }
    setter! {
        /// The most items that may be live: waiting or being handled. A hard bound. Default 64 batches.
        ///
        /// Lanes take credit in chunks (of at most a 16th of this bound, less with more lanes), so with `k` idle
        /// lanes a queue may be full up to `k` chunks early; it never holds more than the bound.
        ///
        /// ```
        /// let builder = batchline::Batcher::<u64>::builder().queue_items_max(10_000);
        /// # let _ = builder;
        /// ```
        queue_items_max: usize => queue_items_max = Some(queue_items_max)
    }
    setter! {
        /// The most a batch may weigh, by the `weigher`. Default: no bound.
        ///
        /// ```
        /// let builder = batchline::Batcher::<String>::builder().weigher(|s| s.len()).batch_bytes_max(1 << 20);
        /// # let _ = builder;
        /// ```
        batch_bytes_max: usize => batch_bytes_max = Some(batch_bytes_max)
    }
    setter! {
        /// The most that live items may weigh together. Default: no bound.
        ///
        /// ```
        /// let builder = batchline::Batcher::<String>::builder().weigher(|s| s.len()).queue_bytes_max(1 << 26);
        /// # let _ = builder;
        /// ```
        queue_bytes_max: usize => queue_bytes_max = Some(queue_bytes_max)
    }
    setter! {
        /// What happens to an item that alone weighs more than `batch_bytes_max`. Default: it is refused.
        ///
        /// ```
        /// # use batchline::{Batcher, Oversize};
        /// let builder = Batcher::<String>::builder().oversize(Oversize::Alone);
        /// # let _ = builder;
        /// ```
        oversize: Oversize => oversize = oversize
    }
    setter! {
        /// Seals at a fixed cadence: at every multiple of this time since the batcher was built at which
        /// something waits. Combines with a linger; the earlier seals. Default: none.
        ///
        /// ```
        /// # use std::time::Duration;
        /// let builder = batchline::Batcher::<u64>::builder().tick(Duration::from_millis(50));
        /// # let _ = builder;
        /// ```
        tick: Duration => tick = Some(tick)
    }
    setter! {
        /// Drain mode: a free worker takes whatever waits, at once; while all are busy, batches grow. Default off.
        ///
        /// ```
        /// let builder = batchline::Batcher::<u64>::builder().demand(true);
        /// # let _ = builder;
        /// ```
        demand: bool => demand = demand
    }
    setter! {
        /// One lane for all producers: items are in batches in the order in which their puts were claimed, over
        /// all threads. Costs a lock per put. Default off: order is kept per producer.
        ///
        /// ```
        /// let builder = batchline::Batcher::<u64>::builder().ordered(true);
        /// # let _ = builder;
        /// ```
        ordered: bool => ordered = ordered
    }
    setter! {
        /// Worker threads, and so the most handlers that run at once. Default 1.
        ///
        /// ```
        /// let builder = batchline::Batcher::<u64>::builder().workers(4);
        /// # let _ = builder;
        /// ```
        workers: usize => workers = Some(workers)
    }
    setter! {
        /// Who runs the handler. Default: worker threads.
        ///
        /// ```
        /// # use batchline::{Batcher, Dispatch};
        /// let builder = Batcher::<u64>::builder().dispatch(Dispatch::Caller);
        /// # let _ = builder;
        /// ```
        dispatch: Dispatch => dispatch = dispatch
    }
    setter! {
        /// What a put does when the queue is full. Default: it waits.
        ///
        /// ```
        /// # use batchline::{Batcher, Overflow};
        /// let builder = Batcher::<u64>::builder().overflow(Overflow::DropNewest);
        /// # let _ = builder;
        /// ```
        overflow: Overflow => overflow = overflow
    }
    setter! {
        /// What happens to a batch that fails whole. Default: it failed.
        ///
        /// ```
        /// # use batchline::{Batcher, Retry};
        /// let builder = Batcher::<u64>::builder().retry(Retry::bisect(20));
        /// # let _ = builder;
        /// ```
        retry: Retry => retry = retry
    }
    setter! {
        /// How long an idle worker looks for work before it parks. Default 64 spins and 4 yields.
        ///
        /// ```
        /// # use batchline::{Batcher, Idle};
        /// let builder = Batcher::<u64>::builder().idle(Idle { spins: 1000, yields: 10 });
        /// # let _ = builder;
        /// ```
        idle: Idle => idle = idle
    }
    setter! {
        /// How long dropping the batcher may drain before it gives up on items, and reports them. Default 30 s.
        ///
        /// ```
        /// # use std::time::Duration;
        /// let builder = batchline::Batcher::<u64>::builder().drop_deadline(Duration::from_secs(1));
        /// # let _ = builder;
        /// ```
        drop_deadline: Duration => drop_deadline = drop_deadline
    }
    setter! {
        /// Where time is read. Default: the system's monotonic clock.
        ///
        /// ```
        /// # use batchline::{Batcher, Clock, VirtualClock};
        /// let builder = Batcher::<u64>::builder().clock(Clock::from(&VirtualClock::new()));
        /// # let _ = builder;
        /// ```
        clock: Clock => clock = Some(clock)
    }

    /// What an item weighs; needed for the byte bounds. Called once per item, on the putting thread, before the
    /// item is near the queue.
    ///
    /// ```
    /// let builder = batchline::Batcher::<Vec<u8>>::builder().weigher(|item| item.len());
    /// # let _ = builder;
    /// ```
    pub fn weigher(mut self, weigher: impl Fn(&T) -> usize + Send + Sync + 'static) -> Self {
        self.weigher = Some(Arc::new(weigher));
        self
    }

    /// The longest an item may wait before its batch is sealed. Default 10 ms.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let builder = batchline::Batcher::<u64>::builder().linger(Duration::from_millis(1));
    /// # let _ = builder;
    /// ```
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = Some(linger);
        self.linger_chosen = true;
        self
    }

    /// No linger: only size, bytes, tick, flush and close seal, and items with a linger of their own.
    ///
    /// ```
    /// let builder = batchline::Batcher::<u64>::builder().no_linger();
    /// # let _ = builder;
    /// ```
    pub fn no_linger(mut self) -> Self {
        self.linger = None;
        self.linger_chosen = false;
        self
    }

    /// Who is told of failures, expiries and drops: once per batch, on the thread that handled it. Default: one
    /// line on stderr, at most ten a second.
    ///
    /// ```
    /// let builder = batchline::Batcher::<u64>::builder().on_failure(|report| eprintln!("{report}"));
    /// # let _ = builder;
    /// ```
    pub fn on_failure(mut self, hook: impl Fn(&FailureReport) + Send + Sync + 'static) -> Self {
        self.on_failure = Some(Arc::new(hook));
        self
    }
}

impl<T: Send + 'static, R: Send + 'static> Builder<T, R> {
    /// Starts the batcher with one handler that all workers share.
    ///
    /// # Errors
    /// The first setting that cannot work, with what is allowed.
    ///
    /// ```
    /// use batchline::{Batch, Batcher};
    /// let batcher = Batcher::builder().build(|batch: &mut Batch<u64>| assert!(!batch.is_empty()))?;
    /// # Ok::<(), batchline::BuildError>(())
    /// ```
    pub fn build<H, O>(self, handler: H) -> Result<Batcher<T, R>, BuildError>
    where
        H: Fn(&mut Batch<T, R>) -> O + Send + Sync + 'static,
        O: HandlerReturn<R>,
    {
        let shared: SharedHandler<T, R> =
            Arc::new(move |batch: &mut Batch<T, R>| handler(batch).settle(batch));
        let for_workers = shared.clone();
        self.start(Some(shared), move |_| {
            let shared = for_workers.clone();
            Box::new(move |batch: &mut Batch<T, R>| shared(batch))
        })
    }

    /// Starts the batcher with a handler per worker, made by `make(worker index)` on the calling thread: for
    /// handlers that own something, like a database connection.
    ///
    /// # Errors
    /// As [`build`](Self::build); and `dispatch(Caller)` or `overflow(RunInCaller)`, whose callers have no
    /// handler of their own.
    ///
    /// ```
    /// use batchline::{Batch, Batcher};
    /// let batcher = Batcher::builder().workers(2).build_per_worker(|worker| {
    ///     let mut handled = 0;
    ///     move |batch: &mut Batch<u64>| {
    ///         handled += batch.len();
    ///         println!("worker {worker}: {handled} so far");
    ///     }
    /// })?;
    /// batcher.put(1)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build_per_worker<F, H, O>(self, mut make: F) -> Result<Batcher<T, R>, BuildError>
    where
        F: FnMut(usize) -> H,
        H: FnMut(&mut Batch<T, R>) -> O + Send + 'static,
        O: HandlerReturn<R>,
    {
        if self.dispatch == Dispatch::Caller {
            return Err(BuildError::new("dispatch", "Caller", "Thread, with a handler per worker"));
        }
        if self.overflow == Overflow::RunInCaller {
            return Err(BuildError::new("overflow", "RunInCaller", "any other, with a handler per worker"));
        }
        self.start(None, move |worker| {
            let mut handler = make(worker);
            Box::new(move |batch: &mut Batch<T, R>| handler(batch).settle(batch))
        })
    }

    /// Makes a batcher without threads: the user pulls batches with [`Batcher::next_batch`].
    ///
    /// # Errors
    /// As [`build`](Self::build); `dispatch(Caller)` and `overflow(RunInCaller)` have no handler to run.
    ///
    /// ```
    /// use batchline::Batcher;
    /// use std::time::Duration;
    /// let batcher = Batcher::<u64>::builder().demand(true).build_poll()?;
    /// batcher.put(1)?;
    /// assert_eq!(batcher.next_batch(Duration::from_secs(1)).unwrap()[..], [1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build_poll(self) -> Result<Batcher<T, R>, BuildError> {
        if self.dispatch == Dispatch::Caller {
            return Err(BuildError::new("dispatch", "Caller", "Thread (unused), with polled batches"));
        }
        if self.overflow == Overflow::RunInCaller {
            return Err(BuildError::new("overflow", "RunInCaller", "any other, with polled batches"));
        }
        if self.retry != Retry::none() {
            return Err(BuildError::new("retry", "bisect", "none: the poller decides what to retry"));
        }
        let engine = Arc::new(self.engine_of(Mode::Poll, None)?);
        Ok(Batcher::new(engine, Vec::new()))
    }

    fn start(
        self,
        shared: Option<SharedHandler<T, R>>,
        mut make: impl FnMut(usize) -> BoxedHandler<T, R>,
    ) -> Result<Batcher<T, R>, BuildError> {
        let mode = Mode::from(self.dispatch);
        let has_timer = self.linger.is_some() || self.tick.is_some();
        let (workers, role) = match mode {
            Mode::Caller => (usize::from(has_timer), Role::Timer),
            _ => (self.workers.unwrap_or(1), Role::Worker),
        };
        let engine = Arc::new(self.engine_of(mode, shared)?);
        let batcher = Batcher::new(engine.clone(), Vec::with_capacity(workers));
        for index in 0..workers {
            let worker = worker::start(&engine, index, role, make(index));
            batcher.add_worker(worker.map_err(|error| BuildError::of_system(workers, &error))?);
        }
        Ok(batcher)
    }

    /// Goes on to a batcher with one open batch per key.
    ///
    /// ```
    /// use batchline::{Batch, Batcher};
    /// let batcher = Batcher::builder()
    ///     .keyed::<String>()
    ///     .build(|key: &String, batch: &mut Batch<u64>| println!("{key}: {}", batch.len()))?;
    /// batcher.put(&"orders".to_string(), 1)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn keyed<K>(self) -> KeyedBuilder<K, T, R> {
        KeyedBuilder::new(self)
    }

    /// Refuses what a keyed batcher does not have.
    pub(crate) fn check_for_keys(&self) -> Result<(), BuildError> {
        let why = "unset, for a keyed batcher";
        if self.dispatch == Dispatch::Caller {
            return Err(BuildError::new("dispatch", "Caller", why));
        }
        if self.overflow == Overflow::RunInCaller {
            return Err(BuildError::new("overflow", "RunInCaller", why));
        }
        if self.ordered {
            return Err(BuildError::new("ordered", "true", "unset: the items of a key are in order anyway"));
        }
        if self.tick.is_some() {
            return Err(BuildError::new("tick", "set", why));
        }
        Ok(())
    }

    pub(crate) fn worker_count(&self) -> usize {
        self.workers.unwrap_or(1)
    }

    pub(crate) fn engine_of(
        self,
        mode: Mode,
        handler: Option<SharedHandler<T, R>>,
    ) -> Result<Engine<T, R>, BuildError> {
        self.check(mode)?;
        let clock = self.clock.unwrap_or_default();
        let gate = self.gate.map(|make| make(clock.clone())).transpose()?;
        let linger_ns = match self.linger {
            Some(linger) if !self.demand => nanoseconds(linger),
            _ => NEVER_NS,
        };
        let tick_ns = self.tick.map_or(NEVER_NS, nanoseconds);
        let workers = self.workers.unwrap_or(1);
        let queue_items_max = self.queue_items_max.unwrap_or(64 * self.batch_items_max);
        let settings = Settings {
            name: self.name,
            batch_items_max: self.batch_items_max as u32,
            queue_items_max: queue_items_max as u64,
            batch_bytes_max: self.batch_bytes_max.map_or(u64::MAX, |bytes| bytes as u64),
            queue_bytes_max: self.queue_bytes_max.map_or(u64::MAX, |bytes| bytes as u64),
            weigher: self.weigher,
            oversize: self.oversize,
            demand: self.demand,
            ordered: self.ordered,
            mode,
            overflow: self.overflow,
            retry: self.retry,
            idle: self.idle,
            drop_deadline_ns: nanoseconds(self.drop_deadline),
            on_failure: self.on_failure.unwrap_or_else(|| Arc::new(crate::report::to_stderr())),
            silent: self.silent,
            clock,
            handler,
            gate,
        };
        Ok(Engine::new(settings, linger_ns, tick_ns, workers))
    }

    fn check(&self, mode: Mode) -> Result<(), BuildError> {
        within("batch_items_max", self.batch_items_max, 1, BATCH_ITEMS_MAX)?;
        if let Some(items) = self.queue_items_max {
            within("queue_items_max", items, self.batch_items_max, QUEUE_ITEMS_MAX)?;
        }
        within("workers", self.workers.unwrap_or(1), 1, WORKERS_MAX)?;
        if mode == Mode::Caller && self.workers.is_some() {
            let why = "unset, with dispatch(Caller): the putting threads are the workers";
            return Err(BuildError::new("workers", self.workers.unwrap_or(1), why));
        }
        if self.is_gate_lost && self.gate.is_none() {
            return Err(BuildError::new(
                "dedup",
                "set before replies",
                "set after it, over the type of reply",
            ));
        }
        self.check_bytes()?;
        self.check_times(mode)
    }

    fn check_bytes(&self) -> Result<(), BuildError> {
        for (field, bytes) in
            [("batch_bytes_max", self.batch_bytes_max), ("queue_bytes_max", self.queue_bytes_max)]
        {
            let Some(bytes) = bytes else { continue };
            if self.weigher.is_none() {
                return Err(BuildError::new(field, bytes, "unset, or set with a weigher"));
            }
            within(field, bytes, 1, QUEUE_BYTES_MAX)?;
        }
        match (self.batch_bytes_max, self.queue_bytes_max) {
            (Some(batch), Some(queue)) => within("queue_bytes_max", queue, batch, QUEUE_BYTES_MAX),
            _ => Ok(()),
        }
    }

    fn check_times(&self, mode: Mode) -> Result<(), BuildError> {
        if let Some(linger) = self.linger {
            check_linger(linger)?;
        }
        if let Some(tick) = self.tick {
            check_tick(tick)?;
        }
        if self.demand && self.tick.is_some() {
            return Err(BuildError::new("tick", "set", "unset, with demand: a free worker does not wait"));
        }
        if self.demand && self.linger_chosen {
            return Err(BuildError::new("linger", "set", "unset, with demand: a free worker does not wait"));
        }
        if self.demand && mode == Mode::Caller {
            return Err(BuildError::new("demand", "true", "false, with dispatch(Caller): no worker waits"));
        }
        Ok(())
    }
}

fn within(field: &'static str, value: usize, min: usize, max: usize) -> Result<(), BuildError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(BuildError::new(field, value, format_args!("{min} to {max}")))
}

pub(crate) fn check_linger(linger: Duration) -> Result<(), BuildError> {
    if linger <= LINGER_MAX {
        return Ok(());
    }
    Err(BuildError::new("linger", format_args!("{linger:?}"), format_args!("0 to {LINGER_MAX:?}")))
}

pub(crate) fn check_tick(tick: Duration) -> Result<(), BuildError> {
    if (Duration::from_micros(1)..=LINGER_MAX).contains(&tick) {
        return Ok(());
    }
    Err(BuildError::new("tick", format_args!("{tick:?}"), format_args!("1us to {LINGER_MAX:?}")))
}

impl<T, R> fmt::Debug for Builder<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("batch_items_max", &self.batch_items_max)
            .field("linger", &self.linger)
            .field("demand", &self.demand)
            .field("overflow", &self.overflow)
            .finish_non_exhaustive()
    }
}

/// The failure of a batch whose poller panicked.
pub(crate) fn poller_panicked() -> Failure {
    Failure::Panicked(Arc::from("the poller panicked while it held the batch"))
}
