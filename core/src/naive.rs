//! The naive twin: the plain way to batch, honestly written. Baseline of the benchmarks, oracle of the property
//! tests, and a choice for users who want to compare.
//!
//! A bounded flume channel; one thread that receives with a timeout; a new `Vec` and a new timer per batch; a
//! channel per submitted item. What most services have today.

#[cfg(feature = "dedup")]
mod dedup;
#[cfg(feature = "dedup")]
mod map;

use crate::batcher::Batcher;
#[cfg(feature = "dedup")]
use crate::dedup::InsertError;
use crate::error::{FlushError, PutError, PutManyError};
use crate::ledger::{Receipt, Stats};
use crate::options::Deadline;
use flume::{Receiver, RecvTimeoutError, Sender};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What the engine and its naive twin have in common.
///
/// ```
/// use batchline::naive::{Batching, NaiveBatcher};
/// use batchline::{Batch, Batcher, Deadline};
/// use std::time::Duration;
///
/// fn fill(batcher: &impl Batching<u64>) -> u64 {
///     batcher.put(1).unwrap();
///     batcher.put_many(&mut vec![2, 3]).unwrap();
///     batcher.flush().unwrap();
///     batcher.close(Deadline::never()).done
/// }
/// assert_eq!(fill(&Batcher::builder().build(|_: &mut Batch<u64>| ())?), 3);
/// assert_eq!(fill(&NaiveBatcher::new(1000, 64_000, Duration::from_millis(10), |_: &[u64]| true)), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Batching<T> {
    /// Puts one item, waiting for room.
    ///
    /// # Errors
    /// The item, when the batcher is closed.
    fn put(&self, item: T) -> Result<(), PutError<T>>;

    /// Puts all items of the vector, from its front.
    ///
    /// # Errors
    /// When the batcher is closed; the rest stays in the vector.
    fn put_many(&self, items: &mut Vec<T>) -> Result<usize, PutManyError>;

    /// Waits until everything accepted before has its outcome.
    ///
    /// # Errors
    /// When the batcher is closed.
    fn flush(&self) -> Result<(), FlushError>;

    /// Drains until the deadline, hands back the rest.
    fn close(&self, deadline: Deadline) -> Receipt<T>;

    /// The counters now.
    fn stats(&self) -> Stats;
}

impl<T: Send + 'static, R: Send + 'static> Batching<T> for Batcher<T, R> {
    fn put(&self, item: T) -> Result<(), PutError<T>> {
        Self::put(self, item)
    }

    fn put_many(&self, items: &mut Vec<T>) -> Result<usize, PutManyError> {
        Self::put_many(self, items)
    }

    fn flush(&self) -> Result<(), FlushError> {
        Self::flush(self)
    }

    fn close(&self, deadline: Deadline) -> Receipt<T> {
        Self::close(self, deadline)
    }

    fn stats(&self) -> Stats {
        Self::stats(self)
    }
}

#[cfg(feature = "dedup")]
pub use dedup::{NaiveDedupBatcher, NaiveHandler};
#[cfg(feature = "dedup")]
pub use map::NaiveTimePartitionedMap;

/// What the time-partitioned map and its naive twin have in common.
///
/// ```
/// use batchline::dedup::TimePartitionedMap;
/// use batchline::naive::{NaiveTimePartitionedMap, WindowMap};
/// use std::time::Duration;
/// fn fill(map: &impl WindowMap<u64, u64>) -> usize {
///     (0..10).for_each(|key| drop(map.insert(key % 3, key)));
///     map.len()
/// }
/// let (window, bucket) = (Duration::from_secs(60), Duration::from_secs(1));
/// assert_eq!(fill(&TimePartitionedMap::new(window)?), 3);
/// assert_eq!(fill(&NaiveTimePartitionedMap::new(window, bucket)), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "dedup")]
#[allow(clippy::len_without_is_empty, reason = "the types have it; the twins are compared by len")]
pub trait WindowMap<K, V> {
    /// Inserts an entry unless its key is there.
    ///
    /// # Errors
    /// Why not, with key and value.
    fn insert(&self, key: K, value: V) -> Result<(), InsertError<K, V>>;

    /// A copy of the value of a key.
    fn get(&self, key: &K) -> Option<V>;

    /// Takes an entry out.
    fn remove(&self, key: &K) -> Option<V>;

    /// Entries that have not expired.
    fn len(&self) -> usize;
}

