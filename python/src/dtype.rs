//! What the records of a typed batcher are: a numpy dtype, or without numpy a format of the module `struct`.

use crate::record::RECORD_BYTES_MAX;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyString, PyTuple};

/// Names that need no numpy, and their formats.
const NAMES: [(&str, &str); 10] = [
    ("u1", "B"),
    ("u2", "H"),
    ("u4", "I"),
    ("u8", "Q"),
    ("i1", "b"),
    ("i2", "h"),
    ("i4", "i"),
    ("i8", "q"),
    ("f4", "f"),
    ("f8", "d"),
];

/// A number in the machine's own form.
#[derive(Clone, Copy)]
enum Number {
    Unsigned,
    Signed,
    Float,
}

enum Kind {
    Numpy { dtype: Py<PyAny>, from_buffer: Py<PyAny> },
    Struct { packer: Py<PyAny>, code: Option<String> },
}

/// The format of records.
pub(crate) struct Dtype {
    pub(crate) size: usize,
    /// A window refuses records that were put before.
    pub(crate) is_unique: bool,
    number: Option<Number>,
    kind: Kind,
}

impl Dtype {
    /// What the argument `dtype` describes.
    pub(crate) fn of(given: &Bound<'_, PyAny>, is_unique: bool) -> PyResult<Self> {
        let dtype = match Self::of_numpy(given, is_unique)? {
            Some(dtype) => dtype,
            None => Self::of_struct(given, is_unique)?,
        };
        if (1..=RECORD_BYTES_MAX).contains(&dtype.size) {
            return Ok(dtype);
        }
        Err(PyValueError::new_err(format!(
            "dtype has {} bytes; allowed: 1 to {RECORD_BYTES_MAX}",
            dtype.size
        )))
    }

    /// `None` without numpy, and for formats that it does not know.
    fn of_numpy(given: &Bound<'_, PyAny>, is_unique: bool) -> PyResult<Option<Self>> {
        let py = given.py();
        let Ok(numpy) = py.import(intern!(py, "numpy")) else { return Ok(None) };
        let Ok(dtype) = numpy.call_method1("dtype", (given,)) else { return Ok(None) };
        if dtype.getattr("hasobject")?.is_truthy()? {
            return Err(PyValueError::new_err("dtype has objects in it; allowed: plain bytes"));
        }
        let kind: String = dtype.getattr("kind")?.extract()?;
        let is_native = dtype.getattr("isnative")?.is_truthy()?;
        let size = dtype.getattr("itemsize")?.extract()?;
        let number = match kind.as_str() {
            "u" if is_native => Some(Number::Unsigned),
            "i" if is_native => Some(Number::Signed),
            "f" if is_native && (size == 4 || size == 8) => Some(Number::Float),
            _ => None,
        };
        let from_buffer = numpy.getattr("frombuffer")?.unbind();
        Ok(Some(Self { size, is_unique, number, kind: Kind::Numpy { dtype: dtype.unbind(), from_buffer } }))
    }

    fn of_struct(given: &Bound<'_, PyAny>, is_unique: bool) -> PyResult<Self> {
        let py = given.py();
        let Ok(text) = given.cast::<PyString>() else {
            return Err(PyTypeError::new_err(
                "dtype is neither a format of the module struct nor a numpy dtype",
            ));
        };
        let text = text.to_str()?;
        let format = NAMES.iter().find(|(name, _)| *name == text).map_or(text, |(_, format)| format);
        let packer = py.import("struct")?.call_method1("Struct", (format,)).map_err(|error| {
            PyValueError::new_err(format!(
                "dtype is {text:?}; allowed: a struct format, or a numpy dtype ({error})"
            ))
        })?;
        let size = packer.getattr("size")?.extract()?;
        let code = format.strip_prefix('@').unwrap_or(format);
        let number = match code {
            "B" | "H" | "I" | "L" | "Q" => Some(Number::Unsigned),
            "b" | "h" | "i" | "l" | "q" => Some(Number::Signed),
            "f" | "d" => Some(Number::Float),
            _ => None,
        };
        let code = number.map(|_| code.to_string());
        Ok(Self { size, is_unique, number, kind: Kind::Struct { packer: packer.unbind(), code } })
    }

    /// The bytes of one record.
    pub(crate) fn record(&self, item: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
        let bytes = self.record_or(item)?;
        if bytes.len() == self.size {
            return Ok(bytes);
        }
        Err(PyValueError::new_err(format!("the item has {} bytes; its dtype has {}", bytes.len(), self.size)))
    }

