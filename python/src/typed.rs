//! Putting into a typed batcher: an item becomes a record, a buffer many of them.

use crate::deliver::escaped;
use crate::drops;
use crate::errors;
use crate::put::{self, Patience};
use crate::record::{RUN, Records, Wait};
use crate::shared::{Overflow, Shared};
use crate::waiting;
use batchline::{FailureKind, ItemOptions, PutError, PutManyError};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyList};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Puts one record.
pub(crate) fn put(
    py: Python<'_>,
    shared: &Shared,
    records: &dyn Records,
    item: &Bound<'_, PyAny>,
    patience: Patience,
) -> PyResult<()> {
    let record = records.dtype().record(item)?;
    let (put, dropped) = put_record(py, shared, records, &record, patience)?;
    if dropped {
        tell_dropped(py, shared, records, &record);
    }
    put.map_err(|error| errors::of_put(py, &error, item))
}

/// Puts the bytes of one record; also says whether it was dropped.
fn put_record(
    py: Python<'_>,
    shared: &Shared,
    records: &dyn Records,
    record: &[u8],
    patience: Patience,
) -> PyResult<(Result<(), PutError<()>>, bool)> {
    let wait = match (patience, shared.rules.overflow) {
        (Patience::Policy, Overflow::Drop | Overflow::Fail) => Wait::Policy,
        _ => Wait::Never,
    };
    let (first, dropped) = drops::watched(&shared.handling.failures, || records.put(record, wait));
    let again = |(), slice| records.put(record, Wait::For(slice));
    Ok((conclude(py, shared, patience, first, again)?, dropped > 0))
}

/// Tells of records that were dropped at the put, which knows them: the core does not.
fn tell_dropped(py: Python<'_>, shared: &Shared, records: &dyn Records, dropped: &[u8]) {
    if dropped.is_empty() {
        return;
    }
    let _inside = shared.handling.enter();
    let error = errors::plain(py, "Dropped", &FailureKind::Dropped.to_string());
    match records.dtype().array(py, PyByteArray::new(py, dropped).into_any()) {
        Ok(items) => {
            let count = dropped.len() / records.dtype().size;
            shared.handling.failures.tell(py, &items, count, &error);
        }
        Err(failed) => failed.write_unraisable(py, None),
    }
}

/// Puts one record with times of its own.
pub(crate) fn put_with(
    py: Python<'_>,
    shared: &Shared,
    records: &dyn Records,
    item: &Bound<'_, PyAny>,
    patience: Patience,
    options: ItemOptions,
) -> PyResult<()> {
    let record = records.dtype().record(item)?;
    let enter = || records.put_with(&record, options);
    let (first, dropped) = match shared.rules.overflow {
        Overflow::Caller => (py.detach(enter), 0),
        _ => drops::watched(&shared.handling.failures, enter),
    };
    if dropped > 0 {
        tell_dropped(py, shared, records, &record);
    }
    let again = |(), slice| put::after_room(shared, (), slice).and_then(|()| enter());
    conclude(py, shared, patience, first, again)?.map_err(|error| errors::of_put(py, &error, item))
}

/// Waits where the first try found the queue full.
fn conclude(
    py: Python<'_>,
    shared: &Shared,
    patience: Patience,
    first: Result<(), PutError<()>>,
    again: impl Fn((), Duration) -> Result<(), PutError<()>> + Sync,
) -> PyResult<Result<(), PutError<()>>> {
    let ended = match (first, put::until(shared, patience)) {
        (Err(PutError::Full(())), Some(until)) => waiting::for_room(py, shared, (), until, again)?,
        (ended, _) => ended,
    };
    escaped()?;
    Ok(ended)
}

/// Puts the records of a buffer; returns how many were accepted.
pub(crate) fn put_many(
    py: Python<'_>,
    shared: &Shared,
    records: &dyn Records,
    items: &Bound<'_, PyAny>,
) -> PyResult<usize> {
    let buffer = records.dtype().with_buffer(items)?;
    with_bytes(&buffer, |bytes| {
        let size = records.dtype().size;
        if bytes.len() % size != 0 {
            let message = format!("the buffer has {} bytes; a record has {size}", bytes.len());
            return Err(PyValueError::new_err(message));
        }
        put_bytes(py, shared, records, bytes)
    })
}

fn put_bytes(py: Python<'_>, shared: &Shared, records: &dyn Records, bytes: &[u8]) -> PyResult<usize> {
    let put = match shared.rules.overflow {
        _ if records.dtype().is_unique => put_each(py, shared, records, bytes),
        Overflow::Drop => put_or_drop(py, shared, records, bytes),
        _ => put_waiting(py, shared, records, bytes),
    };
    escaped()?;
    put
}

/// With a window, which the core asks about each record anyway: one by one; duplicates are passed over.
fn put_each(py: Python<'_>, shared: &Shared, records: &dyn Records, bytes: &[u8]) -> PyResult<usize> {
    let (mut accepted, mut duplicates, mut lost) = (0, Vec::new(), Vec::new());
    let mut refused = None;
    for record in bytes.chunks_exact(records.dtype().size) {
        match put_record(py, shared, records, record, Patience::Policy) {
            Ok((Ok(()), true)) => lost.extend_from_slice(record),
            Ok((Ok(()), false)) => accepted += 1,
            Ok((Err(PutError::Duplicate(())), _)) => duplicates.extend_from_slice(record),
            Ok((Err(error), _)) => {
                let (name, why) = (errors::name_of(&error), error.to_string());
                refused = Some(errors::with_accepted(py, name, &why, accepted, py.None()));
                break;
            }
            Err(raised) => {
                refused = Some(raised);
                break;
            }
        }
    }
    tell_dropped(py, shared, records, &lost);
    match refused {
        Some(error) => Err(error),
        None if duplicates.is_empty() => Ok(accepted),
        None => Err(duplicates_of(py, records, accepted, &duplicates)?),
    }
}

