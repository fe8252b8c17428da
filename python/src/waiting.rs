//! Waiting with the GIL released, in slices, so that Ctrl-C works; nothing is lost when it comes.

use crate::attach::attached;
use crate::deliver::{apart, escaped, raise_later, stand_in};
use crate::item::Item;
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

/// What a put was refused with.
pub(crate) trait Refused: Send {
    /// Lets go of it without a word: the exception on its way tells of it.
    fn let_go(self);
}

impl Refused for () {
    fn let_go(self) {}
}

impl Refused for Item {
    fn let_go(self) {
        drop(self.into_object());
    }
}

/// The end of a put, unless an exception of the handler that it has run goes first.
pub(crate) fn unless_escaped<T: Refused>(
    ended: Result<(), PutError<T>>,
) -> PyResult<Result<(), PutError<T>>> {
    let Err(raised) = escaped() else { return Ok(ended) };
    if let Err(error) = ended {
        error.into_item().let_go();
    }
    Err(raised)
}

/// Tries a put again and again, each time waiting for room for a slice, until it has an end. `Err` is a signal's
/// exception; then the item was not put.
pub(crate) fn for_room<T: Refused>(
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
            end => return unless_escaped(end),
        }
        if let Err(raised) = escaped().and_then(|()| py.check_signals()) {
            item.let_go();
            return Err(raised);
        }
        match slice_until(until) {
            Some(next) => slice = next,
            None => return Ok(Err(PutError::TimedOut(item))),
        }
    }
}

/// Runs `work`, which waits, without the GIL. On the main thread another one does it, so that this one can look for
/// signals; if one raises, `work` goes on without anybody, and what it returns goes to `unclaimed`. What escapes from a
/// handler that `work` runs is for the next `escaped` of this thread.
pub(crate) fn interruptible<A: Send + 'static>(
    py: Python<'_>,
    shared: &Arc<Shared>,
    work: impl FnOnce(&Shared) -> A + Send + 'static,
    unclaimed: impl FnOnce(&Shared, A) + Send + 'static,
) -> PyResult<A> {
    if shared.handling.is_inside() || !is_main_thread(py)? {
        return Ok(py.detach(|| work(shared)));
    }
    // Without room: an answer that was sent has arrived, and is never lost on its way.
    let (sender, mut receiver) = sync_channel(0);
    let theirs = shared.clone();
    let helper = std::thread::Builder::new().name("batchline-wait".into()).spawn(move || {
        stand_in();
        if let Err(unsent) = sender.send(apart(|| work(&theirs))) {
            let (answer, escaped) = unsent.0;
            unclaimed(&theirs, answer);
            escaped.map(|escaped| attached(|py| escaped.write_unraisable(py, None)));
        }
    })?;
    loop {
        let answer;
        (receiver, answer) = py.detach(move || {
            let answer = receiver.recv_timeout(SLICE);
            (receiver, answer)
        });
        match answer {
            Ok((done, escaped)) => {
                py.detach(|| helper.join()).ok();
                if let Some(escaped) = escaped {
                    raise_later(escaped);
                }
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
