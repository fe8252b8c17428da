//! Step 5, handle: a batch becomes a list, the handler is called with it, and every item gets its outcome; all in one
//! attach.

use crate::attach::{attached, is_own_thread};
use crate::failures::{self, Deferred, Failures};
use crate::future::{Outcome, Submitted};
use crate::shared::lock;
use crate::surface::Element;
use crate::verdict::Answer;
use batchline::Batch;
use pyo3::exceptions::{PyException, PyRuntimeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyList, PyMemoryView, PySlice};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Submitted items of a batch, each with its index.
pub(crate) type Waiting = Vec<(usize, Box<Submitted>)>;

/// A batch as Python sees it.
pub(crate) struct Lot<'py> {
    pub(crate) items: Bound<'py, PyAny>,
    pub(crate) len: usize,
    pub(crate) waiting: Waiting,
}

/// Stands in the engine for a failure that was told of in Python.
#[derive(Debug)]
pub(crate) struct Told;

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the handler raised")
    }
}

impl std::error::Error for Told {}

/// What a lot's handling said of its items.
pub(crate) enum Marks {
    AllFailed,
    /// These failed, and no other.
    Failed(Vec<usize>),
}

/// What batches need to be handled.
pub(crate) struct Handling {
    handler: Mutex<Option<Py<PyAny>>>,
    pub(crate) failures: Failures,
    /// Further calls that a failed batch may cost.
    pub(crate) retry_calls_max: u32,
    /// Calls beyond the one per batch that the engine counts.
    pub(crate) retry_calls: AtomicU64,
    /// Whether failures are told only when the engine has released their keys: who learns of one may put it again.
    defers_failures: bool,
}

thread_local! {
    /// The batchers whose handlers or hooks run on this thread.
    static INSIDE: RefCell<Vec<*const Handling>> = const { RefCell::new(Vec::new()) };
    /// An exception that must leave the call which happened to run the handler: Ctrl-C, or an exit.
    static ESCAPED: Cell<Option<PyErr>> = const { Cell::new(None) };
    /// This thread waits for one of the user's, which gets what escapes.
    static STANDS_IN: Cell<bool> = const { Cell::new(false) };
}

/// That this thread runs a handler or hook, while it lives.
pub(crate) struct Inside;

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.with(|inside| inside.borrow_mut().pop());
    }
}

/// Raises what escaped from a handler that this thread has run for a put, flush or close.
pub(crate) fn escaped() -> PyResult<()> {
    ESCAPED.with(Cell::take).map_or(Ok(()), Err)
}

/// Leaves an exception for this thread's next [`escaped`].
pub(crate) fn raise_later(error: PyErr) {
    ESCAPED.with(|escaped| escaped.set(Some(error)));
}

/// Runs `work`, with what escapes from the handlers that it runs, and from no other.
pub(crate) fn apart<A>(work: impl FnOnce() -> A) -> (A, Option<PyErr>) {
    // While the thread ends, there may be no place for it any more.
    let swap = |error| ESCAPED.try_with(|escaped| escaped.replace(error)).ok().flatten();
    let before = swap(None);
    let answer = work();
    (answer, swap(before))
}

/// This thread works for one of the user's from now on.
pub(crate) fn stand_in() {
    STANDS_IN.set(true);
}

impl Handling {
    pub(crate) fn new(
        handler: Option<Py<PyAny>>,
        failures: Failures,
        retry_calls_max: u32,
        defers_failures: bool,
    ) -> Self {
        let (handler, retry_calls) = (Mutex::new(handler), AtomicU64::new(0));
        Self { handler, failures, retry_calls_max, retry_calls, defers_failures }
    }

    /// The handler, for the garbage collector.
    pub(crate) fn handler(&self) -> &Mutex<Option<Py<PyAny>>> {
        &self.handler
    }

    pub(crate) fn enter(&self) -> Inside {
        INSIDE.with(|inside| inside.borrow_mut().push(self));
        Inside
    }

    /// Whether this thread runs this batcher's handler or hook.
    pub(crate) fn is_inside(&self) -> bool {
        INSIDE.with(|inside| inside.borrow().iter().any(|other| std::ptr::eq(*other, self)))
    }

    /// Handles a batch of the engine's.
    pub(crate) fn deliver<T: Element>(&self, shape: &T::Shape, batch: &mut Batch<T>) -> Result<(), Told> {
        let _inside = self.enter();
        let marks = attached(|py| {
            drop(failures::take_lost());
            self.take(py, shape, batch).map_or_else(
                |error| {
                    error.write_unraisable(py, None);
                    Marks::AllFailed
                },
                |lot| self.handle(py, &lot),
            )
        });
        match marks {
            Some(Marks::Failed(failed)) => {
                failed.into_iter().for_each(|index| batch.fail(index, Told));
                Ok(())
            }
            Some(Marks::AllFailed) | None => Err(Told),
        }
    }