    fn record_or(&self, item: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
        if let Ok(bytes) = item.cast_exact::<PyBytes>() {
            return Ok(bytes.as_bytes().to_vec());
        }
        if let Some(number) = self.number {
            return self.number_bytes(number, item);
        }
        let py = item.py();
        let packed = match &self.kind {
            Kind::Numpy { dtype, .. } => {
                let numpy = py.import(intern!(py, "numpy"))?;
                numpy.call_method1("array", (item, dtype))?.call_method0("tobytes")?
            }
            Kind::Struct { packer, .. } => match item.cast::<PyTuple>() {
                Ok(fields) => packer.bind(py).getattr("pack")?.call1(fields)?,
                Err(_) => packer.bind(py).call_method1("pack", (item,))?,
            },
        };
        Ok(packed.cast::<PyBytes>()?.as_bytes().to_vec())
    }

    fn number_bytes(&self, number: Number, item: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
        let bits = 8 * self.size as u32;
        let bytes = match number {
            Number::Unsigned => {
                let value: u64 = item.extract()?;
                check_fits(bits >= 64 || value >> bits == 0, item)?;
                value.to_le_bytes()
            }
            Number::Signed => {
                let value: i64 = item.extract()?;
                check_fits(bits >= 64 || (value << (64 - bits)) >> (64 - bits) == value, item)?;
                value.to_le_bytes()
            }
            Number::Float if self.size == 4 => {
                let value = item.extract::<f64>()? as f32;
                u64::from(value.to_bits()).to_le_bytes()
            }
            Number::Float => item.extract::<f64>()?.to_bits().to_le_bytes(),
        };
        let mut bytes = bytes[..self.size].to_vec();
        if cfg!(target_endian = "big") {
            bytes.reverse();
        }
        Ok(bytes)
    }

    /// The array that a handler gets: numpy's, or a memoryview; its memory is the bytearray's.
    pub(crate) fn array<'py>(
        &self,
        py: Python<'py>,
        bytes: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match &self.kind {
            Kind::Numpy { dtype, from_buffer } => {
                if bytes.cast::<PyByteArray>()?.is_empty() {
                    return py.import("numpy")?.call_method1("empty", (0, dtype));
                }
                from_buffer.bind(py).call1((bytes, dtype))
            }
            Kind::Struct { code, .. } => {
                let len = bytes.len()? / self.size;
                let view = py.import("builtins")?.call_method1("memoryview", (bytes,))?;
                match code {
                    Some(code) => view.call_method1("cast", (code,)),
                    // Records of several fields: one row of bytes each.
                    None if len > 0 => view.call_method1("cast", ("B", (len, self.size))),
                    None => Ok(view),
                }
            }
        }
    }

    /// Whether an object is an array of this very dtype.
    fn is_of(&self, items: &Bound<'_, PyAny>) -> bool {
        let Kind::Numpy { dtype, .. } = &self.kind else { return false };
        items.getattr(intern!(items.py(), "dtype")).is_ok_and(|other| other.is(dtype))
    }

    /// The bytes of items that an iterable yields.
    fn each_record<'py>(&self, items: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let mut bytes = Vec::new();
        for item in items.try_iter()? {
            bytes.extend(self.record(&item?)?);
        }
        Ok(PyBytes::new(items.py(), &bytes).into_any())
    }

    /// The bytes of many records, as something with a buffer.
    pub(crate) fn with_buffer<'py>(&self, items: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = items.py();
        if self.is_of(items) {
            return Ok(items.clone());
        }
        match &self.kind {
            _ if items.is_instance_of::<PyBytes>() || items.is_instance_of::<PyByteArray>() => {
                Ok(items.clone())
            }
            _ if !has_buffer(items) => self.each_record(items),
            Kind::Numpy { dtype, .. } => as_array(items, dtype.bind(py)),
            Kind::Struct { code, .. } => {
                let view = py.import("builtins")?.call_method1("memoryview", (items,))?;
                let format: String = view.getattr("format")?.extract()?;
                let known = code.as_deref().unwrap_or("B");
                if format != known && format != "B" {
                    let message = format!("the buffer's format is {format:?}; the batcher's is {known:?}");
                    return Err(PyTypeError::new_err(message));
                }
                Ok(view)
            }
        }
    }
}

/// Whether an object lends its memory.
fn has_buffer(items: &Bound<'_, PyAny>) -> bool {
    let view = items.py().import(intern!(items.py(), "builtins"));
    items.hasattr(intern!(items.py(), "dtype")).unwrap_or(false)
        || view.and_then(|builtins| builtins.call_method1("memoryview", (items,))).is_ok()
}

/// An array of that dtype.
fn as_array<'py>(items: &Bound<'py, PyAny>, dtype: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = items.py();
    let array = py.import(intern!(py, "numpy"))?.call_method1("asarray", (items,))?;
    if array.getattr("dtype")?.eq(dtype)? {
        return Ok(array);
    }
    let casting = PyDict::new(py);
    casting.set_item("casting", "same_kind")?;
    array.call_method("astype", (dtype,), Some(&casting))
}

fn check_fits(fits: bool, item: &Bound<'_, PyAny>) -> PyResult<()> {
    if fits { Ok(()) } else { Err(PyValueError::new_err(format!("{item} does not fit into the dtype"))) }
}
