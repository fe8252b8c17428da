//! Keyed batching: one open batch per key, shared workers, one budget.
//!
//! Items of different keys never share a batch. At most `in_flight_per_key_max` batches of a key are handled at
//! a time; with one, a key's items are handled strictly in the order of their puts. Keys with a sealed batch take
//! turns, so a busy key can not starve a slow one. Keys that are idle are kept for their next put, up to a number,
//! and then evicted.
//!
//! ```text
//! put(key, item) -> shard (lock) -> the key's open slab -> sealed: the key gets in line (once)
//!                                        | first item: a timer
//!                                        v
//!                 turnstile (lock): line of keys, heap of timers -> worker -> handler(&key, batch)
//! ```
//!
//! A put takes two short locks instead of none: the price of finding a key. Everything behind a sealed slab
//! (handling, tickets, outcomes, bounds, stats) is the plain engine's.

mod engine;
mod shard;
mod turnstile;

use crate::batch::Batch;
use crate::builder::Builder;
use crate::clock::{NEVER_NS, nanoseconds};
use crate::engine::Mode;
use crate::error::{BuildError, FlushError, PutError};
use crate::failure::FailureKind;
use crate::handler::{self, HandlerReturn};
use crate::ledger::{Receipt, Stats};
use crate::options::{Deadline, ItemOptions};
use crate::overflow::Patience;
use crate::sync::thread::JoinHandle;
use crate::sync::{Mutex, lock, thread};
use crate::ticket::Ticket;
use engine::{KeyedEngine, KeyedHandler, Limits};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// A batcher with one open batch per key. Made by [`Builder::keyed`].
///
/// ```
/// use batchline::{Batch, Batcher};
/// let batcher = Batcher::builder()
///     .batch_items_max(100)
///     .workers(4)
///     .keyed::<String>()
///     .in_flight_per_key_max(1)
///     .build(|table: &String, rows: &mut Batch<u64>| println!("{table}: {} rows", rows.len()))?;
/// batcher.put(&"orders".to_string(), 1)?;
/// batcher.put(&"users".to_string(), 2)?;
/// batcher.flush()?;
/// assert_eq!(batcher.stats().batches, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct KeyedBatcher<K, T, R = ()>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    T: Send + 'static,
    R: Send + 'static,
{
    engine: Arc<KeyedEngine<K, T, R>>,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

/// Settings of a [`KeyedBatcher`] to be: those of its [`Builder`], and what concerns keys.
///
/// ```
/// use batchline::Batcher;
/// let builder = Batcher::<u64>::builder().keyed::<u32>().in_flight_per_key_max(2);
/// # let _ = builder;
/// ```
#[must_use = "a builder does nothing until it is built"]
pub struct KeyedBuilder<K, T, R = ()> {
    base: Builder<T, R>,
    limits: Limits,
    _key: std::marker::PhantomData<fn(K)>,
}

impl<K, T, R> KeyedBuilder<K, T, R> {
    pub(crate) fn new(base: Builder<T, R>) -> Self {
        let limits = Limits { in_flight_per_key_max: 1, open_keys_max: 4096, idle_keys_max: 4096 };
        Self { base, limits, _key: std::marker::PhantomData }
    }

    /// The most batches of one key that are handled at a time. Default 1: a key's items are handled in order.
    ///
    /// ```
    /// let builder = batchline::Batcher::<u64>::builder().keyed::<u32>().in_flight_per_key_max(4);
    /// # let _ = builder;
    /// ```
    pub fn in_flight_per_key_max(mut self, batches: usize) -> Self {
        self.limits.in_flight_per_key_max = batches;
        self
    }

    /// The most keys that have an open batch; one more seals the batch that is due first. Each takes a slab of
    /// `batch_items_max` items. Default 4096.
    ///
    /// ```
    /// let builder = batchline::Batcher::<u64>::builder().keyed::<u32>().open_keys_max(100);
    /// # let _ = builder;
    /// ```
    pub fn open_keys_max(mut self, keys: usize) -> Self {
        self.limits.open_keys_max = keys;
        self
    }

    /// How many idle keys are kept, about, so that their next put allocates nothing. Default 4096.
    ///
    /// ```
    /// let builder = batchline::Batcher::<u64>::builder().keyed::<u32>().idle_keys_max(0);
    /// # let _ = builder;
    /// ```
    pub fn idle_keys_max(mut self, keys: usize) -> Self {
        self.limits.idle_keys_max = keys;
        self
    }
}

impl<K, T, R> KeyedBuilder<K, T, R>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    T: Send + 'static,
    R: Send + 'static,
{
    /// Starts the batcher.
    ///
    /// # Errors
    /// The first setting that cannot work; and `dispatch(Caller)`, `overflow(RunInCaller)`, `ordered` and `tick`,
    /// which a keyed batcher does not have.
    ///
    /// ```
    /// use batchline::{Batch, Batcher};
    /// let batcher = Batcher::builder().keyed().build(|key: &u32, batch: &mut Batch<u64>| {
    ///     assert!(batch.iter().all(|item| item % 10 == u64::from(*key)));
    /// })?;
    /// batcher.put(&3, 13)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build<H, O>(self, handler: H) -> Result<KeyedBatcher<K, T, R>, BuildError>
    where
        H: Fn(&K, &mut Batch<T, R>) -> O + Send + Sync + 'static,
        O: HandlerReturn<R>,
    {
        for (field, value) in [
            ("in_flight_per_key_max", self.limits.in_flight_per_key_max),
            ("open_keys_max", self.limits.open_keys_max),
        ] {
            if value == 0 {
                return Err(BuildError::new(field, value, "1 and up"));
            }
        }
        self.base.check_for_keys()?;
        let workers = self.base.worker_count();
        let engine = Arc::new(KeyedEngine::new(self.base.engine_of(Mode::Thread, None)?, self.limits));
        let batcher = KeyedBatcher { engine, workers: Mutex::new(Vec::with_capacity(workers)) };
        let handler = Arc::new(handler);
        for index in 0..workers {
            let handler = handler.clone();
            batcher.start_worker(index, Box::new(move |key, batch| handler(key, batch).settle(batch)))?;
        }
        Ok(batcher)
    }
}

impl<K, T, R> KeyedBatcher<K, T, R>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    T: Send + 'static,
    R: Send + 'static,
{
    fn start_worker(&self, index: usize, handler: KeyedHandler<K, T, R>) -> Result<(), BuildError> {
        let engine = self.engine.clone();
        let name = format!("{}-{index}", engine.engine.settings.name);
        let worker = thread::Builder::new().name(name).spawn(move || engine.work(handler));
        lock(&self.workers).push(worker.map_err(|error| BuildError::of_system(index + 1, &error))?);
        Ok(())
    }

    /// Puts one item into its key's batch. What happens when the queue is full is the overflow policy.
    ///
    /// # Errors
    /// The item, in the reason why it was not accepted.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// # let batcher = Batcher::builder().keyed().build(|_: &u32, _: &mut Batch<u64>| ())?;
    /// batcher.put(&1, 10)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn put(&self, key: &K, item: T) -> Result<(), PutError<T>> {
        self.put_with(key, item, ItemOptions::new())
    }

    /// As [`put`](Self::put), with a linger or a deadline of the item's own.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    ///
    /// ```
    /// # use batchline::{Batch, Batcher, ItemOptions};
    /// # let batcher = Batcher::builder().keyed().build(|_: &u32, _: &mut Batch<u64>| ())?;
    /// batcher.put_with(&1, 10, ItemOptions::new())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn put_with(&self, key: &K, item: T, options: ItemOptions) -> Result<(), PutError<T>> {
        self.engine.put(key, item, options, Patience::Policy)
    }

    /// Puts one item if there is room now; never waits.
    ///
    /// # Errors
    /// `Full` at once when there is no room.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// # let batcher = Batcher::builder().keyed().build(|_: &u32, _: &mut Batch<u64>| ())?;
    /// batcher.try_put(&1, 10)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_put(&self, key: &K, item: T) -> Result<(), PutError<T>> {
        self.engine.put(key, item, ItemOptions::new(), Patience::Never)
    }

    /// Puts one item and returns a ticket for its outcome.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// # let batcher = Batcher::builder().demand(true).keyed().build(|_: &u32, _: &mut Batch<u64>| ())?;
    /// batcher.submit(&1, 10)?.wait()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn submit(&self, key: &K, item: T) -> Result<Ticket<R>, PutError<T>> {
        self.submit_with(key, item, ItemOptions::new())
    }

    /// As [`submit`](Self::submit), with a linger or a deadline of the item's own.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    ///
    /// ```
    /// # use batchline::{Batch, Batcher, ItemOptions};
    /// # let batcher = Batcher::builder().demand(true).keyed().build(|_: &u32, _: &mut Batch<u64>| ())?;
    /// batcher.submit_with(&1, 10, ItemOptions::new())?.wait()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn submit_with(&self, key: &K, item: T, options: ItemOptions) -> Result<Ticket<R>, PutError<T>> {
        self.engine.submit(key, item, options)
    }

    /// Seals every open batch, and returns when everything accepted before has its outcome.
    ///
    /// # Errors
    /// When the batcher is closed, or this is one of its own handlers.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// # let batcher = Batcher::builder().keyed().build(|_: &u32, _: &mut Batch<u64>| ())?;
    /// batcher.put(&1, 10)?;
    /// batcher.flush()?;
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
    /// # use batchline::{Batch, Batcher};
    /// # let batcher = Batcher::builder().keyed().build(|_: &u32, _: &mut Batch<u64>| ())?;
    /// batcher.flush_timeout(std::time::Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn flush_timeout(&self, timeout: Duration) -> Result<(), FlushError> {
        self.engine.flush(self.engine.engine.now_ns().saturating_add(nanoseconds(timeout)))
    }

    /// As [`crate::Batcher::close`]; what is handed back comes with its key.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher, Deadline};
    /// # let batcher = Batcher::builder().keyed().build(|_: &u32, _: &mut Batch<u64>| ())?;
    /// batcher.put(&1, 10)?;
    /// assert_eq!(batcher.close(Deadline::never()).done, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close(&self, deadline: Deadline) -> Receipt<(K, T)> {
        let receipt = self.engine.close(deadline);
        if !receipt.timed_out {
            for worker in std::mem::take(&mut *lock(&self.workers)) {
                worker.join().expect("a worker does not panic");
            }
        }
        receipt
    }

    /// The counters now.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// # let batcher = Batcher::builder().keyed().build(|_: &u32, _: &mut Batch<u64>| ())?;
    /// assert!(batcher.stats().is_balanced());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stats(&self) -> Stats {
        self.engine.stats()
    }

    /// The counters of the deduplication window, which spans all keys of the batcher; none without one.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// # use std::time::Duration;
    /// let batcher = Batcher::<u64>::builder()
    ///     .dedup(Duration::from_secs(60), |item| *item)
    ///     .keyed()
    ///     .build(|_: &u32, _: &mut Batch<u64>| ())?;
    /// batcher.put(&3, 1)?;
    /// assert!(batcher.put(&4, 1).is_err());
    /// assert_eq!(batcher.window_stats().unwrap().keys, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "dedup")]
    pub fn window_stats(&self) -> Option<crate::dedup::WindowStats> {
        self.engine.engine.window_stats()
    }

    /// How many keys are known: those with items, and idle ones that are kept.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// # let batcher = Batcher::builder().keyed().build(|_: &u32, _: &mut Batch<u64>| ())?;
    /// batcher.put(&1, 10)?;
    /// assert_eq!(batcher.keys(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn keys(&self) -> usize {
        self.engine.keys()
    }
}

impl<K, T, R> Drop for KeyedBatcher<K, T, R>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    T: Send + 'static,
    R: Send + 'static,
{
    fn drop(&mut self) {
        let plain = &self.engine.engine;
        let deadline = Deadline { after_ns: plain.settings.drop_deadline_ns };
        let lost = self.close(deadline).items.len() as u64;
        if handler::is_inside(plain.id) {
            plain.abandon();
        }
        if lost > 0 {
            plain.report(FailureKind::Abandoned, lost, 0, None);
        }
    }
}

impl<K, T, R> fmt::Debug for KeyedBatcher<K, T, R>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    T: Send + 'static,
    R: Send + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedBatcher").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl<K, T, R> fmt::Debug for KeyedBuilder<K, T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedBuilder").field("base", &self.base).finish_non_exhaustive()
    }
}
