//! Objects in slabs become a list: one copy of pointers, which takes their references over.

use crate::deliver::{Lot, Waiting};
use crate::errors;
use crate::item::{Content, Item};
use crate::surface::Element;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyList;

impl Element for Item {
    type Shape = ();

    unsafe fn lot<'py>(py: Python<'py>, (): &(), items: *const Self, len: usize) -> PyResult<Lot<'py>> {
        // SAFETY: the caller's promise.
        let seen = unsafe { std::slice::from_raw_parts(items, len) };
        if seen.iter().all(Self::is_plain) {
            // SAFETY: the caller's promise, and every item is an owned reference.
            let items = unsafe { list_of(py, items.cast(), len) }?;
            return Ok(Lot { items, len, waiting: Waiting::new() });
        }
        // SAFETY: the caller's promise: each is moved out once.
        let items = (0..len).map(|index| unsafe { items.add(index).read() });
        let mut waiting = Waiting::new();
        let objects: Vec<Py<PyAny>> = items
            .enumerate()
            .map(|(index, item)| match item.into_content() {
                Content::Plain(object) => object,
                Content::Submitted(submitted) => {
                    submitted.begin(py);
                    let object = submitted.object().clone_ref(py);
                    waiting.push((index, submitted));
                    object
                }
            })
            .collect();
        Ok(Lot { items: PyList::new(py, objects)?.into_any(), len, waiting })
    }

    fn handed_back(py: Python<'_>, (): &(), items: Vec<Self>) -> PyResult<Py<PyAny>> {
        let give_back = |item: Self| match item.into_content() {
            Content::Plain(object) => object,
            Content::Submitted(submitted) => {
                submitted.lost(py, errors::handed_back);
                submitted.into_object()
            }
        };
        let objects: Vec<Py<PyAny>> = items.into_iter().map(give_back).collect();
        Ok(PyList::new(py, objects)?.into_any().unbind())
    }
}

/// A list that takes references over.
///
/// # Safety
/// `len` owned references lie at `items`.
#[cfg(not(Py_LIMITED_API))]
unsafe fn list_of<'py>(
    py: Python<'py>,
    items: *const *mut ffi::PyObject,
    len: usize,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: a new list with room for `len` pointers, of which nobody else knows yet.
    unsafe {
        let list = Bound::from_owned_ptr_or_err(py, ffi::PyList_New(len as ffi::Py_ssize_t))?;
        let room = (*list.as_ptr().cast::<ffi::PyListObject>()).ob_item;
        if len > 0 {
            std::ptr::copy_nonoverlapping(items, room, len);
        }
        Ok(list)
    }
}

/// A list that takes references over.
///
/// # Safety
/// `len` owned references lie at `items`.
#[cfg(Py_LIMITED_API)]
unsafe fn list_of<'py>(
    py: Python<'py>,
    items: *const *mut ffi::PyObject,
    len: usize,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: a new list with room for `len` pointers; `SetItem` takes each reference over.
    unsafe {
        let list = Bound::from_owned_ptr_or_err(py, ffi::PyList_New(len as ffi::Py_ssize_t))?;
        for index in 0..len {
            ffi::PyList_SetItem(list.as_ptr(), index as ffi::Py_ssize_t, *items.add(index));
        }
        Ok(list)
    }
}
