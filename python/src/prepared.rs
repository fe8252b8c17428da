//! What the user's code says of an item before it is put: its weight, and its key. Python code may raise and may
//! release the GIL, so it runs before the core is called, which then only reads what was said.

use crate::key::Key;
use crate::shared::lock;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::cell::{Cell, RefCell};
use std::sync::Mutex;

thread_local! {
    static WEIGHT: Cell<usize> = const { Cell::new(0) };
    static KEY: RefCell<Option<Key>> = const { RefCell::new(None) };
}

/// Says how heavy an item is, or what its key is.
pub(crate) enum Judge {
    /// Nobody asks.
    None,
    /// Its length; it is its own key.
    Itself,
    Function(Mutex<Option<Py<PyAny>>>),
}

impl Judge {
    pub(crate) fn of(is_asked: bool, function: Option<Py<PyAny>>) -> Self {
        match function {
            _ if !is_asked => Self::None,
            None => Self::Itself,
            function => Self::Function(Mutex::new(function)),
        }
    }

    fn ask<'py>(&self, item: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let Self::Function(function) = self else { return Ok(item.clone()) };
        let function = lock(function).as_ref().map(|function| function.clone_ref(item.py()));
        function.map_or_else(|| Ok(item.clone()), |function| function.bind(item.py()).call1((item,)))
    }

    /// The function, for the garbage collector.
    pub(crate) fn function(&self) -> Option<&Mutex<Option<Py<PyAny>>>> {
        if let Self::Function(function) = self { Some(function) } else { None }
    }
}

/// Who is asked before an item is put.
pub(crate) struct Judges {
    pub(crate) weight: Judge,
    pub(crate) key: Judge,
}

impl Judges {
    pub(crate) fn are_asked(&self) -> bool {
        !matches!((&self.weight, &self.key), (Judge::None, Judge::None))
    }

    /// Asks them of an item.
    pub(crate) fn prepare(&self, item: &Bound<'_, PyAny>) -> PyResult<Prepared> {
        let weight = match &self.weight {
            Judge::None => 0,
            Judge::Itself => item.len()?,
            judge => weight_of(&judge.ask(item)?)?,
        };
        let key = match &self.key {
            Judge::None => None,
            judge => Some(Key::of(&judge.ask(item)?)?),
        };
        Ok(Prepared { weight, key })
    }
}

fn weight_of(said: &Bound<'_, PyAny>) -> PyResult<usize> {
    said.extract()
        .map_err(|_| PyValueError::new_err(format!("the weigher returned {said}; allowed: 0 and more")))
}

/// What was said of one item.
pub(crate) struct Prepared {
    weight: usize,
    key: Option<Key>,
}

impl Prepared {
    /// Lets the core see it in the next put on this thread.
    pub(crate) fn install(&self) {
        WEIGHT.set(self.weight);
        KEY.with(|key| key.replace(self.key.clone()));
    }
}

/// The core's weigher.
pub(crate) fn weight() -> usize {
    WEIGHT.get()
}

/// The core's key function.
pub(crate) fn key() -> Key {
    KEY.with(|key| key.borrow().clone()).unwrap_or_default()
}
