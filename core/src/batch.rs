//! What a handler sees of a batch, and what the engine keeps of it. Before it: [`crate::dispatch`]; after it:
//! [`crate::handle`].

use crate::Failure;
use crate::failure::BoxError;
use crate::inflight::Half;
use crate::lane::reader::Run;
use crate::seal::SealReason;
use crate::shield::{drop_all, shielded};
use std::fmt;
use std::ops::{Deref, DerefMut};

/// What the handler said of one item.
pub(crate) enum Mark<R> {
    Silent,
    Reply(R),
    Failed(Failure),
}

/// The items of one batch: a contiguous slice, in put order per producer.
///
/// A `Batch` dereferences to `[T]`. Items stay where they are until the handler returns, or can be moved out
/// with [`drain`](Self::drain). By default every item is done when the handler returns; with
/// [`fail`](Self::fail) it fails single ones, with [`reply`](Self::reply) it answers their submitters.
///
/// ```
/// use batchline::{Batch, Batcher};
/// let batcher = Batcher::<String>::builder().build(|batch: &mut Batch<String>| {
///     for i in 0..batch.len() {
///         if batch[i].is_empty() {
///             batch.fail(i, "an empty line");
///         }
///     }
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Batch<T, R = ()> {
    run: Run<T, R>,
    /// Items that are left after cancelled and expired ones were taken out.
    pub(crate) kept: u32,
    /// The part that the handler sees now, as `[first, first + len)` of the kept items.
    view: View,
    drained: bool,
    reason: SealReason,
    half: Half,
    /// Long enough for every item once `is_marked`; all silent before.
    pub(crate) marks: Vec<Mark<R>>,
    pub(crate) is_marked: bool,
}

/// A part of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) first: u32,
    pub(crate) len: u32,
}

impl View {
    /// Two halves, the first the larger.
    pub(crate) fn halves(self) -> (Self, Self) {
        let left = self.len.div_ceil(2);
        (Self { first: self.first, len: left }, Self { first: self.first + left, len: self.len - left })
    }
}

impl<T, R> Batch<T, R> {
    pub(crate) fn new(run: Run<T, R>, reason: SealReason, half: Half, marks: Vec<Mark<R>>) -> Self {
        let kept = run.len;
        Self {
            run,
            kept,
            view: View { first: 0, len: kept },
            drained: false,
            reason,
            half,
            marks,
            is_marked: false,
        }
    }

