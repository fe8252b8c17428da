//! The batcher: the handle that users hold.

use crate::builder::{self, Builder};
use crate::clock::{NEVER_NS, nanoseconds};
use crate::desk::DeskGuard;
use crate::dispatch::{Next, Role};
use crate::engine::{Engine, Mode};
use crate::entrance::Entrance;
use crate::error::{BuildError, FlushError, PutError, PutManyError};
use crate::failure::FailureKind;
use crate::handler;
use crate::lane::writer::Fast;
use crate::ledger::{Receipt, Stats};
use crate::options::{Deadline, ItemOptions};
use crate::overflow::Patience;
use crate::poll::PolledBatch;
use crate::producer::Producer;
use crate::sync::thread::JoinHandle;
use crate::sync::{Mutex, lock};
use crate::taking::Taking;
use crate::threads;
use crate::ticket::Ticket;
use std::fmt;
#[cfg(not(batchline_loom))]
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// Turns many puts into few handler calls; no item is lost, repeated, or later than it was asked to be.
///
/// All methods take `&self` and may be called from any thread; share a batcher in an [`Arc`]. Each putting
/// thread gets a lane of its own, so puts of different threads share no cache line; items of one thread stay
/// in order.
///
/// Dropping the batcher closes it: it drains for up to the drop deadline, then reports what it gave up.
///
/// ```
/// use batchline::{Batch, Batcher, Deadline};
/// use std::time::Duration;
///
/// let batcher = Batcher::builder()
///     .batch_items_max(1000)
///     .linger(Duration::from_millis(10))
///     .build(|batch: &mut Batch<u64>| println!("{} items", batch.len()))?;
/// for item in 0..5000 {
///     batcher.put(item)?;
/// }
/// let receipt = batcher.close(Deadline::after(Duration::from_secs(5)));
/// assert_eq!(receipt.done, 5000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Batcher<T: Send + 'static, R: Send + 'static = ()> {
    engine: Arc<Engine<T, R>>,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

impl<T: Send + 'static> Batcher<T, ()> {
    /// Begins a batcher with the default settings.
    ///
    /// ```
    /// let builder = batchline::Batcher::<u64>::builder();
    /// # let _ = builder;
    /// ```
    pub fn builder() -> Builder<T, ()> {
        Builder::new()
    }
}

impl<T: Send + 'static, R: Send + 'static> Batcher<T, R> {
    pub(crate) fn new(engine: Arc<Engine<T, R>>, workers: Vec<JoinHandle<()>>) -> Self {
        Self { engine, workers: Mutex::new(workers) }
    }

    pub(crate) fn add_worker(&self, worker: JoinHandle<()>) {
        lock(&self.workers).push(worker);
    }

