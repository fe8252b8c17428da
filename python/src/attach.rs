//! A worker thread keeps one Python thread state for its life: making one for each batch costs more than the batch.

use crate::stay::Stay;
use pyo3::ffi;
use pyo3::prelude::*;
use std::cell::OnceCell;

thread_local! {
    /// `None` on threads that Python knows without us.
    static KEPT: OnceCell<Option<Kept>> = const { OnceCell::new() };
}

/// A thread state that stays although nothing of Python runs on this thread.
struct Kept {
    before: ffi::PyGILState_STATE,
    state: *mut ffi::PyThreadState,
}

impl Kept {
    fn on_this_thread() -> Option<Self> {
        // SAFETY: asks for a pointer of this thread, and needs no state.
        if !unsafe { ffi::PyGILState_GetThisThreadState() }.is_null() {
            return None;
        }
        // SAFETY: the interpreter lives: the exit hook closes batchers before it ends. The state made here is the
        // outermost of this thread, and is let go of at once, but not destroyed.
        Some(unsafe { Self { before: ffi::PyGILState_Ensure(), state: ffi::PyEval_SaveThread() } })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _stay = Stay::here();
        // SAFETY: the state is this thread's, made by the `Ensure` that is ended here. While the interpreter is
        // finalising, the first call does not return.
        unsafe {
            ffi::PyEval_RestoreThread(self.state);
            ffi::PyGILState_Release(self.before);
        }
    }
}

/// Runs `act` attached to the interpreter; `None` when that is no longer possible.
pub(crate) fn attached<A>(act: impl FnOnce(Python<'_>) -> A) -> Option<A> {
    let _stay = Stay::here();
    KEPT.with(|kept| {
        kept.get_or_init(Kept::on_this_thread);
    });
    Python::try_attach(act)
}

/// As [`attached`], for drops: they may run while an exception is on its way, which must go on as it was.
pub(crate) fn aside(act: impl FnOnce(Python<'_>)) {
    let _stay = Stay::here();
    let _ = Python::try_attach(|py| {
        let on_its_way = PyErr::take(py);
        act(py);
        if let Some(error) = on_its_way {
            error.restore(py);
        }
    });
}

/// Whether this thread is one of the batchers' own.
pub(crate) fn is_own_thread() -> bool {
    KEPT.try_with(|kept| matches!(kept.get(), Some(Some(_)))).unwrap_or(false)
}