    fn take<'py, T: Element>(
        &self,
        py: Python<'py>,
        shape: &T::Shape,
        batch: &mut Batch<T>,
    ) -> PyResult<Lot<'py>> {
        let (items, len) = (batch.as_ptr(), batch.len());
        std::mem::forget(batch.drain());
        // SAFETY: the batch has given its items up, and its slab stays until the handler returns.
        unsafe { T::lot(py, shape, items, len) }
    }

    fn handle(&self, py: Python<'_>, lot: &Lot<'_>) -> Marks {
        let mut failed = Vec::new();
        let mut calls_left = self.retry_calls_max;
        self.attempt(py, lot, 0..lot.len, &mut calls_left, &mut failed);
        if failed.len() == lot.len { Marks::AllFailed } else { Marks::Failed(failed) }
    }

    /// Gives every item of a polled batch its outcome; returns which have failed.
    pub(crate) fn conclude(
        &self,
        py: Python<'_>,
        lot: &Lot<'_>,
        answer: &PyResult<Answer<'_>>,
    ) -> Vec<usize> {
        let mut failed = Vec::new();
        match answer {
            Ok(answer) => self.settle(py, lot, 0..lot.len, answer, &mut failed),
            Err(error) => self.fail_part(py, lot, 0..lot.len, error, &mut failed),
        }
        failed
    }

    /// Handles a part; if it fails whole, halves it while calls are left.
    fn attempt(
        &self,
        py: Python<'_>,
        lot: &Lot<'_>,
        part: Range<usize>,
        calls_left: &mut u32,
        failed: &mut Vec<usize>,
    ) {
        match self.call(py, lot, &part) {
            Err(error) if part.len() > 1 && *calls_left >= 2 && error.is_instance_of::<PyException>(py) => {
                *calls_left -= 2;
                self.retry_calls.fetch_add(2, Relaxed);
                let middle = part.start + part.len().div_ceil(2);
                self.attempt(py, lot, part.start..middle, calls_left, failed);
                self.attempt(py, lot, middle..part.end, calls_left, failed);
            }
            Err(error) => self.fail_part(py, lot, part, &error, failed),
            Ok(answer) => self.settle(py, lot, part, &answer, failed),
        }
    }

    fn call<'py>(&self, py: Python<'py>, lot: &Lot<'py>, part: &Range<usize>) -> PyResult<Answer<'py>> {
        let handler = lock(&self.handler).as_ref().map(|handler| handler.clone_ref(py));
        let handler =
            handler.ok_or_else(|| PyRuntimeError::new_err("the batcher was collected as garbage"))?;
        let whole = part.len() == lot.len;
        // With retries the engine keeps the items, and the handler gets copies that it may change.
        let items = if whole && self.retry_calls_max == 0 { lot.items.clone() } else { copy(lot, part)? };
        let answer = handler.bind(py).call1((&items,)).and_then(|said| Answer::read(said, part.len()));
        answer.map_err(|error| {
            // Before Python 3.12 the traceback stands beside the exception; this puts it there.
            let error = PyErr::from_value(error.into_value(py).into_bound(py).into_any());
            note_escape(py, &error);
            error
        })
    }

    /// Tells a submitter of its failure, now or when its key is released.
    fn fail(&self, py: Python<'_>, submitted: &Submitted, error: &PyErr) {
        if self.defers_failures {
            failures::defer(Deferred::Submitted(submitted.again(py), error.clone_ref(py)));
        } else {
            submitted.settle(py, Outcome::Error(error));
        }
    }

    /// Tells of items that nobody waits for, now or when their keys are released.
    fn tell(&self, py: Python<'_>, items: Bound<'_, PyAny>, count: usize, error: &PyErr) {
        if self.defers_failures {
            failures::defer(Deferred::Unwaited(items.unbind(), count, error.clone_ref(py)));
        } else {
            self.failures.tell(py, &items, count, error);
        }
    }

    /// Tells of as many items as are still known; that there were more is in the log.
    fn tell_known(&self, py: Python<'_>, items: Option<Bound<'_, PyAny>>, count: usize, error: &PyErr) {
        let known = items.unwrap_or_else(|| PyList::empty(py).into_any());
        if known.len().is_ok_and(|len| len < count) {
            let why = " (the handler took items out of its list: on_failure gets what is known of them)";
            self.failures.log_besides(py, count, error, why);
        }
        self.tell(py, known, count, error);
    }

    /// All of a part have failed with one exception.
    fn fail_part(
        &self,
        py: Python<'_>,
        lot: &Lot<'_>,
        part: Range<usize>,
        error: &PyErr,
        failed: &mut Vec<usize>,
    ) {
        let waiting = waiting_in(&lot.waiting, &part);
        for (_, submitted) in waiting {
            self.fail(py, submitted, error);
        }
        if waiting.len() < part.len() {
            self.tell_of(py, lot, &part, waiting, error);
        }
        failed.extend(part);
    }

    /// Tells of the items of a failed part that nobody waits for.
    fn tell_of(
        &self,
        py: Python<'_>,
        lot: &Lot<'_>,
        part: &Range<usize>,
        waiting: &[(usize, Box<Submitted>)],
        error: &PyErr,
    ) {
        // Of a list that was shortened, everything that is left has failed, but not only what is left.
        let unwaited = if waiting.is_empty() {
            slice(lot, part)
        } else if is_shortened(lot) {
            left_unwaited(lot)
        } else {
            let is_waited = |index: &usize| waiting.binary_search_by_key(index, |(index, _)| *index).is_ok();
            part.clone()
                .filter(|index| !is_waited(index))
                .map(|index| lot.items.get_item(index))
                .collect::<PyResult<Vec<_>>>()
                .and_then(|items| PyList::new(py, items).map(Bound::into_any))
        };
        self.tell_known(py, unwaited.ok(), part.len() - waiting.len(), error);
    }

    /// Each item of a part gets what the handler said of it.
    fn settle(
        &self,
        py: Python<'_>,
        lot: &Lot<'_>,
        part: Range<usize>,
        answer: &Answer<'_>,
        failed: &mut Vec<usize>,
    ) {
        let mut waiting = waiting_in(&lot.waiting, &part).iter().peekable();
        let errors = answer.errors(py);
        let mut errors = errors.iter().peekable();
        while let Some((index, submitted)) = waiting.peek() {
            // Failures of items before this one, which nobody waits for.
            self.tell_before(py, lot, &part, Some(*index), &mut errors, failed);
            match errors.next_if(|(at, _)| part.start + at == *index) {
                Some((_, error)) => {
                    self.fail(py, submitted, error);
                    failed.push(*index);
                }
                None => submitted.settle(py, Outcome::Result(&answer.result(py, index - part.start))),
            }
            waiting.next();
        }
        self.tell_before(py, lot, &part, None, &mut errors, failed);
    }

    fn tell_before<'e>(
        &self,
        py: Python<'_>,
        lot: &Lot<'_>,
        part: &Range<usize>,
        end: Option<usize>,
        errors: &mut std::iter::Peekable<impl Iterator<Item = &'e (usize, PyErr)>>,
        failed: &mut Vec<usize>,
    ) {
        while let Some((at, error)) = errors.next_if(|(at, _)| end.is_none_or(|end| part.start + at < end)) {
            let index = part.start + at;
            failed.push(index);
            let item = if is_shortened(lot) { None } else { lot.items.get_item(index).ok() };
            let told = item.and_then(|item| PyList::new(py, [item]).ok());
            self.tell_known(py, told.map(Bound::into_any), 1, error);
        }
    }
}

