//! Fixed-size records: their bytes lie in the slabs, one beside the other, and a batch is one copy of them.
//!
//! A record's slot is its size rounded up to one of seven sizes; what is over is zero.

use crate::deliver::{Lot, Waiting};
use crate::dtype::Dtype;
use crate::surface::{Element, Plain};
use batchline::{ItemOptions, PutError, PutManyError};
use pyo3::ffi;
use pyo3::prelude::*;
use std::time::Duration;

/// The largest record.
pub(crate) const RECORD_BYTES_MAX: usize = 256;
/// So many records are widened to their slots at a time.
pub(crate) const RUN: usize = 1024;

#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Record<const N: usize>([u8; N]);

/// How long a put of a record may wait.
#[derive(Clone, Copy)]
pub(crate) enum Wait {
    /// As the core's policy says: it does not wait, or handles a batch.
    Policy,
    Never,
    For(Duration),
}

/// Putting records of any size.
pub(crate) trait Records: Sync {
    fn put(&self, record: &[u8], wait: Wait) -> Result<(), PutError<()>>;
    fn put_with(&self, record: &[u8], options: ItemOptions) -> Result<(), PutError<()>>;
    /// Puts records that lie one behind the other, without a window; says how many were taken.
    fn put_many(&self, records: &[u8]) -> Result<usize, PutManyError>;
    fn dtype(&self) -> &Dtype;
}

impl<const N: usize> Record<N> {
    #[inline]
    fn new(bytes: &[u8]) -> Self {
        if let Ok(whole) = bytes.try_into() {
            return Self(whole);
        }
        let mut slot = [0; N];
        slot[..bytes.len()].copy_from_slice(bytes);
        Self(slot)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

fn without_item<T>(error: PutError<T>) -> PutError<()> {
    match error {
        PutError::Full(_) => PutError::Full(()),
        PutError::TimedOut(_) => PutError::TimedOut(()),
        PutError::Closed(_) => PutError::Closed(()),
        PutError::TooLarge { bytes, bytes_max, .. } => PutError::TooLarge { item: (), bytes, bytes_max },
        PutError::Duplicate(_) => PutError::Duplicate(()),
        PutError::WindowFull(_) => PutError::WindowFull(()),
        _ => PutError::Reentrant(()),
    }
}

impl<const N: usize> Records for Plain<Record<N>> {
    fn put(&self, record: &[u8], wait: Wait) -> Result<(), PutError<()>> {
        let record = Record::new(record);
        let put = match wait {
            Wait::Policy => self.batcher.put(record),
            Wait::Never => self.batcher.try_put(record),
            Wait::For(timeout) => self.batcher.put_timeout(record, timeout),
        };
        put.map_err(without_item)
    }

    fn put_with(&self, record: &[u8], options: ItemOptions) -> Result<(), PutError<()>> {
        self.batcher.put_with(Record::new(record), options).map_err(without_item)
    }

    fn put_many(&self, records: &[u8]) -> Result<usize, PutManyError> {
        if self.shape.size == N {
            // SAFETY: a record is its bytes, and lies anywhere.
            let whole = unsafe { std::slice::from_raw_parts(records.as_ptr().cast(), records.len() / N) };
            return self.batcher.put_slice(whole);
        }
        let mut accepted = 0;
        for run in records.chunks(RUN * self.shape.size) {
            let run: Vec<_> = run.chunks_exact(self.shape.size).map(Record::new).collect();
            match self.batcher.put_slice(&run) {
                Ok(more) => accepted += more,
                Err(error) => return Err(crate::errors::after_more(error, accepted)),
            }
        }
        Ok(accepted)
    }

    fn dtype(&self) -> &Dtype {
        &self.shape
    }
}

impl<const N: usize> Element for Record<N> {
    type Shape = Dtype;

    unsafe fn lot<'py>(py: Python<'py>, dtype: &Dtype, items: *const Self, len: usize) -> PyResult<Lot<'py>> {
        // SAFETY: the caller's promise.
        let records = unsafe { std::slice::from_raw_parts(items, len) };
        Ok(Lot { items: dtype.array(py, bytes_of(py, dtype, records)?)?, len, waiting: Waiting::new() })
    }

    fn handed_back(py: Python<'_>, dtype: &Dtype, items: Vec<Self>) -> PyResult<Py<PyAny>> {
        Ok(dtype.array(py, bytes_of(py, dtype, &items)?)?.unbind())
    }

    fn records(plain: &Plain<Self>) -> Option<&dyn Records> {
        Some(plain)
    }
}

/// A bytearray of these records.
fn bytes_of<'py, const N: usize>(
    py: Python<'py>,
    dtype: &Dtype,
    records: &[Record<N>],
) -> PyResult<Bound<'py, PyAny>> {
    if dtype.size == N {
        // SAFETY: records are bytes, and these are so many.
        return unsafe {
            let len = (records.len() * N) as ffi::Py_ssize_t;
            let made = ffi::PyByteArray_FromStringAndSize(records.as_ptr().cast(), len);
            Bound::from_owned_ptr_or_err(py, made)
        };
    }
    let mut bytes = Vec::with_capacity(records.len() * dtype.size);
    records.iter().for_each(|record| bytes.extend_from_slice(&record.0[..dtype.size]));
    Ok(pyo3::types::PyByteArray::new(py, &bytes).into_any())
}
