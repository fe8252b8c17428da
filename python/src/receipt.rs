//! What became of everything when a batcher was closed, as Python sees it.

use crate::surface::Closing;
use pyo3::prelude::*;

/// What became of everything; see :meth:`Batcher.close`.
///
/// ``items`` is what this close hands back: a list (an array, if the batcher has a ``dtype``), in put order per thread.
/// ``still_running`` items were in handlers at the time limit; ``timed_out`` says that it cut the close short.
/// accepted = done + failed + cancelled + expired + handed_back + still_running.
///
/// >>> import batchline
/// >>> b = batchline.Batcher(None, dispatch="poll")
/// >>> b.put_many("ab")
/// 2
/// >>> receipt = b.close(timeout=0)
/// >>> receipt.items, receipt.handed_back, receipt.is_balanced()
/// (['a', 'b'], 2, True)
#[pyclass(frozen, get_all, module = "batchline")]
#[derive(Debug)]
pub(crate) struct Receipt {
    accepted: u64,
    done: u64,
    failed: u64,
    cancelled: u64,
    expired: u64,
    handed_back: u64,
    still_running: u64,
    items: Py<PyAny>,
    timed_out: bool,
}

impl Receipt {
    pub(crate) fn new(py: Python<'_>, closing: Closing) -> PyResult<Self> {
        Ok(Self {
            accepted: closing.accepted,
            done: closing.done,
            failed: closing.failed,
            cancelled: closing.cancelled,
            expired: closing.expired,
            handed_back: closing.handed_back,
            still_running: closing.still_running,
            items: closing.items.into_objects(py)?,
            timed_out: closing.timed_out,
        })
    }
}

#[pymethods]
impl Receipt {
    /// Whether the numbers add up.
    fn is_balanced(&self) -> bool {
        let outcomes = self.done + self.failed + self.cancelled + self.expired + self.handed_back;
        self.accepted == outcomes + self.still_running
    }

    fn __repr__(&self) -> String {
        format!(
            "Receipt(accepted={}, done={}, failed={}, cancelled={}, expired={}, handed_back={}, still_running={}, \
             timed_out={})",
            self.accepted,
            self.done,
            self.failed,
            self.cancelled,
            self.expired,
            self.handed_back,
            self.still_running,
            if self.timed_out { "True" } else { "False" }
        )
    }
}
