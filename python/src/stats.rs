//! A batcher's counters, as Python sees them.

use crate::shared::Shared;
use batchline::SealReason;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::atomic::Ordering::Relaxed;

/// The counters of a batcher at one moment; see :meth:`Batcher.stats`.
///
/// Always: accepted = done + failed + cancelled + expired + handed_back + live.
///
/// >>> import batchline
/// >>> with batchline.Batcher(lambda items: None) as b:
/// ...     b.put_many([1, 2, 3])
/// 3
/// >>> stats = b.stats()
/// >>> stats.accepted, stats.done, stats.live, stats.is_balanced()
/// (3, 3, 0, True)
#[pyclass(frozen, get_all, module = "batchline")]
#[derive(Debug)]
pub(crate) struct Stats {
    accepted: u64,
    refused: u64,
    duplicates: u64,
    joined: u64,
    dropped: u64,
    done: u64,
    failed: u64,
    cancelled: u64,
    expired: u64,
    handed_back: u64,
    live: u64,
    queued: u64,
    in_hand: u64,
    bytes_live: u64,
    batches: u64,
    batch_items_peak: u64,
    handler_calls: u64,
    failed_batches: u64,
    panics: u64,
    wakeups: u64,
    slabs: u64,
    lanes: u64,
    /// Batches by what sealed them: a dict of "size", "bytes", "linger", "demand", "tick", "flush", "close".
    batches_by_reason: Py<PyDict>,
}

impl Stats {
    /// Of a batcher that is not the parent's.
    pub(crate) fn of(py: Python<'_>, shared: &Shared) -> PyResult<Self> {
        let stats = shared.inner().stats();
        // Slices of a wait, and calls that came from halving, which the core does not know of.
        let (not_told, retry_calls) =
            (shared.not_told.load(Relaxed), shared.handling.retry_calls.load(Relaxed));
        let reasons = PyDict::new(py);
        for reason in SealReason::ALL {
            reasons.set_item(reason.name(), stats.batches_for(reason))?;
        }
        Ok(Self {
            accepted: stats.accepted,
            refused: stats.refused.saturating_sub(not_told),
            duplicates: stats.duplicates,
            joined: stats.joined,
            dropped: stats.dropped,
            done: stats.done,
            failed: stats.failed,
            cancelled: stats.cancelled,
            expired: stats.expired,
            handed_back: stats.handed_back,
            live: stats.live,
            queued: stats.queued,
            in_hand: stats.in_hand,
            bytes_live: stats.bytes_live,
            batches: stats.batches,
            batch_items_peak: stats.batch_items_peak,
            handler_calls: stats.handler_calls + retry_calls,
            failed_batches: stats.failed_batches,
            panics: stats.panics,
            wakeups: stats.wakeups,
            slabs: stats.slabs,
            lanes: stats.lanes,
            batches_by_reason: reasons.unbind(),
        })
    }
}

#[pymethods]
impl Stats {
    /// Whether every accepted item has an outcome, or is found queued or in hand. While items move it may say no.
    fn is_balanced(&self) -> bool {
        let settled = self.done + self.failed + self.cancelled + self.expired + self.handed_back;
        self.accepted == settled + self.queued + self.in_hand && self.live == self.queued + self.in_hand
    }

    fn __repr__(&self) -> String {
        format!(
            "Stats(accepted={}, done={}, failed={}, cancelled={}, expired={}, handed_back={}, live={}, batches={})",
            self.accepted,
            self.done,
            self.failed,
            self.cancelled,
            self.expired,
            self.handed_back,
            self.live,
            self.batches
        )
    }
}
