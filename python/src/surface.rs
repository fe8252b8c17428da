//! What a batcher of the core can do, whatever its items are: objects, or records of some size.

use crate::deliver::{Lot, Told};
use crate::record::Records;
use batchline::dedup::WindowStats;
use batchline::{Batcher, BuildError, Deadline, FlushError, PolledBatch, SealReason, Stats};
use pyo3::prelude::*;
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

/// What lies in the slabs.
pub(crate) trait Element: Send + Sync + Sized + 'static {
    /// What items are, beyond their type: the format of records.
    type Shape: Send + Sync + 'static;

    /// Makes what a handler gets.
    ///
    /// # Safety
    /// `len` items lie at `items`, and belong to this call from now on.
    unsafe fn lot<'py>(
        py: Python<'py>,
        shape: &Self::Shape,
        items: *const Self,
        len: usize,
    ) -> PyResult<Lot<'py>>;

    /// What a receipt has: the items that a close hands back.
    fn handed_back(py: Python<'_>, shape: &Self::Shape, items: Vec<Self>) -> PyResult<Py<PyAny>>;

    /// Puts by bytes, for records.
    fn records(_plain: &Plain<Self>) -> Option<&dyn Records> {
        None
    }
}

/// The items of a close, until somebody is attached who can make objects of them.
pub(crate) trait HandedBack: Any + Send {
    fn len(&self) -> usize;
    /// Takes over the items of another close of the same batcher.
    fn append(&mut self, more: Box<dyn HandedBack>);
    fn into_objects(self: Box<Self>, py: Python<'_>) -> PyResult<Py<PyAny>>;
}

/// What a close said.
pub(crate) struct Closing {
    pub(crate) accepted: u64,
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) cancelled: u64,
    pub(crate) expired: u64,
    pub(crate) handed_back: u64,
    pub(crate) still_running: u64,
    pub(crate) timed_out: bool,
    pub(crate) items: Box<dyn HandedBack>,
}

impl Closing {
    /// Has what an earlier close of the same batcher has handed back, too: first, since it was taken out first.
    pub(crate) fn after(mut self, earlier: Self) -> Self {
        let later = std::mem::replace(&mut self.items, earlier.items);
        self.items.append(later);
        self
    }
}

/// The items as the engine had them.
struct Rest<T: Element> {
    items: Vec<T>,
    shape: Arc<T::Shape>,
}

impl<T: Element> HandedBack for Rest<T> {
    fn len(&self) -> usize {
        self.items.len()
    }

    fn append(&mut self, more: Box<dyn HandedBack>) {
        let more: Box<dyn Any> = more;
        // One batcher has items of one type.
        if let Ok(mut more) = more.downcast::<Self>() {
            self.items.append(&mut more.items);
        }
    }

    fn into_objects(self: Box<Self>, py: Python<'_>) -> PyResult<Py<PyAny>> {
        T::handed_back(py, &self.shape, self.items)
    }
}

/// A polled batch.
pub(crate) trait Held: Send {
    /// Moves the items out.
    fn lot<'py>(&mut self, py: Python<'py>) -> PyResult<Lot<'py>>;
    fn fail(&mut self, index: usize);
    fn fail_all(self: Box<Self>);
    fn reason(&self) -> SealReason;
}

/// A batcher behind one type.
pub(crate) trait Surface: Send + Sync {
    fn stats(&self) -> Stats;
    fn window_stats(&self) -> Option<WindowStats>;
    fn flush(&self, timeout: Option<Duration>) -> Result<(), FlushError>;
    fn close(&self, deadline: Deadline) -> Closing;
    fn is_closed(&self) -> bool;
    fn set_linger(&self, linger: Duration) -> Result<(), BuildError>;
    fn set_tick(&self, tick: Option<Duration>) -> Result<(), BuildError>;
    fn next_batch(&self, timeout: Duration) -> Option<Box<dyn Held>>;
    fn records(&self) -> Option<&dyn Records>;
}

/// A batcher of the core with the shape of its items.
pub(crate) struct Plain<T: Element> {
    pub(crate) batcher: Batcher<T>,
    pub(crate) shape: Arc<T::Shape>,
}

impl<T: Element> Surface for Plain<T> {
    fn stats(&self) -> Stats {
        self.batcher.stats()
    }

    fn window_stats(&self) -> Option<WindowStats> {
        self.batcher.window_stats()
    }

    fn flush(&self, timeout: Option<Duration>) -> Result<(), FlushError> {
        timeout.map_or_else(|| self.batcher.flush(), |timeout| self.batcher.flush_timeout(timeout))
    }

    fn close(&self, deadline: Deadline) -> Closing {
        let receipt = self.batcher.close(deadline);
        Closing {
            accepted: receipt.accepted,
            done: receipt.done,
            failed: receipt.failed,
            cancelled: receipt.cancelled,
            expired: receipt.expired,
            handed_back: receipt.handed_back,
            still_running: receipt.still_running,
            timed_out: receipt.timed_out,
            items: Box::new(Rest { items: receipt.items, shape: self.shape.clone() }),
        }
    }

    fn is_closed(&self) -> bool {
        self.batcher.is_closed()
    }

    fn set_linger(&self, linger: Duration) -> Result<(), BuildError> {
        self.batcher.set_linger(linger)
    }

    fn set_tick(&self, tick: Option<Duration>) -> Result<(), BuildError> {
        self.batcher.set_tick(tick)
    }

    fn next_batch(&self, timeout: Duration) -> Option<Box<dyn Held>> {
        let batch = self.batcher.next_batch(timeout)?;
        Some(Box::new(HeldOf { batch, shape: self.shape.clone() }))
    }

    fn records(&self) -> Option<&dyn Records> {
        T::records(self)
    }
}

struct HeldOf<T: Element> {
    batch: PolledBatch<T>,
    shape: Arc<T::Shape>,
}

impl<T: Element> Held for HeldOf<T> {
    fn lot<'py>(&mut self, py: Python<'py>) -> PyResult<Lot<'py>> {
        let (items, len) = (self.batch.as_ptr(), self.batch.len());
        std::mem::forget(self.batch.drain());
        // SAFETY: the batch has given its items up, and its slab stays until it is dropped.
        unsafe { T::lot(py, &self.shape, items, len) }
    }

    fn fail(&mut self, index: usize) {
        self.batch.fail(index, Told);
    }

    fn fail_all(self: Box<Self>) {
        self.batch.fail_all(Told);
    }

    fn reason(&self) -> SealReason {
        self.batch.reason()
    }
}
