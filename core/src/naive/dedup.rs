//! The naive batcher behind a naive window.

use super::{Batching, NaiveBatcher, NaiveTimePartitionedMap};
use crate::error::{FlushError, PutError, PutManyError};
use crate::ledger::{Receipt, Stats};
use crate::options::Deadline;
use std::fmt;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A [`NaiveBatcher`] that refuses items whose key is in a [`NaiveTimePartitionedMap`], and takes the keys of failed
/// batches out again. What close hands back keeps its keys: the window ends with the batcher.
///
/// ```
/// use batchline::PutError;
/// use batchline::naive::{Batching, NaiveBatcher, NaiveDedupBatcher, NaiveTimePartitionedMap};
/// use std::time::Duration;
/// let window = NaiveTimePartitionedMap::new(Duration::from_secs(60), Duration::from_secs(1));
/// let open = |handler| NaiveBatcher::new(100, 6400, Duration::from_millis(1), handler);
/// let naive = NaiveDedupBatcher::new(window, |item: &u64| *item, |_: &[u64]| true, open);
/// naive.put(1)?;
/// assert_eq!(naive.put(1), Err(PutError::Duplicate(1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct NaiveDedupBatcher<T, K> {
    inner: NaiveBatcher<T>,
    window: Arc<NaiveTimePartitionedMap<K, ()>>,
    key_of: Arc<dyn Fn(&T) -> K + Send + Sync>,
    duplicates: AtomicU64,
}

/// The handler that a [`NaiveDedupBatcher`] gives its batcher.
pub type NaiveHandler<T> = Box<dyn FnMut(&[T]) -> bool + Send>;

impl<T: Send + 'static, K: Hash + Eq + Send + 'static> NaiveDedupBatcher<T, K> {
    /// Puts a window before the batcher that `open` makes with the handler it is given.
    ///
    /// ```
    /// # use batchline::naive::{NaiveBatcher, NaiveDedupBatcher, NaiveTimePartitionedMap};
    /// # use std::time::Duration;
    /// let window = NaiveTimePartitionedMap::new(Duration::from_secs(60), Duration::from_secs(1));
    /// let open = |handler| NaiveBatcher::new(100, 6400, Duration::from_millis(1), handler);
    /// let naive = NaiveDedupBatcher::new(window, |item: &u64| *item, |_: &[u64]| true, open);
    /// # let _ = naive;
    /// ```
    pub fn new(
        window: NaiveTimePartitionedMap<K, ()>,
        key_of: impl Fn(&T) -> K + Send + Sync + 'static,
        mut handler: impl FnMut(&[T]) -> bool + Send + 'static,
        open: impl FnOnce(NaiveHandler<T>) -> NaiveBatcher<T>,
    ) -> Self {
        let window = Arc::new(window);
        let key_of: Arc<dyn Fn(&T) -> K + Send + Sync> = Arc::new(key_of);
        let (keys, key) = (window.clone(), key_of.clone());
        let inner = open(Box::new(move |batch: &[T]| {
            let succeeded = catch_unwind(AssertUnwindSafe(|| handler(batch))).unwrap_or(false);
            if !succeeded {
                for item in batch {
                    keys.remove(&key(item));
                }
            }
            succeeded
        }));
        Self { inner, window, key_of, duplicates: AtomicU64::new(0) }
    }
}

impl<T: Send + 'static, K: Hash + Eq + Send + 'static> Batching<T> for NaiveDedupBatcher<T, K> {
    fn put(&self, item: T) -> Result<(), PutError<T>> {
        if self.window.insert((self.key_of)(&item), ()).is_err() {
            self.duplicates.fetch_add(1, Relaxed);
            return Err(PutError::Duplicate(item));
        }
        self.inner.put(item).inspect_err(|error| {
            if let PutError::Closed(item) = error {
                self.window.remove(&(self.key_of)(item));
            }
        })
    }

    fn put_many(&self, items: &mut Vec<T>) -> Result<usize, PutManyError> {
        let (mut accepted, mut duplicates) = (0, Vec::new());
        let mut rest = std::mem::take(items).into_iter();
        while let Some(item) = rest.next() {
            match Batching::put(self, item) {
                Ok(()) => accepted += 1,
                Err(PutError::Duplicate(item)) => duplicates.push(item),
                Err(error) => {
                    items.extend(duplicates);
                    items.push(error.into_item());
                    items.extend(rest);
                    return Err(PutManyError::Closed { accepted });
                }
            }
        }
        *items = duplicates;
        match items.len() {
            0 => Ok(accepted),
            duplicates => Err(PutManyError::Duplicates { accepted, duplicates }),
        }
    }

    fn flush(&self) -> Result<(), FlushError> {
        self.inner.flush()
    }

    fn close(&self, deadline: Deadline) -> Receipt<T> {
        self.inner.close(deadline)
    }

    fn stats(&self) -> Stats {
        let duplicates = self.duplicates.load(Relaxed);
        Stats { duplicates, refused: duplicates, ..self.inner.stats() }
    }
}

impl<T, K> fmt::Debug for NaiveDedupBatcher<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NaiveDedupBatcher")
    }
}
