//! The batchers that live: closed in order when the interpreter exits, and marked in the child of a fork.

use crate::dedup::WindowStats;
use crate::shared::{Shared, lock};
use crate::stats::Stats;
use crate::surface::Closing;
use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, Mutex, Weak};

/// Touched only while attached: so no thread that a fork leaves behind holds its lock.
static LIVE: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());
/// The exit hook has run: what lives still is stuck, and nobody waits for it.
static IS_OVER: AtomicBool = AtomicBool::new(false);

/// Remembers a batcher as long as it lives.
pub(crate) fn note(shared: &Arc<Shared>) {
    let mut live = lock(&LIVE);
    if live.len() == live.capacity() {
        live.retain(|shared| shared.strong_count() > 0);
    }
    live.push(Arc::downgrade(shared));
}

/// Whether the interpreter is ending.
pub(crate) fn is_over() -> bool {
    IS_OVER.load(Acquire)
}

fn all() -> Vec<Arc<Shared>> {
    lock(&LIVE).iter().filter_map(Weak::upgrade).collect()
}

/// Name, counters and window of every batcher that is open, for those who export them.
#[pyfunction]
fn _live_stats(py: Python<'_>) -> PyResult<Vec<(String, Stats, Option<WindowStats>)>> {
    let open = all().into_iter().filter(|shared| !shared.is_forked() && !shared.inner().is_closed());
    open.map(|shared| {
        let window = shared.inner().window_stats().map(WindowStats::from);
        Ok((shared.name().to_string(), Stats::of(py, &shared)?, window))
    })
    .collect()
}

/// Closes every batcher within its drop deadline, while handlers can still run.
#[pyfunction]
fn _at_exit(py: Python<'_>) {
    let open: Vec<_> = all().into_iter().filter(|shared| !shared.is_forked()).collect();
    for (shared, closing) in open.iter().zip(py.detach(|| close_together(&open))) {
        match closing {
            Some(closing) => shared.tell_of_end(py, closing),
            None => shared.end(py),
        }
    }
    IS_OVER.store(true, Release);
}

/// Closes them at the same time, so that several stuck ones cost one drop deadline; `None` where there was no thread.
fn close_together(open: &[Arc<Shared>]) -> Vec<Option<Closing>> {
    std::thread::scope(|scope| {
        let spawn = |shared: &Arc<Shared>| {
            let shared = shared.clone();
            std::thread::Builder::new().spawn_scoped(scope, move || shared.close_within_drop_deadline()).ok()
        };
        let threads: Vec<_> = open.iter().map(spawn).collect();
        // Joined, and not only ended: a thread that has run a handler gives its Python thread state back as it ends.
        threads.into_iter().map(|thread| thread.and_then(|thread| thread.join().ok())).collect()
    })
}

/// Marks every batcher in the child of a fork.
#[pyfunction]
fn _after_fork_in_child() {
    let inherited = std::mem::take(&mut *lock(&LIVE));
    for shared in inherited.iter().filter_map(Weak::upgrade) {
        shared.forget_parent();
    }
}

/// Objects of one interpreter must not be touched in another: only the first that imports this module may.
pub(crate) fn refuse_other_interpreters() -> PyResult<()> {
    static FIRST: AtomicI64 = AtomicI64::new(-1);
    // SAFETY: called while attached, so there is an interpreter.
    let this = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
    match FIRST.compare_exchange(-1, this, AcqRel, Acquire) {
        Err(first) if first != this => {
            let message = "batchline works in one interpreter of a process, and not in its subinterpreters";
            Err(PyImportError::new_err(message))
        }
        _ => Ok(()),
    }
}

/// The hooks of exit and fork.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add_function(wrap_pyfunction!(_live_stats, module)?)?;
    let at_exit = wrap_pyfunction!(_at_exit, module)?;
    py.import(intern!(py, "atexit"))?.call_method1("register", (at_exit,))?;
    let os = py.import(intern!(py, "os"))?;
    if os.hasattr("register_at_fork")? {
        let hooks = PyDict::new(py);
        hooks.set_item("after_in_child", wrap_pyfunction!(_after_fork_in_child, module)?)?;
        os.call_method("register_at_fork", (), Some(&hooks))?;
    }
    Ok(())
}