enum Message<T> {
    Item(T),
    Flush(Sender<()>),
}

#[derive(Default)]
struct Ledger {
    accepted: AtomicU64,
    done: AtomicU64,
    failed: AtomicU64,
    batches: AtomicU64,
}

/// The plain batcher: a channel, a thread, a new vector and a new timer per batch.
///
/// ```
/// use batchline::naive::NaiveBatcher;
/// use std::time::Duration;
/// let naive = NaiveBatcher::new(100, 6400, Duration::from_millis(1), |batch: &[u64]| batch.len() <= 100);
/// naive.put(1)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct NaiveBatcher<T> {
    sender: RwLock<Option<Sender<Message<T>>>>,
    worker: Mutex<Option<JoinHandle<()>>>,
    rest: Receiver<Message<T>>,
    ledger: Arc<Ledger>,
}

impl<T: Send + 'static> NaiveBatcher<T> {
    /// Starts the thread. The handler says whether the batch succeeded.
    ///
    /// ```
    /// # use batchline::naive::NaiveBatcher;
    /// # use std::time::Duration;
    /// let naive = NaiveBatcher::new(10, 100, Duration::from_millis(1), |_: &[u64]| true);
    /// # let _ = naive;
    /// ```
    pub fn new(
        batch_items_max: usize,
        queue_items_max: usize,
        linger: Duration,
        handler: impl FnMut(&[T]) -> bool + Send + 'static,
    ) -> Self {
        let (sender, receiver) = flume::bounded(queue_items_max);
        let ledger = Arc::new(Ledger::default());
        let (rest, counts) = (receiver.clone(), ledger.clone());
        let worker = std::thread::spawn(move || work(&receiver, batch_items_max, linger, handler, &counts));
        Self { sender: RwLock::new(Some(sender)), worker: Mutex::new(Some(worker)), rest, ledger }
    }

    fn sender(&self) -> Option<Sender<Message<T>>> {
        self.sender.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// As [`Batching::put`].
    ///
    /// # Errors
    /// The item, when the batcher is closed.
    ///
    /// ```
    /// # use batchline::naive::NaiveBatcher;
    /// # use std::time::Duration;
    /// # let naive = NaiveBatcher::new(10, 100, Duration::from_millis(1), |_: &[u64]| true);
    /// naive.put(1)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn put(&self, item: T) -> Result<(), PutError<T>> {
        let sender = self.sender.read().unwrap_or_else(PoisonError::into_inner);
        match &*sender {
            Some(sender) => put_through(sender, &self.ledger, item),
            None => Err(PutError::Closed(item)),
        }
    }

    /// A handle with its own end of the channel, so that a put takes no lock before the channel's.
    ///
    /// ```
    /// # use batchline::naive::NaiveBatcher;
    /// # use std::time::Duration;
    /// # let naive = NaiveBatcher::new(10, 100, Duration::from_millis(1), |_: &[u64]| true);
    /// let producer = naive.producer().expect("it is open");
    /// producer.put(1)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn producer(&self) -> Option<NaiveProducer<T>> {
        Some(NaiveProducer { sender: self.sender()?, ledger: self.ledger.clone() })
    }
}

/// One thread's end of a [`NaiveBatcher`]. The batcher can close only after its producers are dropped.
///
/// ```
/// # use batchline::naive::NaiveBatcher;
/// # use std::time::Duration;
/// # let naive = NaiveBatcher::new(10, 100, Duration::from_millis(1), |_: &[u64]| true);
/// naive.producer().unwrap().put(1)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct NaiveProducer<T> {
    sender: Sender<Message<T>>,
    ledger: Arc<Ledger>,
}

impl<T> NaiveProducer<T> {
    /// Puts one item, waiting for room.
    ///
    /// # Errors
    /// The item, when the batcher is closed.
    ///
    /// ```
    /// # use batchline::naive::NaiveBatcher;
    /// # use std::time::Duration;
    /// # let naive = NaiveBatcher::new(10, 100, Duration::from_millis(1), |_: &[u64]| true);
    /// naive.producer().unwrap().put(1)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn put(&self, item: T) -> Result<(), PutError<T>> {
        put_through(&self.sender, &self.ledger, item)
    }
}