    /// Puts one item. What happens when the queue is full is the batcher's overflow policy.
    ///
    /// Costs a thread-local look-up and a few plain stores, 1 to 2 ns; once per batch the clock is read and a
    /// sleeping worker woken.
    ///
    /// # Errors
    /// The item, in the reason why it was not accepted.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// let batcher = Batcher::builder().build(|_: &mut Batch<u64>| ())?;
    /// batcher.put(7)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn put(&self, item: T) -> Result<(), PutError<T>> {
        let Some(lane) = threads::recent(&self.engine) else { return self.put_slowly(item) };
        // SAFETY: the lane is lent to this thread, and no other access to its writer is live: none of ours calls
        // user code.
        match unsafe { lane.producer() }.put_fast(item) {
            Fast::Published => Ok(()),
            Fast::LookAgain => self.engine.look_again_at(lane),
            Fast::NotWritten(item) => self.put_slowly(item),
        }
    }

    /// The fast path of [`put`](Self::put) alone, for layers that must keep what is rare out of their way; `write` puts
    /// the item into its slot. `Some(true)`: it is done. `Some(false)`: [`finish_put`](Self::finish_put) must follow.
    /// `None`: nothing happened, and `put` is next.
    ///
    /// # Safety
    /// `write` initialises the slot it is given, does not panic, and calls nothing but code of its own.
    #[cfg(not(batchline_loom))]
    #[doc(hidden)]
    #[inline(always)]
    pub unsafe fn put_fast_by(&self, write: impl FnOnce(*mut T)) -> Option<bool> {
        let lane = threads::recent(&self.engine)?;
        // SAFETY: as in `put`; and the caller's promise.
        match unsafe { lane.producer().put_fast_by(write) } {
            Fast::Published => Some(true),
            Fast::LookAgain => Some(false),
            Fast::NotWritten(()) => None,
        }
    }

    /// The end of a [`put_fast_by`](Self::put_fast_by) that was published on this thread just before.
    ///
    /// # Errors
    /// As `put`.
    #[doc(hidden)]
    pub fn finish_put(&self) -> Result<(), PutError<T>> {
        threads::recent(&self.engine).map_or(Ok(()), |lane| self.engine.look_again_at(lane))
    }

    /// Lends the slot that this thread's next put would use, for layers that let their callers write an item where it
    /// will lie. Until it is committed or discarded, which is to happen on this thread, other puts of this thread go
    /// round it, at the cost of a batch cut short. It is dead when the thread or the batcher has ended. `None`: the
    /// batcher is ordered, the thread is ending, or has its one reservation already.
    #[cfg(not(batchline_loom))]
    #[doc(hidden)]
    pub fn reserve_slot(&self) -> Option<NonNull<T>>
    where
        T: Copy,
    {
        self.engine.reserve(&self.entrance())
    }

    /// Puts what was written into the slot. When that is refused the slot stays reserved. `None`: it is no slot that
    /// this thread has reserved.
    ///
    /// # Safety
    /// If the slot is one that this thread has reserved, it was written.
    #[cfg(not(batchline_loom))]
    #[doc(hidden)]
    #[inline]
    pub unsafe fn commit_slot(&self, slot: NonNull<T>) -> Option<Result<(), PutError<T>>>
    where
        T: Copy,
    {
        // SAFETY: the caller's promise.
        unsafe { self.engine.commit(&self.entrance(), slot) }
    }

    /// Gives a reserved slot up; false: it is no slot that this thread has reserved.
    #[cfg(not(batchline_loom))]
    #[doc(hidden)]
    pub fn discard_slot(&self, slot: NonNull<T>) -> bool {
        self.engine.end_reservation(&self.entrance(), Some(slot))
    }

    /// The first put of a thread, of a batch, or after its credit; and every put of an ordered batcher.
    #[inline(never)]
    fn put_slowly(&self, item: T) -> Result<(), PutError<T>> {
        match self.engine.ordered_lane() {
            Some(lane) => self.engine.put_ordered(lane, item),
            None => self.engine.put(&self.entrance(), item, Patience::Policy),
        }
    }

    /// Puts one item if there is room now; never waits.
    ///
    /// # Errors
    /// `Full` at once when there is no room, whatever the overflow policy.
    ///
    /// ```
    /// # use batchline::{Batcher, PutError};
    /// let batcher = Batcher::<u64>::builder().batch_items_max(1).queue_items_max(1).build_poll()?;
    /// batcher.try_put(1)?;
    /// assert!(matches!(batcher.try_put(2), Err(PutError::Full(2))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_put(&self, item: T) -> Result<(), PutError<T>> {
        self.engine.put(&self.entrance(), item, Patience::Never)
    }

    /// Puts one item, waiting for room at most `timeout`, whatever the overflow policy.
    ///
    /// # Errors
    /// `TimedOut` with the item when the time is over.
    ///
    /// ```
    /// # use batchline::{Batcher, PutError};
    /// # use std::time::Duration;
    /// let batcher = Batcher::<u64>::builder().batch_items_max(1).queue_items_max(1).build_poll()?;
    /// batcher.put(1)?;
    /// assert!(matches!(batcher.put_timeout(2, Duration::from_millis(1)), Err(PutError::TimedOut(2))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn put_timeout(&self, item: T, timeout: Duration) -> Result<(), PutError<T>> {
        let until_ns = self.engine.now_ns().saturating_add(nanoseconds(timeout));
        self.engine.put(&self.entrance(), item, Patience::UntilNs(until_ns))
    }

    /// Puts one item with a linger or a deadline of its own.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    ///
    /// ```
    /// # use batchline::{Batch, Batcher, ItemOptions};
    /// # use std::time::Duration;
    /// let batcher = Batcher::builder().linger(Duration::from_secs(1)).build(|_: &mut Batch<u64>| ())?;
    /// batcher.put_with(1, ItemOptions::new().linger(Duration::from_millis(1)))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn put_with(&self, item: T, options: ItemOptions) -> Result<(), PutError<T>> {
        self.engine.put_with(&self.entrance(), item, options, Patience::Policy)
    }

    /// Puts all items, from the front of the vector, which keeps its capacity and what was refused. Returns how
    /// many were accepted. One copy per slab: a fraction of a nanosecond per small item.
    ///
    /// # Errors
    /// Why it stopped, and how many were accepted before.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// let batcher = Batcher::builder().build(|_: &mut Batch<u64>| ())?;
    /// let mut items = vec![1, 2, 3];
    /// assert_eq!(batcher.put_many(&mut items)?, 3);
    /// assert!(items.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn put_many(&self, items: &mut Vec<T>) -> Result<usize, PutManyError> {
        self.engine.put_many(&self.entrance(), Taking::new(items), Patience::Policy)
    }

    /// As [`put_many`](Self::put_many), of copies: the slice stays as it is. Refused are the items behind the accepted
    /// ones; of a deduplicating batcher also duplicates among them, and only `put_many` says which.
    ///
    /// # Errors
    /// Why it stopped, and how many were accepted before.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// let batcher = Batcher::builder().build(|_: &mut Batch<u64>| ())?;
    /// assert_eq!(batcher.put_slice(&[1, 2, 3])?, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn put_slice(&self, items: &[T]) -> Result<usize, PutManyError>
    where
        T: Copy,
    {
        self.engine.put_many(&self.entrance(), Taking::copies(items), Patience::Policy)
    }

    /// Puts one item and returns a ticket for its outcome.
    ///
    /// # Errors
    /// As [`put`](Self::put); under `DropNewest`, a full queue refuses with `Full`.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// let batcher = Batcher::builder().demand(true).build(|_: &mut Batch<u64>| ())?;
    /// batcher.submit(1)?.wait()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn submit(&self, item: T) -> Result<Ticket<R>, PutError<T>> {
        self.submit_with(item, ItemOptions::new())
    }

    /// Puts one item with a linger or a deadline of its own, and returns a ticket for its outcome.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    ///
    /// ```
    /// # use batchline::{Batch, Batcher, ItemOptions};
    /// # use std::time::Duration;
    /// let batcher = Batcher::builder().build(|_: &mut Batch<u64>| ())?;
    /// let options = ItemOptions::new().deadline(Duration::from_secs(10));
    /// batcher.submit_with(1, options)?.wait()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn submit_with(&self, item: T, options: ItemOptions) -> Result<Ticket<R>, PutError<T>> {
        self.engine.submit(&self.entrance(), item, options, Patience::Policy)
    }

    /// Submits one item if there is room now; never waits.
    ///
    /// # Errors
    /// As [`try_put`](Self::try_put).
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// let batcher = Batcher::builder().demand(true).build(|_: &mut Batch<u64>| ())?;
    /// batcher.try_submit(1)?.wait()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_submit(&self, item: T) -> Result<Ticket<R>, PutError<T>> {
        self.engine.submit(&self.entrance(), item, ItemOptions::new(), Patience::Never)
    }

    /// A lane of its own for one producer: the fastest path.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// let batcher = Batcher::builder().build(|_: &mut Batch<u64>| ())?;
    /// let mut producer = batcher.producer();
    /// producer.put(1)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn producer(&self) -> Producer<T, R> {
        Producer::new(&self.engine)
    }

    /// Seals what waits and returns when everything accepted before has its outcome. Items put meanwhile do not
    /// prolong it.
    ///
    /// With [`Builder::build_poll`] it returns when pollers have settled those batches.
    ///
    /// # Errors
    /// When the batcher is closed, or this is one of its own handlers.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// let batcher = Batcher::builder().build(|_: &mut Batch<u64>| ())?;
    /// batcher.put(1)?;
    /// batcher.flush()?;
    /// assert_eq!(batcher.stats().done, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn flush(&self) -> Result<(), FlushError> {
        self.engine.flush(NEVER_NS)
    }

    /// As [`flush`](Self::flush), but waits at most `timeout`.
    ///
    /// # Errors
    /// `TimedOut` when the time is over; the batches are sealed all the same.
    ///
    /// ```
    /// # use batchline::{Batcher, FlushError};
    /// # use std::time::Duration;
    /// let batcher = Batcher::<u64>::builder().build_poll()?;
    /// batcher.put(1)?;
    /// assert_eq!(batcher.flush_timeout(Duration::ZERO), Err(FlushError::TimedOut));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn flush_timeout(&self, timeout: Duration) -> Result<(), FlushError> {
        self.engine.flush(self.engine.now_ns().saturating_add(nanoseconds(timeout)))
    }

    /// Refuses further puts, handles what is queued until the deadline, hands back the rest, and says what became
    /// of everything. Returns when no handler runs any more, or at the deadline.
    ///
    /// A second close waits for the first, up to its own deadline. From inside a handler of this batcher it only
    /// begins the close and returns at once, with `timed_out` set.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher, Deadline};
    /// # use std::time::Duration;
    /// let batcher = Batcher::builder().build(|_: &mut Batch<u64>| ())?;
    /// batcher.put(1)?;
    /// let receipt = batcher.close(Deadline::after(Duration::from_secs(5)));
    /// assert!(receipt.is_balanced() && receipt.items.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close(&self, deadline: Deadline) -> Receipt<T> {
        let receipt = self.engine.close(deadline);
        if !receipt.timed_out {
            self.join_workers();
        }
        receipt
    }

    /// Whether a close has begun.
    ///
    /// ```
    /// # use batchline::{Batcher, Deadline};
    /// let batcher = Batcher::<u64>::builder().build_poll()?;
    /// assert!(!batcher.is_closed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_closed(&self) -> bool {
        !self.engine.is_open()
    }

    /// The counters now.
    ///
    /// ```
    /// # use batchline::Batcher;
    /// let batcher = Batcher::<u64>::builder().build_poll()?;
    /// assert_eq!(batcher.stats().live, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stats(&self) -> Stats {
        self.engine.stats()
    }

    /// The counters of the deduplication window; none without one.
    ///
    /// ```
    /// # use batchline::Batcher;
    /// # use std::time::Duration;
    /// let batcher = Batcher::<u64>::builder().dedup(Duration::from_secs(60), |item| *item).build_poll()?;
    /// batcher.put(1)?;
    /// assert_eq!(batcher.window_stats().unwrap().keys, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "dedup")]
    pub fn window_stats(&self) -> Option<crate::dedup::WindowStats> {
        self.engine.window_stats()
    }

    /// Changes the linger, also of batches that are open now.
    ///
    /// # Errors
    /// A linger over 24 h, or a batcher in demand mode, which does not linger.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// # use std::time::Duration;
    /// let batcher = Batcher::builder().build(|_: &mut Batch<u64>| ())?;
    /// batcher.set_linger(Duration::from_millis(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_linger(&self, linger: Duration) -> Result<(), BuildError> {
        builder::check_linger(linger)?;
        if self.engine.settings.demand {
            return Err(BuildError::new("linger", format_args!("{linger:?}"), "unset, with demand"));
        }
        self.engine.linger_ns.store(nanoseconds(linger), SeqCst);
        self.look_at_the_clock_again();
        Ok(())
    }

    /// Changes the cadence, also for batches that are open now; `None` ends it.
    ///
    /// # Errors
    /// A tick under 1 us or over 24 h, or a batcher in demand mode.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// # use std::time::Duration;
    /// let batcher = Batcher::builder().no_linger().tick(Duration::from_millis(50)).build(|_: &mut Batch<u64>| ())?;
    /// batcher.set_tick(Some(Duration::from_millis(5)))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_tick(&self, tick: Option<Duration>) -> Result<(), BuildError> {
        if let Some(tick) = tick {
            builder::check_tick(tick)?;
            if self.engine.settings.demand {
                return Err(BuildError::new("tick", format_args!("{tick:?}"), "unset, with demand"));
            }
        }
        self.engine.tick_ns.store(tick.map_or(NEVER_NS, nanoseconds), SeqCst);
        self.look_at_the_clock_again();
        Ok(())
    }

    /// Makes the consumers work out anew when the next batch is due.
    fn look_at_the_clock_again(&self) {
        self.engine.note_due(0);
        self.engine.bell.wake_all();
    }

    /// The next batch of a batcher that was built with [`Builder::build_poll`]; `None` when none was sealed
    /// within `timeout`, or when the batcher is closed and drained. Any number of threads may poll.
    ///
    /// # Panics
    /// When the batcher has workers of its own.
    ///
    /// ```
    /// # use batchline::Batcher;
    /// # use std::time::Duration;
    /// let batcher = Batcher::<u64>::builder().batch_items_max(2).build_poll()?;
    /// batcher.put_many(&mut vec![1, 2, 3])?;
    /// assert_eq!(batcher.next_batch(Duration::ZERO).unwrap()[..], [1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn next_batch(&self, timeout: Duration) -> Option<PolledBatch<T, R>> {
        assert!(self.engine.settings.mode == Mode::Poll, "next_batch is for batchers built with build_poll");
        let until_ns = match timeout {
            Duration::ZERO => 0,
            timeout => self.engine.now_ns().saturating_add(nanoseconds(timeout)),
        };
        loop {
            let mut desk: DeskGuard<'_, R> = self.engine.desk();
            let Next::Batch(batch) = self.engine.next(&mut desk, Role::Worker, until_ns) else { return None };
            let polled = PolledBatch::begin(&self.engine, &mut desk, batch);
            if polled.is_some() {
                return polled;
            }
        }
    }

    /// Waits until [`next_batch`](Self::next_batch) may find a batch, and takes none: for a thread that wakes an event
    /// loop. False when there was none within `timeout`. It may return early, and for no reason; when the batcher is
    /// closed it returns true at once.
    ///
    /// # Panics
    /// When the batcher has workers of its own.
    ///
    /// ```
    /// # use batchline::Batcher;
    /// # use std::time::Duration;
    /// let batcher = Batcher::<u64>::builder().demand(true).build_poll()?;
    /// assert!(!batcher.wait_for_batch(Duration::from_millis(1)));
    /// batcher.put(1)?;
    /// assert!(batcher.wait_for_batch(Duration::from_secs(1)));
    /// assert_eq!(batcher.next_batch(Duration::ZERO).unwrap()[..], [1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_for_batch(&self, timeout: Duration) -> bool {
        assert!(
            self.engine.settings.mode == Mode::Poll,
            "wait_for_batch is for batchers built with build_poll"
        );
        let until_ns = self.engine.now_ns().saturating_add(nanoseconds(timeout));
        self.engine.wait_for_batch(&mut self.engine.desk(), until_ns)
    }

    /// Wakes every thread that waits in [`wait_for_batch`](Self::wait_for_batch), so that it returns. Threads in
    /// [`next_batch`](Self::next_batch) look once more and wait on.
    ///
    /// ```
    /// # use batchline::Batcher;
    /// # use std::time::Duration;
    /// let batcher = std::sync::Arc::new(Batcher::<u64>::builder().build_poll()?);
    /// let waiting = std::thread::spawn({
    ///     let batcher = batcher.clone();
    ///     move || batcher.wait_for_batch(Duration::from_secs(60))
    /// });
    /// while !waiting.is_finished() {
    ///     batcher.wake_pollers();
    ///     std::thread::sleep(Duration::from_millis(1));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wake_pollers(&self) {
        self.engine.bell.wake_all();
    }

    fn entrance(&self) -> Entrance<'_, T, R> {
        if let Some(lane) = self.engine.ordered_lane() {
            return Entrance::Ordered(lane);
        }
        let mine = threads::recent(&self.engine).or_else(|| threads::find(&self.engine));
        mine.map_or_else(|| Entrance::Borrowed(self.engine.acquire_lane()), Entrance::Own)
    }

    fn join_workers(&self) {
        let workers = std::mem::take(&mut *lock(&self.workers));
        for worker in workers {
            // A worker catches the panics of handlers; if it panicked itself, that is a defect of ours to see.
            worker.join().expect("a worker does not panic");
        }
    }
}

impl<T: Send + 'static, R: Send + 'static> Drop for Batcher<T, R> {
    fn drop(&mut self) {
        let lost = if handler::is_inside(self.engine.id) {
            self.engine.abandon()
        } else {
            // Of a polled batcher nobody is left to poll.
            let polled = self.engine.settings.mode == Mode::Poll;
            let after_ns = if polled { 0 } else { self.engine.settings.drop_deadline_ns };
            self.close(Deadline { after_ns }).items.len() as u64
        };
        if lost > 0 {
            self.engine.report(FailureKind::Abandoned, lost, 0, None);
        }
    }
}

impl<T: Send + 'static, R: Send + 'static> fmt::Debug for Batcher<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher")
            .field("name", &self.engine.settings.name)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
