//! What the records of a typed batcher are: a numpy dtype, or without numpy a format of the module `struct`.

use crate::record::RECORD_BYTES_MAX;
use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyList, PyMemoryView, PyString, PyTuple};

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
    Numpy {
        dtype: Py<PyAny>,
        from_buffer: Py<PyAny>,
    },
    /// The code of a plain number, or how many fields there are.
    Struct {
        packer: Py<PyAny>,
        code: Option<String>,
        fields: usize,
    },
}

/// The format of records.
pub(crate) struct Dtype {
    pub(crate) size: usize,
    /// A window refuses records that were put before.
    pub(crate) is_unique: bool,
    number: Option<Number>,
    /// A number has its bytes in the other order than this machine's.
    is_swapped: bool,
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
        refuse_subarray(&dtype)?;
        let kind: String = dtype.getattr("kind")?.extract()?;
        let is_swapped = !dtype.getattr("isnative")?.is_truthy()?;
        let size = dtype.getattr("itemsize")?.extract()?;
        let number = match kind.as_str() {
            "u" => Some(Number::Unsigned),
            "i" => Some(Number::Signed),
            "f" if size == 4 || size == 8 => Some(Number::Float),
            _ => None,
        };
        let from_buffer = numpy.getattr("frombuffer")?.unbind();
        let kind = Kind::Numpy { dtype: dtype.unbind(), from_buffer };
        Ok(Some(Self { size, is_unique, number, is_swapped, kind }))
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
        let size: usize = packer.getattr("size")?.extract()?;
        let code = format.strip_prefix('@').unwrap_or(format);
        let number = match code {
            "B" | "H" | "I" | "L" | "Q" => Some(Number::Unsigned),
            "b" | "h" | "i" | "l" | "q" => Some(Number::Signed),
            "f" | "d" => Some(Number::Float),
            _ => None,
        };
        let code = number.map(|_| code.to_string());
        let fields = packer.call_method1("unpack", (PyBytes::new(py, &vec![0; size]),))?.len()?;
        let kind = Kind::Struct { packer: packer.unbind(), code, fields };
        Ok(Self { size, is_unique, number, is_swapped: false, kind })
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
        if item.is_exact_instance_of::<PyByteArray>() || is_bytes_view(item) {
            return raw(item);
        }
        if let Some(number) = self.number {
            return self.number_bytes(number, item);
        }
        let py = item.py();
        let packed = match &self.kind {
            Kind::Numpy { dtype, .. } => {
                let numpy = py.import(intern!(py, "numpy"))?;
                let array = numpy.call_method1("array", (item, dtype))?;
                self.check_finite(&array, item)?;
                array.call_method0("tobytes")?
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
                let given: f64 = item.extract()?;
                let value = given as f32;
                check_fits(value.is_finite() || !given.is_finite(), item)?;
                u64::from(value.to_bits()).to_le_bytes()
            }
            Number::Float => item.extract::<f64>()?.to_bits().to_le_bytes(),
        };
        let mut bytes = bytes[..self.size].to_vec();
        if cfg!(target_endian = "big") != self.is_swapped {
            bytes.reverse();
        }
        Ok(bytes)
    }

    /// Of floats that numpy makes: what was finite still is.
    fn check_finite(&self, array: &Bound<'_, PyAny>, item: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = item.py();
        let kind: String = array.getattr("dtype")?.getattr("kind")?.extract()?;
        if kind != "f" && kind != "c" {
            return Ok(());
        }
        let is_infinite = |value: &Bound<'_, PyAny>| {
            py.import(intern!(py, "numpy"))?.call_method1("isinf", (value,))?.is_truthy()
        };
        check_fits(!is_infinite(array)? || is_infinite(item)?, item)
    }

    /// What a handler gets: numpy's array or a memoryview, whose memory is the bytearray's; or a list of tuples.
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
            Kind::Struct { code: Some(code), .. } => {
                let view = py.import("builtins")?.call_method1("memoryview", (bytes,))?;
                view.call_method1("cast", (code,))
            }
            Kind::Struct { packer, fields, .. } => {
                // A memoryview knows no such records: it could not be indexed.
                let records = packer.bind(py).call_method1("iter_unpack", (bytes,))?.try_iter()?;
                let each = records.map(|record| if *fields == 1 { record?.get_item(0) } else { record });
                Ok(PyList::new(py, each.collect::<PyResult<Vec<_>>>()?)?.into_any())
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
            _ if is_bytes_view(items) => Ok(items.clone()),
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
    let (given, numpy) = (array.getattr("dtype")?, py.import(intern!(py, "numpy"))?);
    if numpy.call_method1("can_cast", (&given, dtype, "safe"))?.is_truthy()? {
        return array.call_method1("astype", (dtype,));
    }
    if let Some(same) = whole_numbers_that_fit(&array, &given, dtype)? {
        return Ok(same);
    }
    Err(PyValueError::new_err(format!(
        "the array's dtype {given} does not fit safely into the batcher's {dtype}; \
         convert it yourself: array.astype({dtype:?})",
    )))
}

/// Whole numbers of another type, if all of them are the same in this one.
fn whole_numbers_that_fit<'py>(
    array: &Bound<'py, PyAny>,
    given: &Bound<'py, PyAny>,
    dtype: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let kind = |dtype: &Bound<'py, PyAny>| dtype.getattr("kind")?.extract::<char>();
    if !matches!((kind(given)?, kind(dtype)?), ('i' | 'u', 'i' | 'u')) {
        return Ok(None);
    }
    let cast = array.call_method1("astype", (dtype,))?;
    let is_same = cast.rich_compare(array, CompareOp::Eq)?.call_method0("all")?.is_truthy()?;
    Ok(is_same.then_some(cast))
}

/// A memoryview of plain bytes.
fn is_bytes_view(items: &Bound<'_, PyAny>) -> bool {
    let Ok(view) = items.cast::<PyMemoryView>() else { return false };
    let format = view.getattr(intern!(view.py(), "format")).and_then(|format| format.extract::<String>());
    format.is_ok_and(|format| format == "B")
}

/// The bytes of a bytearray or of a view of bytes.
fn raw(item: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let bytes = item.py().import(intern!(item.py(), "builtins"))?.call_method1("bytes", (item,))?;
    Ok(bytes.cast::<PyBytes>()?.as_bytes().to_vec())
}

/// An array of a subarray dtype is one of more dimensions: there would be no array of records.
fn refuse_subarray(dtype: &Bound<'_, PyAny>) -> PyResult<()> {
    if dtype.getattr("subdtype")?.is_none() {
        return Ok(());
    }
    Err(PyValueError::new_err(format!(
        "dtype is the subarray {}; allowed: a dtype of records: make it a field, \
         numpy.dtype([(\"values\", {})])",
        dtype.str()?,
        dtype.getattr("subdtype")?.str()?
    )))
}

fn check_fits(fits: bool, item: &Bound<'_, PyAny>) -> PyResult<()> {
    if fits { Ok(()) } else { Err(PyValueError::new_err(format!("{item} does not fit into the dtype"))) }
}