fn put_through<T>(sender: &Sender<Message<T>>, ledger: &Ledger, item: T) -> Result<(), PutError<T>> {
    match sender.send(Message::Item(item)) {
        Ok(()) => {
            ledger.accepted.fetch_add(1, Relaxed);
            Ok(())
        }
        Err(flume::SendError(Message::Item(item))) => Err(PutError::Closed(item)),
        Err(_) => unreachable!("an item was sent"),
    }
}

/// Receives one batch after another until the channel is closed and empty.
fn work<T>(
    receiver: &Receiver<Message<T>>,
    batch_items_max: usize,
    linger: Duration,
    mut handler: impl FnMut(&[T]) -> bool,
    ledger: &Ledger,
) {
    let mut open = true;
    while open {
        let mut batch = Vec::new();
        let mut flush = None;
        open = receive(receiver, batch_items_max, linger, &mut batch, &mut flush);
        if !batch.is_empty() {
            let succeeded = catch_unwind(AssertUnwindSafe(|| handler(&batch))).unwrap_or(false);
            let count = if succeeded { &ledger.done } else { &ledger.failed };
            count.fetch_add(batch.len() as u64, Relaxed);
            ledger.batches.fetch_add(1, Relaxed);
        }
        drop(flush);
    }
}

/// Collects one batch; false when the channel is closed.
fn receive<T>(
    receiver: &Receiver<Message<T>>,
    batch_items_max: usize,
    linger: Duration,
    batch: &mut Vec<T>,
    flush: &mut Option<Sender<()>>,
) -> bool {
    let mut deadline = None;
    while batch.len() < batch_items_max && flush.is_none() {
        let message = match deadline {
            None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(deadline) => receiver.recv_deadline(deadline),
        };
        match message {
            Ok(Message::Item(item)) => batch.push(item),
            Ok(Message::Flush(done)) => *flush = Some(done),
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        deadline.get_or_insert_with(|| Instant::now() + linger);
    }
    true
}

impl<T: Send + 'static> Batching<T> for NaiveBatcher<T> {
    fn put(&self, item: T) -> Result<(), PutError<T>> {
        Self::put(self, item)
    }

    fn put_many(&self, items: &mut Vec<T>) -> Result<usize, PutManyError> {
        let mut accepted = 0;
        let mut rest = std::mem::take(items).into_iter();
        while let Some(item) = rest.next() {
            if let Err(error) = self.put(item) {
                items.push(error.into_item());
                items.extend(rest);
                return Err(PutManyError::Closed { accepted });
            }
            accepted += 1;
        }
        Ok(accepted)
    }

    fn flush(&self) -> Result<(), FlushError> {
        let (done, handled) = flume::bounded(1);
        let sender = self.sender().ok_or(FlushError::Closed)?;
        sender.send(Message::Flush(done)).map_err(|_| FlushError::Closed)?;
        // The worker drops its end when the batch before the flush is handled.
        let _ = handled.recv();
        Ok(())
    }

    fn close(&self, deadline: Deadline) -> Receipt<T> {
        drop(self.sender.write().unwrap_or_else(PoisonError::into_inner).take());
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        let until = Instant::now().checked_add(Duration::from_nanos(deadline.after_ns));
        let is_late = || until.is_some_and(|until| Instant::now() >= until);
        if let Some(worker) = worker {
            while !worker.is_finished() && !is_late() {
                std::thread::sleep(Duration::from_micros(100));
            }
            if worker.is_finished() {
                let _ = worker.join();
            }
        }
        let items: Vec<T> = self
            .rest
            .drain()
            .filter_map(|message| match message {
                Message::Item(item) => Some(item),
                Message::Flush(_) => None,
            })
            .collect();
        let mut stats = self.stats();
        stats.handed_back = items.len() as u64;
        stats.in_hand = stats.live - stats.handed_back;
        Receipt::new(&stats, items, stats.in_hand > 0)
    }

    fn stats(&self) -> Stats {
        let (done, failed) = (self.ledger.done.load(Relaxed), self.ledger.failed.load(Relaxed));
        let accepted = self.ledger.accepted.load(Relaxed).max(done + failed);
        let live = accepted - done - failed;
        Stats {
            accepted,
            done,
            failed,
            live,
            in_hand: live,
            batches: self.ledger.batches.load(Relaxed),
            ..Stats::default()
        }
    }
}

impl<T> fmt::Debug for NaiveBatcher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NaiveBatcher")
    }
}

impl<T> fmt::Debug for NaiveProducer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NaiveProducer")
    }
}
