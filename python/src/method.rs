//! `Batcher.put` as a method of the plainest kind (METH_O): a third cheaper than one made by PyO3, which reads keyword
//! arguments and keeps accounts of its own.

use crate::batcher::Batcher;
use crate::item::Item;
use crate::put;
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

const DOC: &std::ffi::CStr = cr#"put($self, item, /)
--

Puts one item; waits for room while the queue is full, unless ``overflow`` says otherwise.

Raises ``Closed``, ``Full``, ``TimedOut``, ``Duplicate``, ``WindowFull``, ``TooLarge``, ``WouldWait`` or ``Forked``; the
refused item is in the exception's ``item``.

>>> import batchline
>>> with batchline.Batcher(print) as b:
...     b.put("a line")
['a line']
"#;

/// Gives the class its `put`, and its finaliser.
pub(crate) fn add_methods(py: Python<'_>) -> PyResult<()> {
    let class = py.get_type::<Batcher>();
    let definition = Box::new(ffi::PyMethodDef {
        ml_name: c"put".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: put_method },
        ml_flags: ffi::METH_O,
        ml_doc: DOC.as_ptr(),
    });
    // SAFETY: the definition lives for ever; the class is a type.
    let method = unsafe {
        let made = ffi::PyDescr_NewMethod(class.as_type_ptr(), Box::into_raw(definition));
        Bound::from_owned_ptr_or_err(py, made)
    }?;
    class.setattr("put", method)?;
    // Set on the class that is made, `__del__` becomes its finaliser, which PyO3 has no word for.
    class.setattr("__del__", class.getattr("_finalize")?)
}

/// The fast path: the object's pointer goes into the slab of this thread's lane.
unsafe extern "C" fn put_method(this: *mut ffi::PyObject, object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: Python calls methods while attached, and this one with a batcher; see `add_put`.
    let batcher = unsafe { Borrowed::from_ptr(Python::assume_attached(), this).cast_unchecked::<Batcher>() };
    if let Some(objects) = batcher.get().shared.objects() {
        let write = |slot: *mut Item| {
            // SAFETY: the object is good; its new reference goes into the slot.
            unsafe {
                ffi::Py_INCREF(object);
                slot.cast::<*mut ffi::PyObject>().write(object);
            }
        };
        // SAFETY: `write` fills the slot and calls nothing of the user's.
        match unsafe { objects.put_fast_by(write) } {
            // SAFETY: attached; a new reference to `None`.
            Some(true) => return unsafe { ffi::Py_NewRef(ffi::Py_None()) },
            // SAFETY: as given to this method.
            Some(false) => return unsafe { slowly(this, object, true) },
            None => {}
        }
    }
    // SAFETY: as given to this method.
    unsafe { slowly(this, object, false) }
}

/// The first item of a batch, the last one of a slab, a full queue, and every other end.
///
/// # Safety
/// Both are good objects, the first a batcher; the thread is attached.
#[cold]
#[inline(never)]
unsafe fn slowly(
    this: *mut ffi::PyObject,
    object: *mut ffi::PyObject,
    is_published: bool,
) -> *mut ffi::PyObject {
    Python::attach(|py| {
        // SAFETY: the caller's promise.
        let (batcher, object) = unsafe {
            (
                Borrowed::from_ptr(py, this).cast_unchecked::<Batcher>(),
                Borrowed::from_ptr(py, object).to_owned(),
            )
        };
        let shared = &batcher.get().shared;
        let body = AssertUnwindSafe(|| {
            if is_published { put::finish(py, shared, &object) } else { put::put(py, shared, &object) }
        });
        let ended = catch_unwind(body).unwrap_or_else(|_| Err(PyRuntimeError::new_err("batchline panicked")));
        match ended {
            Ok(()) => py.None().into_ptr(),
            Err(error) => {
                error.restore(py);
                std::ptr::null_mut()
            }
        }
    })
}
