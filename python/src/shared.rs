//! What a batcher's Python object, its helpers and its registry share.

use crate::deliver::{Handling, apart};
use crate::errors;
use crate::item::Item;
use crate::prepared::Judges;
use crate::stay::Stay;
use crate::surface::{Closing, Surface};
use batchline::{Batcher, Deadline};
use pyo3::prelude::*;
use std::mem::ManuallyDrop;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A lock that a panic of ours does not poison.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a full queue does to a put.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// Wait for room, at most so long.
    Block(Option<Duration>),
    Fail,
    Drop,
    /// Handle a batch here, then try again.
    Caller,
}

/// The settings that this layer keeps.
pub(crate) struct Rules {
    pub(crate) overflow: Overflow,
    pub(crate) is_caller: bool,
    pub(crate) is_polled: bool,
    pub(crate) drop_deadline: Duration,
}

pub(crate) struct Shared {
    surface: ManuallyDrop<Box<dyn Surface>>,
    /// The batcher of objects, behind `surface`; null for records, and after a fork.
    objects: AtomicPtr<Batcher<Item>>,
    pub(crate) handling: Arc<Handling>,
    pub(crate) judges: Judges,
    pub(crate) rules: Rules,
    is_forked: AtomicBool,
    /// Refusals that the core has counted, and that were only the slices of a wait.
    pub(crate) not_told: AtomicU64,
    /// What interrupted closes have handed back.
    unclaimed: Mutex<Vec<Closing>>,
}

impl Shared {
    pub(crate) fn new(
        surface: Box<dyn Surface>,
        objects: *const Batcher<Item>,
        handling: Arc<Handling>,
        judges: Judges,
        rules: Rules,
    ) -> Self {
        Self {
            surface: ManuallyDrop::new(surface),
            objects: AtomicPtr::new(objects.cast_mut()),
            handling,
            judges,
            rules,
            is_forked: AtomicBool::new(false),
            not_told: AtomicU64::new(0),
            unclaimed: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.handling.failures.name
    }

    /// The batcher, whatever its items are; not in a forked child.
    pub(crate) fn surface(&self, py: Python<'_>) -> PyResult<&dyn Surface> {
        if self.is_forked() { Err(errors::forked(py)) } else { Ok(&**self.surface) }
    }

    /// As [`surface`](Self::surface), where a fork was ruled out before.
    pub(crate) fn inner(&self) -> &dyn Surface {
        &**self.surface
    }

    /// The batcher of objects, for the fast path.
    #[inline(always)]
    pub(crate) fn objects(&self) -> Option<&Batcher<Item>> {
        // SAFETY: it points behind `surface`, which lives as long as this.
        unsafe { self.objects.load(Relaxed).as_ref() }
    }

    /// The process is a child now, and has none of the threads.
    pub(crate) fn forget_parent(&self) {
        self.is_forked.store(true, Release);
        self.objects.store(std::ptr::null_mut(), Release);
    }

    pub(crate) fn is_forked(&self) -> bool {
        self.is_forked.load(Acquire)
    }

    /// A wait is cut into slices; the refusal at the end of each is not one for the user.
    pub(crate) fn uncount_refusal(&self) {
        self.not_told.fetch_add(1, Relaxed);
    }

    /// Every Python function that it holds, for the garbage collector.
    pub(crate) fn each_function<E>(
        &self,
        mut visit: impl FnMut(&Mutex<Option<Py<PyAny>>>) -> Result<(), E>,
    ) -> Result<(), E> {
        visit(self.handling.handler())?;
        visit(self.handling.failures.hook())?;
        let judges = [&self.judges.weight, &self.judges.key];
        judges.iter().filter_map(|judge| judge.function()).try_for_each(visit)
    }

    /// Closes it within the drop deadline, since nobody holds it any more; tells of what that hands back.
    pub(crate) fn end(&self, py: Python<'_>) {
        if !self.is_forked() {
            let _stay = Stay::here();
            let (closing, escaped) = py.detach(|| apart(|| self.close_within_drop_deadline()));
            if let Some(escaped) = escaped {
                // Nobody has called this: whatever this thread does next has nothing to do with it.
                escaped.write_unraisable(py, None);
            }
            self.tell_of_end(py, closing);
            self.handling.failures.tell_rest(py);
        }
    }

    /// The part of [`end`](Self::end) that waits.
    pub(crate) fn close_within_drop_deadline(&self) -> Closing {
        let after = if self.rules.is_polled { Duration::ZERO } else { self.rules.drop_deadline };
        self.inner().close(Deadline::after(after))
    }

    /// The part that tells of what was handed back, now or by a close that was interrupted.
    pub(crate) fn tell_of_end(&self, py: Python<'_>, closing: Closing) {
        self.tell_of(py, self.with_unclaimed(closing));
    }

    /// Keeps what a close has handed back to nobody.
    pub(crate) fn keep_unclaimed(&self, closing: Closing) {
        lock(&self.unclaimed).push(closing);
    }

    /// A close's answer, with what interrupted closes before it have handed back.
    pub(crate) fn with_unclaimed(&self, closing: Closing) -> Closing {
        // Objects are never dropped under this lock: that waits for the GIL, whose holder may wait for the lock.
        let earlier = std::mem::take(&mut *lock(&self.unclaimed));
        earlier.into_iter().rev().fold(closing, Closing::after)
    }

    pub(crate) fn tell_of(&self, py: Python<'_>, closing: Closing) {
        let len = closing.items.len();
        if len > 0 {
            let message = "the batcher was dropped, or the program ended, before these items were handled";
            let error = errors::plain(py, "HandedBack", message);
            match closing.items.into_objects(py) {
                Ok(items) => self.handling.failures.tell(py, items.bind(py), len, &error),
                Err(error) => error.write_unraisable(py, None),
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.is_forked() || crate::live::is_over() {
            // Its threads are not there, or hang: nobody may wait for them.
            return;
        }
        // SAFETY: dropped once, here.
        let surface = unsafe { ManuallyDrop::take(&mut self.surface) };
        let mut surface = Some(surface);
        let _stay = Stay::here();
        let detached = Python::try_attach(|py| {
            let surface = surface.take();
            py.detach(|| drop(surface));
        });
        if detached.is_none() {
            drop(surface);
        }
    }
}
