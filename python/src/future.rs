//! The future of a submitted item. Its class, with the protocol by which it is resolved without a lock, is in
//! `batchline/_future.py`; this is the batch's side of it, and the ticket between the two.

use crate::errors;
use crate::stay::Stay;
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use pyo3::{PyTypeInfo, intern};
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

/// A future's hold on its queued item.
#[pyclass(frozen, module = "batchline._core")]
#[derive(Debug, Default)]
pub(crate) struct Ticket {
    /// There once the item was accepted.
    core: OnceLock<batchline::Ticket>,
    is_watched: AtomicBool,
    is_cancelled: AtomicBool,
}

#[pymethods]
impl Ticket {
    /// Somebody is about to wait for the future, or to be called by it.
    fn watch(&self) {
        self.is_watched.store(true, SeqCst);
    }

    /// "first": no handler will see the item, and nobody has cancelled it before. "again": it was cancelled before.
    /// "late": a handler has it, or it has an outcome.
    fn cancel(&self) -> &'static str {
        let _stay = Stay::here();
        // Said before it is done: whoever drops the item must find it said.
        let before = self.is_cancelled.swap(true, SeqCst);
        if before {
            return "again";
        }
        if self.core.get().is_some_and(batchline::Ticket::cancel) {
            return "first";
        }
        self.is_cancelled.store(false, SeqCst);
        "late"
    }
}

/// What travels with a submitted item.
pub(crate) struct Submitted {
    object: Py<PyAny>,
    future: Py<PyAny>,
    ticket: Py<Ticket>,
}

/// How an item ended, for its future.
pub(crate) enum Outcome<'a, 'py> {
    Result(&'a Bound<'py, PyAny>),
    Error(&'a PyErr),
}

impl Submitted {
    /// A new future for this object.
    pub(crate) fn new(py: Python<'_>, object: Py<PyAny>) -> PyResult<Self> {
        let ticket = Bound::new(py, Ticket::default())?;
        let future = blank_future(py)?;
        future.setattr(intern!(py, "_ticket"), &ticket)?;
        Ok(Self { object, future: future.unbind(), ticket: ticket.unbind() })
    }

    /// A second hold on the same.
    pub(crate) fn again(&self, py: Python<'_>) -> Self {
        let (object, future) = (self.object.clone_ref(py), self.future.clone_ref(py));
        Self { object, future, ticket: self.ticket.clone_ref(py) }
    }

    pub(crate) fn future(&self, py: Python<'_>) -> Py<PyAny> {
        self.future.clone_ref(py)
    }

    pub(crate) fn ticket(&self, py: Python<'_>) -> Py<Ticket> {
        self.ticket.clone_ref(py)
    }

    pub(crate) fn object(&self) -> &Py<PyAny> {
        &self.object
    }

    pub(crate) fn into_object(self) -> Py<PyAny> {
        self.object
    }

    /// The handler has the item now.
    pub(crate) fn begin(&self, py: Python<'_>) {
        let future = self.future.bind(py);
        if let Err(error) = future.setattr(intern!(py, "_state"), intern!(py, "RUNNING")) {
            error.write_unraisable(py, Some(future));
        }
    }

    /// Gives the future its outcome.
    pub(crate) fn settle(&self, py: Python<'_>, outcome: Outcome<'_, '_>) {
        if let Err(error) = self.try_settle(py, outcome) {
            error.write_unraisable(py, Some(self.future.bind(py)));
        }
    }

    fn try_settle(&self, py: Python<'_>, outcome: Outcome<'_, '_>) -> PyResult<()> {
        let future = self.future.bind(py);
        match outcome {
            Outcome::Result(result) if result.is_none() => {}
            Outcome::Result(result) => future.setattr(intern!(py, "_result"), result)?,
            Outcome::Error(error) => future.setattr(intern!(py, "_exception"), error.value(py))?,
        }
        future.setattr(intern!(py, "_state"), intern!(py, "FINISHED"))?;
        if self.ticket.get().is_watched.load(SeqCst) {
            future.call_method0(intern!(py, "_announce"))?;
        }
        Ok(())
    }

    /// No handler will get the item: unless it was cancelled, its future is told `why`.
    pub(crate) fn lost(&self, py: Python<'_>, why: fn(Python<'_>, &Py<PyAny>) -> PyErr) {
        if !self.ticket.get().is_cancelled.load(SeqCst) {
            self.settle(py, Outcome::Error(&why(py, &self.object)));
        }
    }
}

/// The item was accepted under this ticket of the engine's.
pub(crate) fn tie(ticket: &Py<Ticket>, core: batchline::Ticket) -> PyResult<()> {
    ticket.get().core.set(core).map_err(|_| PyRuntimeError::new_err("a ticket is tied once"))
}

/// A future without an outcome, made as `object.__new__` would: its class does the rest on demand.
fn blank_future(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.import(py, "batchline._future", "ItemFuture")?;
    // SAFETY: the class has no `__new__` of its own, so this makes its instances.
    unsafe {
        let made = ffi::PyType_GenericNew(class.as_type_ptr(), std::ptr::null_mut(), std::ptr::null_mut());
        Bound::from_owned_ptr_or_err(py, made)
    }
}

/// The classes of this file.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let _ = Ticket::type_object(module.py());
    errors::check_futures(module.py())
}
