//! Settings as Python gives them. A mistake names the setting, the value and what is allowed.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyString};

/// What was given is of the wrong type.
pub(crate) fn mistaken(field: &str, given: &Bound<'_, PyAny>, allowed: &str) -> PyErr {
    let name = given.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
    let shown = given.repr().map_or_else(|_| "?".into(), |shown| shown.to_string());
    PyTypeError::new_err(format!("{field} is {shown}, of the type {name}; allowed: {allowed}"))
}

/// A whole number; `True` is none, and one beyond all ranges is the largest.
pub(crate) fn whole(field: &str, given: &Bound<'_, PyAny>) -> PyResult<i128> {
    let refused = || mistaken(field, given, "a whole number");
    if given.is_instance_of::<PyBool>() {
        return Err(refused());
    }
    match given.extract() {
        Ok(number) => Ok(number),
        Err(_) if given.is_instance_of::<PyInt>() => Ok(if given.lt(0)? { i128::MIN } else { i128::MAX }),
        Err(_) => Err(refused()),
    }
}

pub(crate) fn whole_or_none(field: &str, given: &Bound<'_, PyAny>) -> PyResult<Option<i128>> {
    if given.is_none() {
        return Ok(None);
    }
    whole(field, given).map(Some).map_err(|_| mistaken(field, given, "a whole number from 1 on, or None"))
}

/// Seconds; `True` is none, and more than a float can say are infinite.
pub(crate) fn seconds(field: &str, given: &Bound<'_, PyAny>) -> PyResult<f64> {
    let refused = || mistaken(field, given, "seconds as a number");
    if given.is_instance_of::<PyBool>() {
        return Err(refused());
    }
    match given.extract() {
        Ok(number) => Ok(number),
        Err(_) if given.is_instance_of::<PyInt>() => Ok(f64::INFINITY),
        Err(_) => Err(refused()),
    }
}

pub(crate) fn seconds_or_none(field: &str, given: &Bound<'_, PyAny>) -> PyResult<Option<f64>> {
    if given.is_none() {
        return Ok(None);
    }
    seconds(field, given).map(Some).map_err(|_| mistaken(field, given, "seconds as a number, or None"))
}

pub(crate) fn text_or_none(field: &str, given: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    if given.is_none() {
        return Ok(None);
    }
    text(field, given, "a str, or None").map(Some)
}

fn overflow_name(field: &str, given: &Bound<'_, PyAny>) -> PyResult<String> {
    text(field, given, "\"block\", \"fail\", \"drop\" or \"caller\"")
}

fn dispatch_name(field: &str, given: &Bound<'_, PyAny>) -> PyResult<String> {
    text(field, given, "\"thread\", \"caller\" or \"poll\"")
}

fn text(field: &str, given: &Bound<'_, PyAny>, allowed: &str) -> PyResult<String> {
    given.cast::<PyString>().map_err(|_| mistaken(field, given, allowed))?.extract()
}

/// A function for each argument: PyO3 does not tell a conversion which argument it is for.
macro_rules! arguments {
    ($($field:ident: $kind:ident, $type:ty;)*) => {
        $(pub(crate) fn $field(given: &Bound<'_, PyAny>) -> PyResult<$type> {
            $kind(stringify!($field), given)
        })*
    };
}

arguments! {
    batch_items_max: whole, i128;
    batch_bytes_max: whole_or_none, Option<i128>;
    linger: seconds_or_none, Option<f64>;
    tick: seconds_or_none, Option<f64>;
    workers: whole, i128;
    queue_items_max: whole_or_none, Option<i128>;
    queue_bytes_max: whole_or_none, Option<i128>;
    overflow: overflow_name, String;
    overflow_timeout: seconds_or_none, Option<f64>;
    dispatch: dispatch_name, String;
    name: text_or_none, Option<String>;
    drop_deadline: seconds, f64;
}