fn duplicates_of(
    py: Python<'_>,
    records: &dyn Records,
    accepted: usize,
    duplicates: &[u8],
) -> PyResult<PyErr> {
    let items = records.dtype().array(py, PyByteArray::new(py, duplicates).into_any())?;
    let items = PyList::new(py, items.try_iter()?.collect::<PyResult<Vec<_>>>()?)?;
    Ok(errors::duplicates(py, accepted, &items))
}

/// A full queue drops what is left of a run: its tail.
fn put_or_drop(py: Python<'_>, shared: &Shared, records: &dyn Records, bytes: &[u8]) -> PyResult<usize> {
    let size = records.dtype().size;
    let (mut accepted, mut lost, mut refused) = (0, Vec::new(), None);
    for run in bytes.chunks(RUN * size) {
        match drops::watched(&shared.handling.failures, || records.put_many(run)).0 {
            Ok(taken) => {
                accepted += taken;
                lost.extend_from_slice(&run[taken * size..]);
            }
            Err(error) => {
                accepted += error.accepted();
                refused = Some(errors::of_put_many(py, error, accepted, None));
                break;
            }
        }
    }
    tell_dropped(py, shared, records, &lost);
    refused.map_or(Ok(accepted), Err)
}

/// Waits for room where the policy says so.
fn put_waiting(py: Python<'_>, shared: &Shared, records: &dyn Records, bytes: &[u8]) -> PyResult<usize> {
    let size = records.dtype().size;
    let mut accepted = 0;
    while accepted * size < bytes.len() {
        let rest = &bytes[accepted * size..];
        let is_caller = shared.rules.overflow == Overflow::Caller;
        let put = if is_caller { py.detach(|| records.put_many(rest)) } else { records.put_many(rest) };
        match put {
            Ok(_) => break,
            Err(error @ PutManyError::Full { .. }) => {
                accepted += error.accepted();
                wait_with_first(py, shared, records, &bytes[accepted * size..], accepted)?;
                accepted += 1;
            }
            Err(error) => return Err(errors::of_put_many(py, error, accepted + error.accepted(), None)),
        }
    }
    Ok(bytes.len() / size)
}

/// The queue is full: the first record left waits for all.
fn wait_with_first(
    py: Python<'_>,
    shared: &Shared,
    records: &dyn Records,
    rest: &[u8],
    accepted: usize,
) -> PyResult<()> {
    let full = PutManyError::Full { accepted };
    let Some(until) = put::until(shared, Patience::Policy) else {
        return Err(errors::of_put_many(py, full, accepted, None));
    };
    let size = records.dtype().size;
    // The core has counted all that is left as refused; it is still on its way. The wait uncounts one by itself.
    let others = (rest.len() / size - 1) as u64;
    shared.not_told.fetch_add(others, Relaxed);
    let first = &rest[..size];
    let again = |(), slice| records.put(first, Wait::For(slice));
    let waited = waiting::for_room(py, shared, (), until, again);
    if !matches!(waited, Ok(Ok(()))) {
        shared.not_told.fetch_sub(others, Relaxed);
    }
    waited?.map_err(|error| {
        let item = py.None();
        errors::with_accepted(py, errors::name_of(&error), &error.to_string(), accepted, item)
    })
}

/// Lends the bytes of a buffer.
#[cfg(not(Py_LIMITED_API))]
fn with_bytes<A>(buffer: &Bound<'_, PyAny>, act: impl FnOnce(&[u8]) -> PyResult<A>) -> PyResult<A> {
    use pyo3::ffi;

    /// Gives the buffer back.
    struct Lent(Box<ffi::Py_buffer>);

    impl Drop for Lent {
        fn drop(&mut self) {
            // SAFETY: the buffer was got, is given back once, and the thread is attached.
            unsafe { ffi::PyBuffer_Release(&raw mut *self.0) };
        }
    }

    let mut room = Box::new(ffi::Py_buffer::new());
    // SAFETY: the room is good; on success it must be released, which `Lent` does.
    if unsafe { ffi::PyObject_GetBuffer(buffer.as_ptr(), &raw mut *room, ffi::PyBUF_SIMPLE) } != 0 {
        let error = PyErr::fetch(buffer.py());
        return with_copied_bytes(buffer, error, act);
    }
    let lent = Lent(room);
    if lent.0.len == 0 {
        return act(&[]);
    }
    // SAFETY: a simple buffer is so many bytes in a row, and stays until it is released.
    act(unsafe { std::slice::from_raw_parts(lent.0.buf.cast(), lent.0.len as usize) })
}

/// Lends the bytes of a buffer.
#[cfg(Py_LIMITED_API)]
fn with_bytes<A>(buffer: &Bound<'_, PyAny>, act: impl FnOnce(&[u8]) -> PyResult<A>) -> PyResult<A> {
    let refused = PyValueError::new_err("the items have no buffer");
    with_copied_bytes(buffer, refused, act)
}

/// Copies what cannot be lent: times, for instance, have no format for a buffer, and slices have gaps.
fn with_copied_bytes<A>(
    buffer: &Bound<'_, PyAny>,
    refused: PyErr,
    act: impl FnOnce(&[u8]) -> PyResult<A>,
) -> PyResult<A> {
    let bytes = match buffer.call_method0("tobytes") {
        Ok(bytes) => bytes,
        Err(_) => buffer.py().import("builtins")?.call_method1("bytes", (buffer,)).map_err(|_| refused)?,
    };
    act(bytes.cast::<PyBytes>()?.as_bytes())
}
