//! Failures that nobody waits for: they go to `on_failure(items, exception)`, or to the log. Never nowhere.

use crate::attach::attached;
use crate::deliver::Told;
use crate::drops;
use crate::errors;
use crate::future::{Outcome, Submitted};
use batchline::{Failure, FailureKind, FailureReport};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use std::cell::RefCell;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Lines in the log per second and batcher; what is over is counted and told with the next line.
const LINES_PER_SECOND: u32 = 10;

thread_local! {
    /// Items that the engine dropped on this thread just before it reports them.
    static LOST: RefCell<Vec<Py<PyAny>>> = const { RefCell::new(Vec::new()) };
    /// Failures of this thread's batch that are told when the engine reports it.
    static DEFERRED: RefCell<Vec<Deferred>> = const { RefCell::new(Vec::new()) };
}

/// Remembers an item that the engine has dropped, for the report that follows.
pub(crate) fn note_lost(object: Py<PyAny>) {
    // While the thread ends, the list may be gone; then the object is dropped here.
    let mut object = Some(object);
    let _ = LOST.try_with(|lost| lost.borrow_mut().extend(object.take()));
}

/// Items lost since the last report.
pub(crate) fn take_lost() -> Vec<Py<PyAny>> {
    LOST.try_with(RefCell::take).unwrap_or_default()
}

/// A failure to tell later.
pub(crate) enum Deferred {
    Submitted(Submitted, PyErr),
    Unwaited(Py<PyAny>, usize, PyErr),
}

/// Keeps a failure until the engine reports the batch, which it does on this thread.
pub(crate) fn defer(deferred: Deferred) {
    DEFERRED.with(|all| all.borrow_mut().push(deferred));
}

/// Where failures go.
pub(crate) struct Failures {
    pub(crate) name: String,
    hook: Mutex<Option<Py<PyAny>>>,
    pace: Mutex<Pace>,
}

/// How many lines were written lately.
struct Pace {
    since: Instant,
    lines: u32,
    untold: u64,
}

impl Failures {
    pub(crate) fn new(name: String, hook: Option<Py<PyAny>>) -> Self {
        let pace = Pace { since: Instant::now(), lines: 0, untold: 0 };
        Self { name, hook: Mutex::new(hook), pace: Mutex::new(pace) }
    }

    /// The hook, for the garbage collector.
    pub(crate) fn hook(&self) -> &Mutex<Option<Py<PyAny>>> {
        &self.hook
    }

    /// Tells of items that failed with an exception.
    pub(crate) fn tell(&self, py: Python<'_>, items: &Bound<'_, PyAny>, count: usize, error: &PyErr) {
        let hook = crate::shared::lock(&self.hook).as_ref().map(|hook| hook.clone_ref(py));
        let told = match &hook {
            Some(hook) => hook.call1(py, (items, error.value(py))).map(|_| ()),
            None => self.log(py, count, error, ""),
        };
        if let Err(failed) = told {
            failed.write_unraisable(py, hook.as_ref().map(|hook| hook.bind(py)));
            self.log_besides(py, count, error, " (on_failure raised)");
        }
    }

    /// Logs a failure of which the hook does not learn, or not all; without a hook it is in the log anyway.
    pub(crate) fn log_besides(&self, py: Python<'_>, count: usize, error: &PyErr, why: &str) {
        let has_hook = crate::shared::lock(&self.hook).is_some();
        if let Some(failed) = has_hook.then(|| self.log(py, count, error, why).err()).flatten() {
            failed.write_unraisable(py, None);
        }
    }

    fn log(&self, py: Python<'_>, count: usize, error: &PyErr, why: &str) -> PyResult<()> {
        let Some(untold) = crate::shared::lock(&self.pace).admit(Instant::now()) else { return Ok(()) };
        let more = if untold == 0 { String::new() } else { format!(" (and {untold} more failures before)") };
        let text = "batcher %r: %d items failed: %s: %s%s";
        let value = error.value(py);
        let keywords = PyDict::new(py);
        keywords.set_item("exc_info", value)?;
        let logger = py.import(intern!(py, "logging"))?.call_method1("getLogger", ("batchline",))?;
        let class = value.get_type().qualname()?;
        let more = format!("{why}{more}");
        let said = value.str().map_or_else(|_| "<its text failed>".into(), |said| said.to_string());
        logger.call_method("error", (text, &self.name, count, class, said, more), Some(&keywords))?;
        Ok(())
    }

    /// Tells of the lines that were kept back and that no later line has told of: the batcher ends.
    pub(crate) fn tell_rest(&self, py: Python<'_>) {
        let untold = std::mem::take(&mut crate::shared::lock(&self.pace).untold);
        if untold == 0 {
            return;
        }
        let warn = || -> PyResult<()> {
            let logger = py.import(intern!(py, "logging"))?.call_method1("getLogger", ("batchline",))?;
            logger.call_method1("error", ("batcher %r: %d more failures", &self.name, untold))?;
            Ok(())
        };
        if let Err(failed) = warn() {
            failed.write_unraisable(py, None);
        }
    }

    /// What the engine reports: items that it gave up by itself. What a handler failed was told before.
    pub(crate) fn report(&self, report: &FailureReport) {
        if is_told(&report.kind) {
            return self.tell_deferred();
        }
        if matches!(report.kind, FailureKind::Dropped) && drops::note(self, report.items) {
            return;
        }
        attached(|py| {
            let lost = take_lost();
            let error = self.error_of(py, report);
            match PyList::new(py, &lost) {
                Ok(items) => self.tell(py, items.as_any(), report.items as usize, &error),
                Err(error) => error.write_unraisable(py, None),
            }
        });
    }

    fn tell_deferred(&self) {
        let deferred = DEFERRED.with(RefCell::take);
        if deferred.is_empty() {
            return;
        }
        attached(|py| {
            for failure in deferred {
                match failure {
                    Deferred::Submitted(submitted, error) => submitted.settle(py, Outcome::Error(&error)),
                    Deferred::Unwaited(items, count, error) => self.tell(py, items.bind(py), count, &error),
                }
            }
        });
    }

    fn error_of(&self, py: Python<'_>, report: &FailureReport) -> PyErr {
        match &report.kind {
            FailureKind::Expired => errors::plain(py, "Expired", &report.kind.to_string()),
            FailureKind::Dropped => errors::plain(py, "Dropped", &report.kind.to_string()),
            FailureKind::Abandoned => errors::plain(py, "HandedBack", &report.kind.to_string()),
            FailureKind::Failed(Failure::WrongReplyCount { .. }) => {
                PyValueError::new_err(report.kind.to_string())
            }
            kind => PyRuntimeError::new_err(kind.to_string()),
        }
    }
}

fn is_told(kind: &FailureKind) -> bool {
    matches!(kind, FailureKind::Failed(Failure::Error(error)) if error.downcast_ref::<Told>().is_some())
}

impl Pace {
    /// Whether a line may be written now, and how many were kept back before it.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            (self.since, self.lines) = (now, 0);
        }
        self.lines += 1;
        if self.lines > LINES_PER_SECOND {
            self.untold += 1;
            return None;
        }
        Some(std::mem::take(&mut self.untold))
    }
}
