//! `batchline.Dedup`: the window of keys on its own.

use crate::errors;
use crate::key::Key;
use crate::options::window_from;
use crate::shared::lock;
use batchline::dedup::{Dedup as Window, KeyClaim, NotClaimed};
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use std::sync::{Arc, Mutex};

/// Remembers keys for ``seconds``: have I seen this one?
///
/// A key is an int, str, bytes, float, bool, UUID, ``None``, or a tuple of these. It is remembered for ``seconds``, and
/// at most ``bucket`` seconds longer (default: a 16th). At ``keys_max`` keys (default 2**20) a new one raises
/// ``WindowFull``, or with ``at_cap="forget_oldest"`` the oldest are forgotten. May be shared by threads.
///
/// >>> import batchline
/// >>> seen = batchline.Dedup(60)
/// >>> [seen.is_new(key) for key in ("a", "b", "a")]
/// [True, True, False]
/// >>> len(seen), "b" in seen
/// (2, True)
#[pyclass(frozen, mapping, weakref, module = "batchline")]
#[derive(Debug)]
pub(crate) struct Dedup {
    window: Arc<Window<Key>>,
}

#[pymethods]
impl Dedup {
    #[new]
    #[pyo3(signature = (seconds, *, bucket=None, keys_max=None, at_cap="refuse"))]
    fn new(seconds: f64, bucket: Option<f64>, keys_max: Option<i128>, at_cap: &str) -> PyResult<Self> {
        let window = Window::new(window_from(seconds, bucket, keys_max, at_cap)?);
        Ok(Self { window: Arc::new(window.map_err(|error| errors::of_build(&error))?) })
    }

    /// Whether this is the first time within the window; from now on it is not.
    ///
    /// >>> import batchline
    /// >>> seen = batchline.Dedup(60)
    /// >>> seen.is_new(7), seen.is_new(7)
    /// (True, False)
    #[pyo3(signature = (key, /))]
    fn is_new(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.window.is_new(Key::of(key)?).map_err(|_| full(key))
    }

    /// Claims a key for work that may fail: a ``Claim``, to use as a context manager. When the work is done the key
    /// stays remembered; an exception releases it. Raises ``Duplicate`` for a key that is remembered or claimed.
    ///
    /// >>> import batchline
    /// >>> seen = batchline.Dedup(60)
    /// >>> with seen.claim("order 7"):
    /// ...     print("charged")
    /// charged
    /// >>> seen.claim("order 7")
    /// Traceback (most recent call last):
    ///     ...
    /// batchline.errors.Duplicate: the key was seen within the window
    #[pyo3(signature = (key, /))]
    fn claim(&self, key: &Bound<'_, PyAny>) -> PyResult<Claim> {
        match self.window.claim(Key::of(key)?) {
            Ok(claim) => Ok(Claim::new(&self.window, claim)),
            Err(NotClaimed::WindowFull(_)) => Err(full(key)),
            Err(_) => {
                let message = "the key was seen within the window";
                Err(errors::of_item(key.py(), "Duplicate", message, key.as_unbound()))
            }
        }
    }

    /// Forgets a key before its time; false when it was not remembered.
    ///
    /// >>> import batchline
    /// >>> seen = batchline.Dedup(60)
    /// >>> seen.is_new(7), seen.forget(7), seen.is_new(7)
    /// (True, True, True)
    #[pyo3(signature = (key, /))]
    fn forget(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.window.forget(&Key::of(key)?))
    }

    /// Whether a key is remembered; as ``key in seen``.
    ///
    /// >>> import batchline
    /// >>> batchline.Dedup(60).contains(7)
    /// False
    #[pyo3(signature = (key, /))]
    fn contains(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.window.contains(&Key::of(key)?))
    }

    /// Forgets everything.
    ///
    /// >>> import batchline
    /// >>> seen = batchline.Dedup(60)
    /// >>> seen.is_new(7)
    /// True
    /// >>> seen.clear(); len(seen)
    /// 0
    fn clear(&self) {
        self.window.clear();
    }

    /// The counters now.
    ///
    /// >>> import batchline
    /// >>> seen = batchline.Dedup(60)
    /// >>> seen.is_new(7), seen.is_new(7), seen.stats().duplicates
    /// (True, False, 1)
    fn stats(&self) -> WindowStats {
        self.window.stats().into()
    }

    fn __len__(&self) -> usize {
        self.window.len()
    }

    fn __bool__(&self) -> bool {
        true
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.contains(key)
    }

    fn __repr__(&self) -> String {
        format!("<batchline.Dedup of {} keys>", self.window.len())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err("a Dedup cannot be pickled: it belongs to its process"))
    }
}

