//! Refusals become Python exceptions, which carry the refused item. Their classes are in `batchline/errors.py`.

use batchline::{BuildError, FlushError, PutError, PutManyError};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList};

/// Names of the classes, as the package exports them.
const NAMES: [&str; 13] = [
    "BatchlineError",
    "Full",
    "TimedOut",
    "Closed",
    "Duplicate",
    "Duplicates",
    "WindowFull",
    "TooLarge",
    "WouldWait",
    "Forked",
    "Expired",
    "HandedBack",
    "Dropped",
];

/// The exception classes are attributes of the extension module, too.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let errors = module.py().import("batchline.errors")?;
    NAMES.iter().try_for_each(|name| module.add(*name, errors.getattr(*name)?))
}

/// The futures of this Python must have the inside that `batchline/_future.py` knows.
pub(crate) fn check_futures(py: Python<'_>) -> PyResult<()> {
    let is_known: bool = py.import("batchline._future")?.getattr("IS_KNOWN")?.extract()?;
    if is_known {
        Ok(())
    } else {
        Err(PyRuntimeError::new_err("concurrent.futures.Future has changed inside"))
    }
}

/// An exception class by its name.
fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || py.import("batchline.errors").map(Bound::unbind))?;
    module.bind(py).getattr(name)
}

/// An exception of that class, with attributes.
fn make(py: Python<'_>, name: &str, message: &str, attributes: &[(&str, Py<PyAny>)]) -> PyErr {
    let built = class(py, name).and_then(|class| {
        let keywords = PyDict::new(py);
        attributes.iter().try_for_each(|(name, value)| keywords.set_item(name, value))?;
        class.call((message,), Some(&keywords))
    });
    built.map_or_else(|error| error, PyErr::from_value)
}

/// Without an item.
pub(crate) fn plain(py: Python<'_>, name: &str, message: &str) -> PyErr {
    make(py, name, message, &[])
}

/// With the item that it is about.
pub(crate) fn of_item(py: Python<'_>, name: &str, message: &str, item: &Py<PyAny>) -> PyErr {
    make(py, name, message, &[("item", item.clone_ref(py))])
}

pub(crate) fn expired(py: Python<'_>, item: &Py<PyAny>) -> PyErr {
    of_item(py, "Expired", "the item passed its deadline unhandled", item)
}

pub(crate) fn handed_back(py: Python<'_>, item: &Py<PyAny>) -> PyErr {
    of_item(py, "HandedBack", "the batcher closed before the item was handled", item)
}

pub(crate) fn closed(py: Python<'_>) -> PyErr {
    plain(py, "Closed", "the batcher is closed")
}

pub(crate) fn forked(py: Python<'_>) -> PyErr {
    let message = "the process was forked after the batcher was made, and its threads are in the parent; \
                   make a new batcher here";
    plain(py, "Forked", message)
}

/// The class that stands for a refusal.
pub(crate) fn name_of<T>(error: &PutError<T>) -> &'static str {
    match error {
        PutError::Full(_) => "Full",
        PutError::TimedOut(_) => "TimedOut",
        PutError::Closed(_) => "Closed",
        PutError::TooLarge { .. } => "TooLarge",
        PutError::Duplicate(_) => "Duplicate",
        PutError::WindowFull(_) => "WindowFull",
        _ => "WouldWait",
    }
}

/// A refused put, with the item as the caller knows it.
pub(crate) fn of_put<T>(py: Python<'_>, error: &PutError<T>, item: &Bound<'_, PyAny>) -> PyErr {
    let message = match error {
        PutError::TooLarge { bytes, bytes_max, .. } => format!(
            "the item weighs {bytes} bytes, and at most {bytes_max} are allowed; raise batch_bytes_max or \
             queue_bytes_max"
        ),
        PutError::WindowFull(_) => {
            "keys_max keys are remembered; raise it, shorten the window, or use at_cap=\"forget_oldest\""
                .into()
        }
        error => error.to_string(),
    };
    make(py, name_of(error), &message, &[("item", item.clone().unbind())])
}

