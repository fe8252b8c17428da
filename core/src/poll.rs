//! Polled batches: the user's own threads take and settle them.

use crate::batch::{Batch, Drain};
use crate::builder::poller_panicked;
use crate::desk::DeskGuard;
use crate::engine::Engine;
use crate::failure::{BoxError, Failure};
use crate::seal::SealReason;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A batch that a poller holds: a slice of items. Dropping it settles it: the items are done, except those
/// that were failed; if the thread is panicking, all of them have failed.
///
/// ```
/// use batchline::Batcher;
/// use std::time::Duration;
/// let batcher = Batcher::<u64>::builder().replies::<u64>().demand(true).build_poll()?;
/// let ticket = batcher.submit(20)?;
/// let mut batch = batcher.next_batch(Duration::ZERO).unwrap();
/// let reply = batch[0] + 1;
/// batch.reply(0, reply);
/// drop(batch);
/// assert_eq!(ticket.wait()?, 21);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PolledBatch<T: Send + 'static, R: Send + 'static = ()> {
    engine: Arc<Engine<T, R>>,
    batch: Option<Batch<T, R>>,
    result: Result<(), Failure>,
}

impl<T: Send + 'static, R: Send + 'static> PolledBatch<T, R> {
    /// Takes out what was cancelled or has expired; `None` when nothing is left.
    pub(crate) fn begin(
        engine: &Arc<Engine<T, R>>,
        desk: &mut DeskGuard<'_, R>,
        mut batch: Batch<T, R>,
    ) -> Option<Self> {
        engine.begin(desk.counts(), &mut batch);
        if batch.kept == 0 {
            engine.settle(desk, batch, Ok(()));
            return None;
        }
        desk.counts().handler_calls.add(1);
        Some(Self { engine: engine.clone(), batch: Some(batch), result: Ok(()) })
    }

    fn inner(&self) -> &Batch<T, R> {
        self.batch.as_ref().expect("the batch is there until the drop")
    }

    fn inner_mut(&mut self) -> &mut Batch<T, R> {
        self.batch.as_mut().expect("the batch is there until the drop")
    }

    /// Why the batch was sealed.
    ///
    /// ```
    /// # use batchline::{Batcher, SealReason};
    /// # let batcher = Batcher::<u64>::builder().demand(true).build_poll()?;
    /// # batcher.put(1)?;
    /// let batch = batcher.next_batch(std::time::Duration::ZERO).unwrap();
    /// assert_eq!(batch.reason(), SealReason::Demand);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reason(&self) -> SealReason {
        self.inner().reason()
    }

    /// What the items weighed together; 0 without a weigher.
    ///
    /// ```
    /// # use batchline::Batcher;
    /// # let batcher = Batcher::<u64>::builder().demand(true).build_poll()?;
    /// # batcher.put(1)?;
    /// assert_eq!(batcher.next_batch(std::time::Duration::ZERO).unwrap().bytes(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bytes(&self) -> u64 {
        self.inner().bytes()
    }

    /// Moves the items out, as [`Batch::drain`].
    ///
    /// ```
    /// # use batchline::Batcher;
    /// # let batcher = Batcher::<u64>::builder().demand(true).build_poll()?;
    /// # batcher.put(1)?;
    /// let mut batch = batcher.next_batch(std::time::Duration::ZERO).unwrap();
    /// assert_eq!(batch.drain().collect::<Vec<_>>(), [1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn drain(&mut self) -> Drain<'_, T> {
        self.inner_mut().drain()
    }

    /// Replies to the submitter of item `index`, as [`Batch::reply`].
    ///
    /// # Panics
    /// When `index` is not below the length the batch had when it was polled.
    ///
    /// ```
    /// # use batchline::Batcher;
    /// # let batcher = Batcher::<u64>::builder().replies::<&str>().demand(true).build_poll()?;
    /// # let ticket = batcher.submit(1)?;
    /// batcher.next_batch(std::time::Duration::ZERO).unwrap().reply(0, "one");
    /// assert_eq!(ticket.wait()?, "one");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reply(&mut self, index: usize, reply: R) {
        self.inner_mut().reply(index, reply);
    }

    /// Fails item `index` alone, as [`Batch::fail`].
    ///
    /// # Panics
    /// When `index` is not below the length the batch had when it was polled.
    ///
    /// ```
    /// # use batchline::Batcher;
    /// # let batcher = Batcher::<u64>::builder().demand(true).on_failure(|_| {}).build_poll()?;
    /// # let ticket = batcher.submit(1)?;
    /// batcher.next_batch(std::time::Duration::ZERO).unwrap().fail(0, "no");
    /// assert!(ticket.wait().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fail(&mut self, index: usize, error: impl Into<BoxError>) {
        self.inner_mut().fail(index, error);
    }

    /// Settles the batch: every item has failed with this error.
    ///
    /// ```
    /// # use batchline::Batcher;
    /// # let batcher = Batcher::<u64>::builder().demand(true).on_failure(|_| {}).build_poll()?;
    /// # batcher.put(1)?;
    /// batcher.next_batch(std::time::Duration::ZERO).unwrap().fail_all("the backend is away");
    /// assert_eq!(batcher.stats().failed, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fail_all(mut self, error: impl Into<BoxError>) {
        self.result = Err(Failure::error(error));
    }
}

impl<T: Send + 'static, R: Send + 'static> Deref for PolledBatch<T, R> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.inner()
    }
}

impl<T: Send + 'static, R: Send + 'static> DerefMut for PolledBatch<T, R> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.inner_mut()
    }
}

impl<T: Send + 'static, R: Send + 'static> Drop for PolledBatch<T, R> {
    fn drop(&mut self) {
        let Some(batch) = self.batch.take() else { return };
        let mut result = std::mem::replace(&mut self.result, Ok(()));
        if std::thread::panicking() {
            result = result.and(Err(poller_panicked()));
        }
        self.engine.settle(&mut self.engine.desk(), batch, result);
    }
}

impl<T: Send + 'static, R: Send + 'static> fmt::Debug for PolledBatch<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolledBatch").field("len", &self.len()).field("reason", &self.reason()).finish()
    }
}
