//! A producer: a lane held by name instead of by thread.

use crate::engine::Engine;
use crate::entrance::Entrance;
use crate::error::{PutError, PutManyError};
use crate::lane::Lane;
use crate::lane::writer::Fast;
use crate::options::ItemOptions;
use crate::overflow::Patience;
use crate::taking::Taking;
use crate::ticket::Ticket;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

/// One producer's own lane: the fastest way to put. It may be moved to another thread, and outlive the batcher;
/// then its puts are refused as `Closed`.
///
/// Of an ordered batcher it uses the one shared lane.
///
/// ```
/// use batchline::{Batch, Batcher};
/// let batcher = Batcher::builder().build(|_: &mut Batch<u64>| ())?;
/// let mut producer = batcher.producer();
/// std::thread::spawn(move || {
///     for item in 0..10_000 {
///         producer.put(item).expect("the batcher is open");
///     }
/// })
/// .join()
/// .unwrap();
/// batcher.flush()?;
/// assert_eq!(batcher.stats().done, 10_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Producer<T: Send + 'static, R: Send + 'static = ()> {
    engine: Arc<Engine<T, R>>,
    lane: NonNull<Lane<T, R>>,
}

// SAFETY: the lane is this producer's alone (or behind the ordered lock), and may be used from the thread that
// has the producer.
unsafe impl<T: Send + 'static, R: Send + 'static> Send for Producer<T, R> {}

impl<T: Send + 'static, R: Send + 'static> Producer<T, R> {
    pub(crate) fn new(engine: &Arc<Engine<T, R>>) -> Self {
        let lane = NonNull::from(engine.ordered_lane().unwrap_or_else(|| engine.acquire_lane()));
        Self { engine: engine.clone(), lane }
    }

    #[inline(always)]
    fn lane(&self) -> &Lane<T, R> {
        // SAFETY: lanes live as long as their engine, which this producer holds.
        unsafe { self.lane.as_ref() }
    }

    fn entrance(&self) -> Entrance<'_, T, R> {
        if self.engine.settings.ordered { Entrance::Ordered(self.lane()) } else { Entrance::Own(self.lane()) }
    }

    /// As [`crate::Batcher::put`], without the look-up.
    ///
    /// # Errors
    /// The item, in the reason why it was not accepted.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// # let batcher = Batcher::builder().build(|_: &mut Batch<u64>| ())?;
    /// batcher.producer().put(1)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn put(&mut self, item: T) -> Result<(), PutError<T>> {
        if self.engine.settings.ordered {
            return self.put_ordered(item);
        }
        // SAFETY: the lane is this producer's, `self` is borrowed exclusively, and no user code runs meanwhile.
        match unsafe { self.lane().producer() }.put_fast(item) {
            Fast::Published => Ok(()),
            Fast::LookAgain => self.engine.look_again_at(self.lane()),
            Fast::NotWritten(item) => self.put_slowly(item),
        }
    }

    #[inline(never)]
    fn put_ordered(&mut self, item: T) -> Result<(), PutError<T>> {
        self.engine.put_ordered(self.lane(), item)
    }

    #[cold]
    #[inline(never)]
    fn put_slowly(&mut self, item: T) -> Result<(), PutError<T>> {
        self.engine.put(&self.entrance(), item, Patience::Policy)
    }

    /// As [`crate::Batcher::try_put`].
    ///
    /// # Errors
    /// The item, in the reason why it was not accepted.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// # let batcher = Batcher::builder().build(|_: &mut Batch<u64>| ())?;
    /// batcher.producer().try_put(1)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_put(&mut self, item: T) -> Result<(), PutError<T>> {
        self.engine.put(&self.entrance(), item, Patience::Never)
    }

    /// As [`crate::Batcher::put_with`].
    ///
    /// # Errors
    /// The item, in the reason why it was not accepted.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher, ItemOptions};
    /// # let batcher = Batcher::builder().build(|_: &mut Batch<u64>| ())?;
    /// batcher.producer().put_with(1, ItemOptions::new())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn put_with(&mut self, item: T, options: ItemOptions) -> Result<(), PutError<T>> {
        self.engine.put_with(&self.entrance(), item, options, Patience::Policy)
    }

    /// As [`crate::Batcher::put_many`].
    ///
    /// # Errors
    /// Why it stopped; what was not accepted is still in the vector.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// # let batcher = Batcher::builder().build(|_: &mut Batch<u64>| ())?;
    /// batcher.producer().put_many(&mut vec![1, 2, 3])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn put_many(&mut self, items: &mut Vec<T>) -> Result<usize, PutManyError> {
        self.engine.put_many(&self.entrance(), Taking::new(items), Patience::Policy)
    }

    /// As [`crate::Batcher::put_slice`].
    ///
    /// # Errors
    /// Why it stopped; what was accepted are the first ones.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// # let batcher = Batcher::builder().build(|_: &mut Batch<u64>| ())?;
    /// batcher.producer().put_slice(&[1, 2, 3])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn put_slice(&mut self, items: &[T]) -> Result<usize, PutManyError>
    where
        T: Copy,
    {
        self.engine.put_many(&self.entrance(), Taking::copies(items), Patience::Policy)
    }

    /// As [`crate::Batcher::submit`].
    ///
    /// # Errors
    /// The item, in the reason why it was not accepted.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// # let batcher = Batcher::builder().demand(true).build(|_: &mut Batch<u64>| ())?;
    /// batcher.producer().submit(1)?.wait()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn submit(&mut self, item: T) -> Result<Ticket<R>, PutError<T>> {
        self.submit_with(item, ItemOptions::new())
    }

    /// As [`crate::Batcher::submit_with`].
    ///
    /// # Errors
    /// The item, in the reason why it was not accepted.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher, ItemOptions};
    /// # let batcher = Batcher::builder().demand(true).build(|_: &mut Batch<u64>| ())?;
    /// batcher.producer().submit_with(1, ItemOptions::new())?.wait()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn submit_with(&mut self, item: T, options: ItemOptions) -> Result<Ticket<R>, PutError<T>> {
        self.engine.submit(&self.entrance(), item, options, Patience::Policy)
    }
}

impl<T: Send + 'static, R: Send + 'static> Drop for Producer<T, R> {
    fn drop(&mut self) {
        if !self.engine.settings.ordered {
            self.lane().disown();
        }
    }
}

impl<T: Send + 'static, R: Send + 'static> fmt::Debug for Producer<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("lane", &self.lane().index).finish_non_exhaustive()
    }
}