/// A put of many that stopped at `item`.
pub(crate) fn of_put_many(
    py: Python<'_>,
    error: PutManyError,
    accepted: usize,
    item: Option<Py<PyAny>>,
) -> PyErr {
    let (name, why) = match error {
        PutManyError::Full { .. } => ("Full", "the queue is full"),
        PutManyError::TimedOut { .. } => ("TimedOut", "the queue stayed full until the deadline"),
        PutManyError::Closed { .. } => ("Closed", "the batcher is closed"),
        PutManyError::TooLarge { .. } => ("TooLarge", "an item weighs more than a batch may hold"),
        PutManyError::WindowFull { .. } => ("WindowFull", "the deduplication window remembers keys_max keys"),
        PutManyError::Duplicates { .. } => ("Duplicate", "the key was put within the deduplication window"),
        _ => ("WouldWait", "the queue is full and its own handler may not wait for room"),
    };
    with_accepted(py, name, why, accepted, item.unwrap_or_else(|| py.None()))
}

/// A refusal in the middle of many.
pub(crate) fn with_accepted(
    py: Python<'_>,
    name: &str,
    why: &str,
    accepted: usize,
    item: Py<PyAny>,
) -> PyErr {
    let number = accepted.into_pyobject(py).map_or_else(|_| py.None(), |number| number.into_any().unbind());
    make(
        py,
        name,
        &format!("{why}; {accepted} items were accepted before"),
        &[("item", item), ("accepted", number)],
    )
}

/// Everything was put but these.
pub(crate) fn duplicates(py: Python<'_>, accepted: usize, items: &Bound<'_, PyList>) -> PyErr {
    let message = format!("{} items are duplicates; the other {accepted} were accepted", items.len());
    let number = accepted.into_pyobject(py).map_or_else(|_| py.None(), |number| number.into_any().unbind());
    let items = items.clone().into_any().unbind();
    make(py, "Duplicates", &message, &[("items", items), ("accepted", number)])
}

/// A flush that was refused.
pub(crate) fn of_flush(py: Python<'_>, error: FlushError) -> PyErr {
    match error {
        FlushError::Closed => closed(py),
        FlushError::TimedOut => {
            plain(py, "TimedOut", "the time ran out; what was sealed is still being handled")
        }
        _ => {
            plain(py, "WouldWait", "flush was called from the batcher's own handler, which it would wait for")
        }
    }
}

/// A setting that was refused.
pub(crate) fn of_build(error: &BuildError) -> PyErr {
    if error.is_of_the_system() {
        return PyOSError::new_err(error.to_string());
    }
    let (field, text) = (error.field(), error.to_string());
    let rest = text.strip_prefix(field).unwrap_or_default();
    match field {
        "retry" => PyValueError::new_err("retry is set; allowed: none with dispatch=\"poll\""),
        "window" => PyValueError::new_err(format!("dedup{rest}")),
        field => PyValueError::new_err(format!("{field}{rest}")),
    }
}

/// Whether an exception says that one item is a duplicate.
pub(crate) fn is_duplicate(py: Python<'_>, error: &PyErr) -> bool {
    class(py, "Duplicate").is_ok_and(|class| error.matches(py, class).unwrap_or(false))
}

/// A refusal of one item, which ended a put of many after `accepted` items.
pub(crate) fn after(py: Python<'_>, error: PyErr, accepted: usize) -> PyErr {
    let is_ours = class(py, "BatchlineError").is_ok_and(|class| error.matches(py, class).unwrap_or(false));
    let told = if is_ours { error.value(py).setattr("accepted", accepted) } else { Ok(()) };
    told.map_or_else(|other| other, |()| error)
}

/// The same refusal, after more items.
pub(crate) fn after_more(error: PutManyError, more: usize) -> PutManyError {
    let accepted = error.accepted() + more;
    match error {
        PutManyError::Full { .. } => PutManyError::Full { accepted },
        PutManyError::TimedOut { .. } => PutManyError::TimedOut { accepted },
        PutManyError::Closed { .. } => PutManyError::Closed { accepted },
        PutManyError::TooLarge { .. } => PutManyError::TooLarge { accepted },
        PutManyError::Duplicates { duplicates, .. } => PutManyError::Duplicates { accepted, duplicates },
        PutManyError::WindowFull { .. } => PutManyError::WindowFull { accepted },
        _ => PutManyError::Reentrant { accepted },
    }
}