    /// Why the batch was sealed.
    ///
    /// ```
    /// # use batchline::{Batcher, SealReason};
    /// let batcher = Batcher::<u64>::builder().batch_items_max(1).build_poll()?;
    /// batcher.put(1)?;
    /// let batch = batcher.next_batch(std::time::Duration::ZERO).unwrap();
    /// assert_eq!(batch.reason(), SealReason::Size);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reason(&self) -> SealReason {
        self.reason
    }

    /// What the items weighed together, by the batcher's weigher; 0 without one.
    ///
    /// ```
    /// # use batchline::Batcher;
    /// let batcher = Batcher::<String>::builder()
    ///     .weigher(|text| text.len()).batch_items_max(1).build_poll()?;
    /// batcher.put("four".into())?;
    /// assert_eq!(batcher.next_batch(std::time::Duration::ZERO).unwrap().bytes(), 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bytes(&self) -> u64 {
        self.run.bytes
    }

    /// Moves the items out. What the iterator has not yielded when it is dropped is dropped with it.
    ///
    /// A batch whose items were moved out can not be bisected if it fails afterwards.
    ///
    /// ```
    /// use batchline::{Batch, Batcher};
    /// let batcher = Batcher::<String>::builder()
    ///     .build(|batch: &mut Batch<String>| {
    ///         let lines: Vec<String> = batch.drain().collect();
    ///         assert!(batch.is_empty());
    ///         drop(lines);
    ///     })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn drain(&mut self) -> Drain<'_, T> {
        let items = self.items();
        // The iterator owns the items from here on.
        self.drained = true;
        Drain { next: items.cast(), left: items.len(), _batch: std::marker::PhantomData }
    }

    /// Replies to the submitter of item `index`. A later call for the same item replaces this one.
    ///
    /// # Panics
    /// When `index` is not below the length the batch had when the handler got it.
    ///
    /// ```
    /// use batchline::{Batch, Batcher};
    /// let lengths = Batcher::<String>::builder().replies::<usize>().demand(true).build(
    ///     |batch: &mut Batch<String, usize>| {
    ///         for i in 0..batch.len() {
    ///             let length = batch[i].len();
    ///             batch.reply(i, length);
    ///         }
    ///     },
    /// )?;
    /// assert_eq!(lengths.submit("four".into())?.wait()?, 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reply(&mut self, index: usize, reply: R) {
        self.mark(index, Mark::Reply(reply));
    }

    /// Fails item `index` alone.
    ///
    /// # Panics
    /// When `index` is not below the length the batch had when the handler got it.
    ///
    /// ```
    /// use batchline::{Batch, Batcher};
    /// let batcher = Batcher::<u64>::builder().demand(true).on_failure(|_| {}).build(
    ///     |batch: &mut Batch<u64>| {
    ///         for i in 0..batch.len() {
    ///             if batch[i] % 2 == 1 {
    ///                 batch.fail(i, "odd");
    ///             }
    ///         }
    ///     },
    /// )?;
    /// assert!(batcher.submit(1)?.wait().is_err());
    /// assert!(batcher.submit(2)?.wait().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fail(&mut self, index: usize, error: impl Into<BoxError>) {
        self.mark(index, Mark::Failed(Failure::error(error)));
    }

    fn mark(&mut self, index: usize, mark: Mark<R>) {
        assert!(index < self.view.len as usize, "item {index} of a batch of {}", self.view.len);
        if !self.is_marked {
            self.make_marks();
        }
        self.marks[self.view.first as usize + index] = mark;
    }

    #[cold]
    fn make_marks(&mut self) {
        self.is_marked = true;
        if self.marks.len() < self.kept as usize {
            self.marks.resize_with(self.kept as usize, || Mark::Silent);
        }
    }

    /// Takes one result per item; the wrong number fails the batch.
    pub(crate) fn reply_all<E: Into<BoxError>>(
        &mut self,
        results: impl ExactSizeIterator<Item = Result<R, E>>,
    ) -> Result<(), Failure> {
        let (expected, got) = (self.view.len as usize, results.len());
        if expected != got {
            return Err(Failure::WrongReplyCount { expected, got });
        }
        for (index, result) in results.enumerate() {
            self.mark(index, result.map_or_else(|error| Mark::Failed(Failure::error(error)), Mark::Reply));
        }
        Ok(())
    }

    pub(crate) fn run(&self) -> &Run<T, R> {
        &self.run
    }

    pub(crate) fn run_mut(&mut self) -> &mut Run<T, R> {
        &mut self.run
    }

    pub(crate) fn half(&self) -> Half {
        self.half
    }

    pub(crate) fn view(&self) -> View {
        self.view
    }

    pub(crate) fn is_drained(&self) -> bool {
        self.drained
    }

    /// Shows the handler another part, whose items are still there, without what it said before.
    pub(crate) fn show(&mut self, view: View) {
        assert!(view.first + view.len <= self.kept);
        self.view = view;
        self.drained = false;
        if self.is_marked {
            self.silence(view);
        }
    }

    /// Forgets what the handler said of a part; a reply whose drop panics stops nothing.
    pub(crate) fn silence(&mut self, view: View) {
        for mark in &mut self.marks[view.first as usize..(view.first + view.len) as usize] {
            let said = std::mem::replace(mark, Mark::Silent);
            if !matches!(said, Mark::Silent) {
                shielded(|| drop(said));
            }
        }
    }

    /// The items of the view, as they lie in the slab.
    fn items(&self) -> *mut [T] {
        let view = if self.drained { View { len: 0, ..self.view } } else { self.view };
        self.run.slab().part(self.run.start + view.first, view.len)
    }

    /// Drops the items of the view, unless the handler moved them out; returns how many drops panicked.
    pub(crate) fn drop_items(&mut self) -> u64 {
        let items = self.items();
        self.drained = true;
        // SAFETY: the view's items are owned by this batch and were not moved out; they are marked as gone
        // before the first drop runs.
        unsafe { drop_all(items) }
    }
}

impl<T, R> Deref for Batch<T, R> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the batch owns these published items until they are marked as drained.
        unsafe { &*self.items() }
    }
}

impl<T, R> DerefMut for Batch<T, R> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and `self` is borrowed exclusively.
        unsafe { &mut *self.items() }
    }
}

impl<'a, T, R> IntoIterator for &'a Batch<T, R> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T, R> fmt::Debug for Batch<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("len", &self.len())
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// The items of a batch by value: see [`Batch::drain`].
pub struct Drain<'a, T> {
    next: *mut T,
    left: usize,
    _batch: std::marker::PhantomData<&'a mut [T]>,
}

// SAFETY: a drain owns the items it has not yielded, like a vector's.
unsafe impl<T: Send> Send for Drain<'_, T> {}

impl<T> Iterator for Drain<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        let item = self.next;
        // SAFETY: `left` items from `next` on were not yielded yet; one past the last is still in bounds.
        self.next = unsafe { item.add(1) };
        // SAFETY: as above, and this item leaves the range.
        Some(unsafe { item.read() })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for Drain<'_, T> {}

impl<T> Drop for Drain<'_, T> {
    fn drop(&mut self) {
        // SAFETY: these items were not yielded, and the iterator is gone after this.
        unsafe { std::ptr::drop_in_place(std::ptr::slice_from_raw_parts_mut(self.next, self.left)) };
    }
}

impl<T> fmt::Debug for Drain<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Drain({} left)", self.left)
    }
}

#[cfg(all(test, not(any(batchline_loom, batchline_shuttle))))]
mod tests;