fn full(key: &Bound<'_, PyAny>) -> PyErr {
    let message =
        "keys_max keys are remembered; raise it, shorten the window, or use at_cap=\"forget_oldest\"";
    errors::of_item(key.py(), "WindowFull", message, key.as_unbound())
}

/// A key that was claimed by :meth:`Dedup.claim`: committed when its block ends, released when that raises.
///
/// >>> import batchline
/// >>> seen = batchline.Dedup(60)
/// >>> try:
/// ...     with seen.claim(7):
/// ...         raise OSError("the backend is away")
/// ... except OSError:
/// ...     print(7 in seen)
/// False
#[pyclass(frozen, module = "batchline")]
pub(crate) struct Claim {
    /// Declared before the window that it borrows from, so that it is dropped first.
    claim: Mutex<Option<KeyClaim<'static, Key>>>,
    _window: Arc<Window<Key>>,
}

impl Claim {
    fn new(window: &Arc<Window<Key>>, claim: KeyClaim<'_, Key>) -> Self {
        // SAFETY: the claim borrows from the window, which this object holds until the claim is gone.
        let claim = unsafe { std::mem::transmute::<KeyClaim<'_, Key>, KeyClaim<'static, Key>>(claim) };
        Self { claim: Mutex::new(Some(claim)), _window: window.clone() }
    }

    fn take(&self) -> PyResult<KeyClaim<'static, Key>> {
        lock(&self.claim).take().ok_or_else(|| PyRuntimeError::new_err("the claim was ended before"))
    }
}

#[pymethods]
impl Claim {
    /// The work is done: the key stays remembered until its window ends.
    fn commit(&self) -> PyResult<()> {
        self.take()?.commit();
        Ok(())
    }

    /// The work was not done: the key may be claimed again at once.
    fn release(&self) -> PyResult<()> {
        drop(self.take()?);
        Ok(())
    }

    fn __enter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __exit__(
        &self,
        class: &Bound<'_, PyAny>,
        _exception: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> bool {
        // One that was ended inside the block stays as it was ended.
        let Some(claim) = lock(&self.claim).take() else { return false };
        if class.is_none() {
            claim.commit();
        }
        false
    }
}

/// What a window has counted; see :meth:`Dedup.stats`.
#[pyclass(frozen, get_all, module = "batchline")]
#[derive(Debug)]
pub(crate) struct WindowStats {
    keys: u64,
    duplicates: u64,
    forgotten: u64,
    refused: u64,
    filter_rejections: u64,
    filter_false_positives: u64,
    bytes: u64,
}

impl From<batchline::dedup::WindowStats> for WindowStats {
    fn from(stats: batchline::dedup::WindowStats) -> Self {
        Self {
            keys: stats.keys,
            duplicates: stats.duplicates,
            forgotten: stats.forgotten,
            refused: stats.refused,
            filter_rejections: stats.filter_rejections,
            filter_false_positives: stats.filter_false_positives,
            bytes: stats.bytes,
        }
    }
}

#[pymethods]
impl WindowStats {
    fn __repr__(&self) -> String {
        format!(
            "WindowStats(keys={}, duplicates={}, forgotten={})",
            self.keys, self.duplicates, self.forgotten
        )
    }
}
