//! Keys as bytes: the window compares them under a lock of its own, where no Python code may run.
//!
//! Equal in Python is equal here: `1 == 1.0 == True` have one form, text and bytes have two.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyString, PyTuple};
use std::hash::{Hash, Hasher};

const INLINE_BYTES: usize = 46;
/// Tuples within tuples: each level costs stack, and what makes deeper ones is a mistake.
const LEVELS_MAX: usize = 64;

/// A key: a tag per part, and its bytes.
#[derive(Clone)]
pub(crate) enum Key {
    Inline(u8, [u8; INLINE_BYTES]),
    Boxed(Box<[u8]>),
}

const NONE: u8 = 0;
const SHORT: u8 = 1;
const LONG: u8 = 2;
const FLOAT: u8 = 3;
const TEXT: u8 = 4;
const BYTES: u8 = 5;
const TUPLE: u8 = 6;
const UUID: u8 = 7;

impl Key {
    /// The key that an object is.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(text) = object.cast::<PyString>() {
            return Ok(Self::tagged(TEXT, text.to_str()?.as_bytes()));
        }
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Ok(Self::tagged(BYTES, bytes.as_bytes()));
        }
        if let Some(number) = object.cast::<PyInt>().ok().and_then(|_| object.extract::<i64>().ok()) {
            return Ok(Self::tagged(SHORT, &number.to_le_bytes()));
        }
        let mut bytes = Vec::new();
        write(object, &mut bytes, LEVELS_MAX)?;
        Ok(Self::from_bytes(bytes))
    }

    /// Of a record.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self::tagged(BYTES, bytes)
    }

    fn tagged(tag: u8, bytes: &[u8]) -> Self {
        let len = bytes.len() + 1;
        if len > INLINE_BYTES {
            return Self::Boxed([&[tag], bytes].concat().into());
        }
        let mut inline = [0; INLINE_BYTES];
        inline[0] = tag;
        inline[1..len].copy_from_slice(bytes);
        Self::Inline(len as u8, inline)
    }

    fn from_bytes(bytes: Vec<u8>) -> Self {
        if bytes.len() > INLINE_BYTES {
            return Self::Boxed(bytes.into());
        }
        let mut inline = [0; INLINE_BYTES];
        inline[..bytes.len()].copy_from_slice(&bytes);
        Self::Inline(bytes.len() as u8, inline)
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Inline(len, bytes) => &bytes[..usize::from(*len)],
            Self::Boxed(bytes) => bytes,
        }
    }
}

impl Default for Key {
    fn default() -> Self {
        Self::Inline(0, [0; INLINE_BYTES])
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes().hash(state);
    }
}

/// Writes an object's tag and bytes; in a tuple each part's length stands before it.
fn write(object: &Bound<'_, PyAny>, into: &mut Vec<u8>, levels_left: usize) -> PyResult<()> {
    if object.is_none() {
        into.push(NONE);
    } else if object.is_instance_of::<PyInt>() || object.is_instance_of::<PyBool>() {
        write_int(object, into)?;
    } else if let Ok(number) = object.cast::<PyFloat>() {
        write_float(number, into)?;
    } else if let Ok(text) = object.cast::<PyString>() {
        into.push(TEXT);
        into.extend_from_slice(text.to_str()?.as_bytes());
    } else if let Ok(bytes) = object.cast::<PyBytes>() {
        into.push(BYTES);
        into.extend_from_slice(bytes.as_bytes());
    } else if let Ok(tuple) = object.cast::<PyTuple>() {
        write_tuple(tuple, into, levels_left)?;
    } else {
        write_uuid(object, into)?;
    }
    Ok(())
}

fn write_int(number: &Bound<'_, PyAny>, into: &mut Vec<u8>) -> PyResult<()> {
    if let Ok(short) = number.extract::<i64>() {
        into.push(SHORT);
        into.extend_from_slice(&short.to_le_bytes());
        return Ok(());
    }
    let bits: usize = number.call_method0("bit_length")?.extract()?;
    let signed = pyo3::types::PyDict::new(number.py());
    signed.set_item("signed", true)?;
    let bytes = number.call_method("to_bytes", (bits / 8 + 1, "little"), Some(&signed))?;
    into.push(LONG);
    into.extend_from_slice(bytes.cast::<PyBytes>()?.as_bytes());
    Ok(())
}

fn write_float(number: &Bound<'_, PyFloat>, into: &mut Vec<u8>) -> PyResult<()> {
    let value = number.value();
    if value.is_finite() && value.fract() == 0.0 {
        return write_int(&number.call_method0("__int__")?, into);
    }
    into.push(FLOAT);
    into.extend_from_slice(&value.to_bits().to_le_bytes());
    Ok(())
}

fn write_tuple(tuple: &Bound<'_, PyTuple>, into: &mut Vec<u8>, levels_left: usize) -> PyResult<()> {
    let levels_left = levels_left.checked_sub(1).ok_or_else(|| {
        PyValueError::new_err(format!("a key is tuples within tuples; allowed: {LEVELS_MAX} levels of them"))
    })?;
    into.push(TUPLE);
    for part in tuple {
        let start = into.len();
        into.extend_from_slice(&[0; 8]);
        write(&part, into, levels_left)?;
        let len = (into.len() - start - 8) as u64;
        into[start..start + 8].copy_from_slice(&len.to_le_bytes());
    }
    Ok(())
}

fn write_uuid(object: &Bound<'_, PyAny>, into: &mut Vec<u8>) -> PyResult<()> {
    let class = object.get_type();
    let name = class.fully_qualified_name()?;
    if name.to_str()? != "uuid.UUID" {
        return Err(PyTypeError::new_err(format!(
            "a key is an int, str, bytes, float, bool, None, UUID, or a tuple of these, not {name}; give the window a \
             key function that returns one of them"
        )));
    }
    into.push(UUID);
    into.extend_from_slice(object.getattr("bytes")?.cast::<PyBytes>()?.as_bytes());
    Ok(())
}
