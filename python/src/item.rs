//! An item in a slab: one pointer, to a Python object, or to what was submitted with it.
//!
//! ```text
//! ...0   a Python object, one reference to it owned
//! ...1   a box: the object, its future, its ticket
//! ```

use crate::attach::aside;
use crate::errors;
use crate::failures;
use crate::future::Submitted;
use pyo3::ffi;
use pyo3::prelude::*;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

const SUBMITTED: usize = 1;

/// An owned item.
#[repr(transparent)]
pub(crate) struct Item(NonNull<ffi::PyObject>);

// SAFETY: the reference is owned, and objects are touched only while attached.
unsafe impl Send for Item {}
// SAFETY: as above; a shared item is not touched at all.
unsafe impl Sync for Item {}

/// What an item is.
pub(crate) enum Content {
    Plain(Py<PyAny>),
    Submitted(Box<Submitted>),
}

impl Item {
    /// Of a plain object.
    pub(crate) fn plain(object: Py<PyAny>) -> Self {
        // SAFETY: a Python object is not at address 0.
        Self(unsafe { NonNull::new_unchecked(object.into_ptr()) })
    }

    /// Of a submitted object.
    pub(crate) fn submitted(submitted: Box<Submitted>) -> Self {
        let tagged = Box::into_raw(submitted).map_addr(|address| address | SUBMITTED);
        // SAFETY: a box is not at address 0.
        Self(unsafe { NonNull::new_unchecked(tagged.cast()) })
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.0.addr().get() & SUBMITTED == 0
    }

    pub(crate) fn into_content(self) -> Content {
        let pointer = ManuallyDrop::new(self).0.as_ptr();
        if pointer.addr() & SUBMITTED == 0 {
            // SAFETY: the reference was given to `plain`, and leaves this item.
            return Content::Plain(unsafe { Py::from_owned_ptr_of(pointer) });
        }
        let boxed = pointer.map_addr(|address| address & !SUBMITTED);
        // SAFETY: the box was given to `submitted`, and leaves this item.
        Content::Submitted(unsafe { Box::from_raw(boxed.cast()) })
    }

    /// The object, which stays the item's.
    pub(crate) fn as_object(&self, py: Python<'_>) -> Py<PyAny> {
        let content = ManuallyDrop::new(Self(self.0).into_content());
        match &*content {
            Content::Plain(object) => object.clone_ref(py),
            Content::Submitted(submitted) => submitted.object().clone_ref(py),
        }
    }

    /// The object alone: what refused calls give back.
    pub(crate) fn into_object(self) -> Py<PyAny> {
        match self.into_content() {
            Content::Plain(object) => object,
            Content::Submitted(submitted) => submitted.into_object(),
        }
    }
}

/// `Py` from a pointer that was `Py::into_ptr`.
trait FromOwned {
    /// # Safety
    /// The pointer is an owned reference.
    unsafe fn from_owned_ptr_of(pointer: *mut ffi::PyObject) -> Self;
}

impl FromOwned for Py<PyAny> {
    unsafe fn from_owned_ptr_of(pointer: *mut ffi::PyObject) -> Self {
        // SAFETY: the caller's promise; `Py` is one non-null pointer.
        unsafe { std::mem::transmute::<*mut ffi::PyObject, Self>(pointer) }
    }
}

impl Drop for Item {
    /// The engine drops an item that no handler gets: it expired, was cancelled, or was dropped at a full queue.
    fn drop(&mut self) {
        let content = Self(self.0).into_content();
        aside(|py| match content {
            Content::Plain(object) => failures::note_lost(object),
            Content::Submitted(submitted) => submitted.lost(py, errors::expired),
        });
    }
}