/// Ctrl-C and exits, raised in a handler on a thread of the user's, leave the call that ran it, too.
fn note_escape(py: Python<'_>, error: &PyErr) {
    if (STANDS_IN.get() || !is_own_thread()) && !error.is_instance_of::<PyException>(py) {
        raise_later(error.clone_ref(py));
    }
}

/// The items of a part: a list of their own, or what the array has.
fn slice<'py>(lot: &Lot<'py>, part: &Range<usize>) -> PyResult<Bound<'py, PyAny>> {
    if lot.items.is_instance_of::<PyList>() {
        return lot.items.get_item(PySlice::new(lot.items.py(), part.start as isize, part.end as isize, 1));
    }
    if part.len() == lot.len { Ok(lot.items.clone()) } else { copy(lot, part) }
}

/// The items of a part, in memory of their own.
fn copy<'py>(lot: &Lot<'py>, part: &Range<usize>) -> PyResult<Bound<'py, PyAny>> {
    let py = lot.items.py();
    let items = lot.items.get_item(PySlice::new(py, part.start as isize, part.end as isize, 1))?;
    if items.is_instance_of::<PyList>() {
        return Ok(items);
    }
    if items.is_instance_of::<PyMemoryView>() {
        let bytes = PyByteArray::from(&items)?;
        let format = items.getattr(intern!(py, "format"))?;
        return PyMemoryView::from(bytes.as_any())?.call_method1(intern!(py, "cast"), (format,));
    }
    items.call_method0(intern!(py, "copy"))
}

/// What is left in a shortened list and was not submitted.
fn left_unwaited<'py>(lot: &Lot<'py>) -> PyResult<Bound<'py, PyAny>> {
    let waited: HashSet<_> = lot.waiting.iter().map(|(_, submitted)| submitted.object().as_ptr()).collect();
    let is_left = |item: &PyResult<Bound<'py, PyAny>>| {
        item.as_ref().map_or(true, |item| !waited.contains(&item.as_ptr()))
    };
    let left = lot.items.try_iter()?.filter(is_left).collect::<PyResult<Vec<_>>>()?;
    PyList::new(lot.items.py(), left).map(Bound::into_any)
}

/// Whether the handler has taken items out of its list: what stands where is no longer known.
fn is_shortened(lot: &Lot<'_>) -> bool {
    lot.items.len().is_ok_and(|len| len < lot.len)
}

/// The submitted items of a part.
fn waiting_in<'a>(waiting: &'a Waiting, part: &Range<usize>) -> &'a [(usize, Box<Submitted>)] {
    let first = waiting.partition_point(|(index, _)| *index < part.start);
    let end = waiting.partition_point(|(index, _)| *index < part.end);
    &waiting[first..end]
}
