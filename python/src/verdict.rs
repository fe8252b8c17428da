//! Reading what a handler returned: nothing, or one result per item.

use pyo3::exceptions::{PyBaseException, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PySequence, PyString, PyTuple};

/// What a handler returned without raising.
pub(crate) enum Answer<'py> {
    /// Every item is done; its result is `None`.
    Silent,
    List(Bound<'py, PyList>),
    Tuple(Bound<'py, PyTuple>),
}

impl<'py> Answer<'py> {
    /// Reads an answer for `len` items.
    pub(crate) fn read(said: Bound<'py, PyAny>, len: usize) -> PyResult<Self> {
        if said.is_none() {
            return Ok(Self::Silent);
        }
        let answer = match said.cast_into::<PyList>() {
            Ok(list) => Self::List(list),
            Err(other) => Self::Tuple(tuple_of(other.into_inner())?),
        };
        let got = answer.len();
        if got == len {
            return Ok(answer);
        }
        Err(PyValueError::new_err(format!("the handler returned {got} results for a batch of {len} items")))
    }

    fn len(&self) -> usize {
        match self {
            Self::Silent => 0,
            Self::List(list) => list.len(),
            Self::Tuple(tuple) => tuple.len(),
        }
    }

    /// The result of an item; `None` if the handler shortened its list meanwhile.
    pub(crate) fn result(&self, py: Python<'py>, index: usize) -> Bound<'py, PyAny> {
        let result = match self {
            Self::Silent => None,
            Self::List(list) => list.get_item(index).ok(),
            Self::Tuple(tuple) => tuple.get_item(index).ok(),
        };
        result.unwrap_or_else(|| py.None().into_bound(py))
    }

    /// The exceptions among the results.
    pub(crate) fn errors(&self, py: Python<'py>) -> Vec<(usize, PyErr)> {
        let error = |index| {
            let result = self.result(py, index).cast_into::<PyBaseException>().ok()?;
            Some((index, PyErr::from_value(result.into_any())))
        };
        (0..self.len()).filter_map(error).collect()
    }
}

/// Other sequences are copied; what is no sequence, or text, is a mistake.
fn tuple_of(said: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyTuple>> {
    let said = match said.cast_into::<PyTuple>() {
        Ok(tuple) => return Ok(tuple),
        Err(other) => other.into_inner(),
    };
    if said.is_instance_of::<PyString>() || said.is_instance_of::<PyBytes>() {
        return Err(not_results(&said));
    }
    let is_sequence =
        said.is_instance_of::<PySequence>() || said.hasattr("__getitem__")? && said.len().is_ok();
    if !is_sequence || said.is_instance_of::<pyo3::types::PyDict>() {
        return Err(not_results(&said));
    }
    PyTuple::new(said.py(), said.try_iter()?.collect::<PyResult<Vec<_>>>()?)
}

fn not_results(said: &Bound<'_, PyAny>) -> PyErr {
    let name = said.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
    PyTypeError::new_err(format!(
        "the handler returned {name}; allowed: None, or a sequence with one result per item (an exception among them \
         fails its item)"
    ))
}
