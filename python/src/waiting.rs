//! Waiting with the GIL released, in slices, so that Ctrl-C works; nothing is lost when it comes.

use crate::deliver::escaped;
use crate::shared::Shared;
use batchline::PutError;
use pyo3::intern;
use pyo3::prelude::*;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// How long a thread waits before it looks whether a signal came.
pub(crate) const SLICE: Duration = Duration::from_millis(50);

/// What is left of a wait, and at most a slice; `None` when it is over.
pub(crate) fn slice_until(until: Option<Instant>) -> Option<Duration> {
    let Some(until) = until else { return Some(SLICE) };
    let left = until.saturating_duration_since(Instant::now());
    (!left.is_zero()).then(|| left.min(SLICE))
}

/// Tries a put again and again, each time waiting for room for a slice, until it has an end. `Err` is a signal's
/// exception; then the item was not put.
pub(crate) fn for_room<T: Send>(
    py: Python<'_>,
    shared: &Shared,
    mut item: T,
    until: Option<Instant>,
    put: impl Fn(T, Duration) -> Result<(), PutError<T>> + Sync,
) -> PyResult<Result<(), PutError<T>>> {
    // The refusal that led here is one for the user only if the time is over already.
    let Some(mut slice) = slice_until(until) else { return Ok(Err(PutError::TimedOut(item))) };
    loop {
        shared.uncount_refusal();
        let put = &put;
        match py.detach(move || put(item, slice)) {
            Err(PutError::TimedOut(back) | PutError::Full(back)) => item = back,
            end => {
                escaped()?;
                return Ok(end);
            }
        }
        py.check_signals()?;
        match slice_until(until) {
            Some(next) => slice = next,
            None => return Ok(Err(PutError::TimedOut(item))),
        }
    }
}

/// Runs `work`, which waits, without the GIL. On the main thread another one does it, so that this one can look for
/// signals; if one raises, `work` goes on without anybody, and what it returns goes to `unclaimed`.
pub(crate) fn interruptible<A: Send + 'static>(
    py: Python<'_>,
    shared: &Arc<Shared>,
    work: impl FnOnce(&Shared) -> A + Send + 'static,
    unclaimed: impl FnOnce(&Shared, A) + Send + 'static,
) -> PyResult<A> {
    if shared.handling.is_inside() || !is_main_thread(py)? {
        return Ok(py.detach(|| work(shared)));
    }
    let (sender, mut receiver) = sync_channel(1);
    let theirs = shared.clone();
    let helper = std::thread::Builder::new().name("batchline-wait".into()).spawn(move || {
        if let Err(unsent) = sender.send(work(&theirs)) {
            unclaimed(&theirs, unsent.0);
        }
    })?;
    loop {
        let answer;
        (receiver, answer) = py.detach(move || {
            let answer = receiver.recv_timeout(SLICE);
            (receiver, answer)
        });
        match answer {
            Ok(done) => {
                py.detach(|| helper.join()).ok();
                return Ok(done);
            }
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(pyo3::exceptions::PyRuntimeError::new_err("a waiting thread has panicked"));
            }
        }
    }
}

/// Whether signals are handled on this thread.
fn is_main_thread(py: Python<'_>) -> PyResult<bool> {
    let threading = py.import(intern!(py, "threading"))?;
    let main = threading.call_method0(intern!(py, "main_thread"))?.getattr(intern!(py, "ident"))?;
    main.eq(threading.call_method0(intern!(py, "get_ident"))?)
}
