//! A polled batch: the user's thread holds it, and says what became of it.

use crate::attach::aside;
use crate::deliver::{Handling, Lot};
use crate::errors;
use crate::shared::{Shared, lock};
use crate::stay::Stay;
use crate::surface::Held;
use crate::verdict::Answer;
use pyo3::exceptions::{PyBaseException, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use std::sync::{Arc, Mutex};

/// A batch that :meth:`Batcher.next_batch` gave: a sequence of items, to be settled once.
///
/// Settle it with :meth:`done` or :meth:`fail`, or use it as a context manager: leaving it settles it as done, an
/// exception inside fails it. One that is dropped unsettled has failed, and that is told of.
///
/// >>> import batchline
/// >>> b = batchline.Batcher(None, dispatch="poll", batch_items_max=2)
/// >>> b.put_many([1, 2])
/// 2
/// >>> with b.next_batch() as batch:
/// ...     print(len(batch), batch[0], list(batch), batch.reason)
/// 2 1 [1, 2] size
/// >>> receipt = b.close()
/// >>> receipt.done
/// 2
#[pyclass(frozen, sequence, module = "batchline")]
pub(crate) struct Batch {
    items: Py<PyAny>,
    reason: &'static str,
    shared: Arc<Shared>,
    open: Mutex<Option<Open>>,
}

/// What is needed until a batch is settled.
struct Open {
    held: Box<dyn Held>,
    waiting: crate::deliver::Waiting,
    len: usize,
}

impl Batch {
    pub(crate) fn new(py: Python<'_>, shared: &Arc<Shared>, mut held: Box<dyn Held>) -> PyResult<Self> {
        let reason = held.reason().name();
        let Lot { items, len, waiting } = held.lot(py)?;
        let open = Mutex::new(Some(Open { held, waiting, len }));
        Ok(Self { items: items.unbind(), reason, shared: shared.clone(), open })
    }

    fn take(&self, py: Python<'_>) -> PyResult<Open> {
        // In a forked child its engine is in the parent.
        self.shared.surface(py)?;
        lock(&self.open).take().ok_or_else(|| PyRuntimeError::new_err("the batch was settled before"))
    }

    fn list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.items.bind(py).try_iter()?.collect::<PyResult<Vec<_>>>()?)
    }

    fn handling(&self) -> &Handling {
        &self.shared.handling
    }

    fn settle(&self, py: Python<'_>, open: Open, answer: &PyResult<Answer<'_>>) {
        let _stay = Stay::here();
        let Open { mut held, waiting, len } = open;
        let lot = Lot { items: self.items.bind(py).clone(), len, waiting };
        let failed = self.handling().conclude(py, &lot, answer);
        let _inside = self.handling().enter();
        if failed.len() == len {
            py.detach(|| held.fail_all());
        } else {
            failed.into_iter().for_each(|index| held.fail(index));
            py.detach(|| drop(held));
        }
    }
}

#[pymethods]
impl Batch {
    /// Why the batch was sealed: "size", "bytes", "linger", "demand", "tick", "flush" or "close".
    #[getter]
    fn reason(&self) -> &'static str {
        self.reason
    }

    /// The items: a list, or an array of records.
    #[getter]
    fn items(&self, py: Python<'_>) -> Py<PyAny> {
        self.items.clone_ref(py)
    }

    /// Settles the batch. Without results every item is done; with a sequence of one result per item, submitters get
    /// theirs, and an exception among them fails its item.
    #[pyo3(signature = (results=None))]
    fn done(&self, py: Python<'_>, results: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let _stay = Stay::here();
        self.shared.surface(py)?;
        let len = lock(&self.open).as_ref().map_or(0, |open| open.len);
        let answer = results.map_or(Ok(Answer::Silent), |results| Answer::read(results, len));
        let open = self.take(py)?;
        self.settle(py, open, &answer);
        answer.map(|_| ())
    }

    /// Settles the batch: every item has failed with this exception.
    fn fail(&self, py: Python<'_>, exception: Bound<'_, PyBaseException>) -> PyResult<()> {
        let open = self.take(py)?;
        self.settle(py, open, &Err(PyErr::from_value(exception.into_any())));
        Ok(())
    }

    /// The first place of a value, as ``list.index``.
    #[pyo3(signature = (value, /, *limits))]
    fn index<'py>(
        &self,
        py: Python<'py>,
        value: &Bound<'py, PyAny>,
        limits: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut arguments = vec![value.clone()];
        arguments.extend(limits.iter());
        self.list(py)?.getattr("index")?.call1(PyTuple::new(py, arguments)?)
    }

    /// How often a value is in it.
    #[pyo3(signature = (value, /))]
    fn count<'py>(&self, py: Python<'py>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.list(py)?.call_method1("count", (value,))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.items.bind(py).len()
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.items.bind(py).get_item(index)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.items.bind(py).try_iter()?.into_any())
    }

    fn __enter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __exit__(
        &self,
        py: Python<'_>,
        _class: &Bound<'_, PyAny>,
        exception: Option<Bound<'_, PyBaseException>>,
        _traceback: &Bound<'_, PyAny>,
    ) -> bool {
        // As with a batcher, leaving the block in a forked child says nothing: the parent settles the batch.
        if self.shared.is_forked() {
            return false;
        }
        let open = lock(&self.open).take();
        if let Some(open) = open {
            let answer =
                exception.map_or(Ok(Answer::Silent), |error| Err(PyErr::from_value(error.into_any())));
            self.settle(py, open, &answer);
        }
        false
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<batchline.Batch of {} items, sealed by {}>", self.__len__(py)?, self.reason))
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(pyo3::exceptions::PyTypeError::new_err("a batch cannot be pickled: take list(batch)"))
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let Some(open) = lock(&self.open).take() else { return };
        if self.shared.is_forked() || crate::live::is_over() {
            // Its engine is in the parent, or its threads are gone.
            std::mem::forget(open);
            return;
        }
        aside(|py| {
            let message = "a batch was dropped before it was settled; call done() or fail()";
            let error = errors::plain(py, "BatchlineError", message);
            self.settle(py, open, &Err(error));
        });
    }
}
