//! Times as Python gives them: seconds, as a float.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::time::{Duration, Instant};

/// A time that is a setting.
pub(crate) fn setting(field: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        PyValueError::new_err(format!("{field} is {seconds}; allowed: 0 seconds and more, finite"))
    })
}

/// How long to wait; `None` is as long as it takes, and less than nothing is not at all.
pub(crate) fn timeout(field: &str, seconds: Option<f64>) -> PyResult<Option<Duration>> {
    match seconds {
        None => Ok(None),
        Some(seconds) if seconds.is_nan() => {
            Err(PyValueError::new_err(format!("{field} is nan; allowed: seconds, or None")))
        }
        Some(seconds) if seconds <= 0.0 => Ok(Some(Duration::ZERO)),
        Some(seconds) => Ok(Duration::try_from_secs_f64(seconds).ok()),
    }
}

/// When a wait ends; `None` is never.
pub(crate) fn until(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}
