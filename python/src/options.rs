//! From keyword arguments to a batcher of the core, whose builder checks every setting.

use crate::deliver::Handling;
use crate::dtype::Dtype;
use crate::errors;
use crate::failures::Failures;
use crate::given;
use crate::item::Item;
use crate::key::Key;
use crate::prepared::{self, Judge, Judges};
use crate::record::Record;
use crate::seconds;
use crate::shared::{Overflow, Rules, Shared};
use crate::surface::{Element, Plain, Surface};
use batchline::dedup::{AtCap, Window};
use batchline::{Batch, Builder, Dispatch, FailureReport};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use std::sync::Arc;

/// The arguments of `Batcher`.
pub(crate) struct Options<'py> {
    pub(crate) handler: Option<Bound<'py, PyAny>>,
    pub(crate) batch_items_max: i128,
    pub(crate) batch_bytes_max: Option<i128>,
    pub(crate) weigher: Option<Bound<'py, PyAny>>,
    pub(crate) linger: Option<f64>,
    pub(crate) tick: Option<f64>,
    pub(crate) workers: i128,
    pub(crate) queue_items_max: Option<i128>,
    pub(crate) queue_bytes_max: Option<i128>,
    pub(crate) overflow: String,
    pub(crate) overflow_timeout: Option<f64>,
    pub(crate) dispatch: String,
    pub(crate) ordered: bool,
    pub(crate) demand: bool,
    pub(crate) dedup: Option<Bound<'py, PyAny>>,
    pub(crate) retry: Option<Bound<'py, PyAny>>,
    pub(crate) on_failure: Option<Bound<'py, PyAny>>,
    pub(crate) name: Option<String>,
    pub(crate) drop_deadline: f64,
    pub(crate) dtype: Option<Bound<'py, PyAny>>,
}

/// The linger that stands in the signature, and so was not chosen where `demand` is.
pub(crate) const LINGER_DEFAULT: f64 = 0.01;

fn count(field: &str, value: i128) -> PyResult<usize> {
    let allowed = match field {
        "batch_items_max" => "1 to 16777216",
        "workers" => "1 to 1024",
        "queue_items_max" => "batch_items_max to 1099511627776",
        _ => "whole numbers from 1 on",
    };
    // The core checks the rest; what is no `usize` does not get there.
    usize::try_from(value)
        .map_err(|_| PyValueError::new_err(format!("{field} is {value}; allowed: {allowed}")))
}

fn one_of(field: &str, value: &str, allowed: &str) -> PyErr {
    PyValueError::new_err(format!("{field} is {value:?}; allowed: {allowed}"))
}

fn callable(field: &str, function: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    match function {
        Some(function) if !function.is_callable() => {
            let name = function.get_type().name()?;
            Err(PyTypeError::new_err(format!("{field} is of the type {name}; allowed: a callable")))
        }
        _ => Ok(()),
    }
}

/// Threads await nothing: the coroutines would never run.
fn refuse_async(handler: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    let Some(handler) = handler else { return Ok(()) };
    let signature = handler.py().import("batchline._item_signature")?;
    if !signature.call_method1("is_async", (handler,))?.is_truthy()? {
        return Ok(());
    }
    Err(PyTypeError::new_err("handler is async def; allowed: a plain function; use batchline.AsyncBatcher"))
}

impl Options<'_> {
    /// A batcher of objects, or of records.
    pub(crate) fn build(self) -> PyResult<Shared> {
        self.check()?;
        let judges = self.judges()?;
        let rules = self.rules()?;
        let handling = Arc::new(self.handling()?);
        if let Some(dtype) = &self.dtype {
            let dtype = Arc::new(Dtype::of(dtype, self.dedup.is_some())?);
            let surface = self.of_records(&handling, &rules, dtype)?;
            return Ok(Shared::new(surface, std::ptr::null(), handling, judges, rules));
        }
        let builder = self.with_bytes(self.builder::<Item>()?, |_| prepared::weight())?;
        let builder = self.with_window(builder, |_| prepared::key())?;
        let plain = Box::new(start(builder, &handling, &rules, Arc::new(()))?);
        let objects: *const batchline::Batcher<Item> = &raw const plain.batcher;
        Ok(Shared::new(plain, objects, handling, judges, rules))
    }

    fn of_records(
        &self,
        handling: &Arc<Handling>,
        rules: &Rules,
        dtype: Arc<Dtype>,
    ) -> PyResult<Box<dyn Surface>> {
        match dtype.size {
            0..=4 => self.of_slots::<4>(handling, rules, dtype),
            5..=8 => self.of_slots::<8>(handling, rules, dtype),
            9..=16 => self.of_slots::<16>(handling, rules, dtype),
            17..=32 => self.of_slots::<32>(handling, rules, dtype),
            33..=64 => self.of_slots::<64>(handling, rules, dtype),
            65..=128 => self.of_slots::<128>(handling, rules, dtype),
            _ => self.of_slots::<256>(handling, rules, dtype),
        }
    }

    fn of_slots<const N: usize>(
        &self,
        handling: &Arc<Handling>,
        rules: &Rules,
        dtype: Arc<Dtype>,
    ) -> PyResult<Box<dyn Surface>> {
        let size = dtype.size;
        let builder = self.with_bytes(self.builder::<Record<N>>()?, move |_| size)?;
        let builder = self.with_window(builder, move |record| Key::of_bytes(&record.bytes()[..size]))?;
        Ok(Box::new(start(builder, handling, rules, dtype)?))
    }

    fn check(&self) -> PyResult<()> {
        callable("weigher", self.weigher.as_ref())?;
        callable("on_failure", self.on_failure.as_ref())?;
        callable("handler", self.handler.as_ref())?;
        refuse_async(self.handler.as_ref())?;
        if let Some(name) = self.name.as_ref().filter(|name| name.contains('\0')) {
            return Err(one_of("name", name, "text without the character \"\\0\", for it names threads"));
        }
        match (&self.handler, self.dispatch.as_str()) {
            (Some(_), "poll") => Err(PyTypeError::new_err("handler must be None with dispatch=\"poll\"")),
            (None, dispatch) if dispatch != "poll" => {
                Err(PyTypeError::new_err("handler is None; allowed: a callable, or dispatch=\"poll\""))
            }
            _ => Ok(()),
        }
    }

    fn rules(&self) -> PyResult<Rules> {
        let timeout = seconds::timeout("overflow_timeout", self.overflow_timeout)?;
        let overflow = match self.overflow.as_str() {
            "block" => Overflow::Block(timeout),
            "fail" => Overflow::Fail,
            "drop" => Overflow::Drop,
            "caller" => Overflow::Caller,
            other => return Err(one_of("overflow", other, "\"block\", \"fail\", \"drop\" or \"caller\"")),
        };
        if timeout.is_some() && self.overflow != "block" {
            return Err(PyValueError::new_err(
                "overflow_timeout is set; allowed: only with overflow=\"block\"",
            ));
        }
        Ok(Rules {
            overflow,
            is_caller: self.dispatch == "caller",
            is_polled: self.dispatch == "poll",
            drop_deadline: seconds::setting("drop_deadline", self.drop_deadline)?,
        })
    }

    fn judges(&self) -> PyResult<Judges> {
        let is_weighed = self.batch_bytes_max.is_some() || self.queue_bytes_max.is_some();
        if self.weigher.is_some() && !is_weighed {
            let message = "weigher is set; allowed: with batch_bytes_max or queue_bytes_max";
            return Err(PyValueError::new_err(message));
        }
        if self.dtype.is_some() {
            return self.no_judges();
        }
        let unbound = |function: &Bound<'_, PyAny>| function.clone().unbind();
        let key = match &self.dedup {
            Some(window) if window.hasattr("key")? => Some(window.getattr("key")?),
            _ => None,
        };
        let key = key.filter(|key| !key.is_none());
        callable("key", key.as_ref())?;
        Ok(Judges {
            weight: Judge::of(is_weighed, self.weigher.as_ref().map(unbound)),
            key: Judge::of(self.dedup.is_some(), key.as_ref().map(unbound)),
        })
    }

    /// Of records the core knows weight and key by itself: their size and their bytes.
    fn no_judges(&self) -> PyResult<Judges> {
        if self.weigher.is_some() {
            return Err(PyValueError::new_err("weigher is set; allowed: without dtype, which says the size"));
        }
        let has_key = match &self.dedup {
            Some(window) => window.hasattr("key")? && !window.getattr("key")?.is_none(),
            None => false,
        };
        if has_key {
            return Err(PyValueError::new_err("key is set; allowed: without dtype, whose bytes are the key"));
        }
        Ok(Judges { weight: Judge::None, key: Judge::None })
    }

    fn handling(&self) -> PyResult<Handling> {
        let unbound = |function: &Bound<'_, PyAny>| function.clone().unbind();
        let name = self.name.clone().unwrap_or_else(|| "batchline".into());
        let failures = Failures::new(name, self.on_failure.as_ref().map(unbound));
        let calls = match &self.retry {
            None => 0,
            Some(retry) if retry.hasattr("calls_max")? => {
                given::whole("calls_max", &retry.getattr("calls_max")?)?
            }
            Some(retry) => given::whole("retry", retry).map_err(|_| {
                given::mistaken("retry", retry, "a number of calls from 0 on, or a batchline.Retry")
            })?,
        };
        let calls = u32::try_from(calls)
            .map_err(|_| PyValueError::new_err(format!("retry is {calls}; allowed: 0 calls and more")))?;
        if calls > 0 && self.dispatch == "poll" {
            return Err(PyValueError::new_err("retry is set; allowed: none with dispatch=\"poll\""));
        }
        Ok(Handling::new(self.handler.as_ref().map(unbound), failures, calls, self.dedup.is_some()))
    }

    /// The core's builder with all that is a plain value.
    fn builder<T: Element>(&self) -> PyResult<Builder<T>> {
        let mut builder = batchline::Batcher::<T>::builder()
            .batch_items_max(count("batch_items_max", self.batch_items_max)?)
            .demand(self.demand)
            .ordered(self.ordered)
            .overflow(self.core_overflow())
            .drop_deadline(seconds::setting("drop_deadline", self.drop_deadline)?)
            .dispatch(self.core_dispatch()?);
        if let Some(name) = &self.name {
            builder = builder.name(name.as_str());
        }
        if let Some(items) = self.queue_items_max {
            builder = builder.queue_items_max(count("queue_items_max", items)?);
        }
        if self.dispatch == "thread" || self.workers != 1 {
            builder = builder.workers(count("workers", self.workers)?);
        }
        if let Some(tick) = self.tick {
            builder = builder.tick(seconds::setting("tick", tick)?);
        }
        Ok(match self.linger {
            None => builder.no_linger(),
            Some(linger) if self.demand && linger == LINGER_DEFAULT => builder,
            Some(linger) => builder.linger(seconds::setting("linger", linger)?),
        })
    }

    /// Waiting is done in this layer, where a signal can end it: so a full queue of the core refuses at once.
    fn core_overflow(&self) -> batchline::Overflow {
        match self.overflow.as_str() {
            "drop" => batchline::Overflow::DropNewest,
            "caller" => batchline::Overflow::RunInCaller,
            _ => batchline::Overflow::Fail,
        }
    }

    fn core_dispatch(&self) -> PyResult<Dispatch> {
        match self.dispatch.as_str() {
            "thread" | "poll" => Ok(Dispatch::Thread),
            "caller" => Ok(Dispatch::Caller),
            other => Err(one_of("dispatch", other, "\"thread\", \"caller\" or \"poll\"")),
        }
    }

    fn with_bytes<T: Element>(
        &self,
        mut builder: Builder<T>,
        weigher: impl Fn(&T) -> usize + Send + Sync + 'static,
    ) -> PyResult<Builder<T>> {
        if self.batch_bytes_max.is_some() || self.queue_bytes_max.is_some() {
            builder = builder.weigher(weigher);
        }
        if let Some(bytes) = self.batch_bytes_max {
            builder = builder.batch_bytes_max(count("batch_bytes_max", bytes)?);
        }
        if let Some(bytes) = self.queue_bytes_max {
            builder = builder.queue_bytes_max(count("queue_bytes_max", bytes)?);
        }
        Ok(builder)
    }

    fn with_window<T: Element>(
        &self,
        builder: Builder<T>,
        key: impl Fn(&T) -> Key + Send + Sync + 'static,
    ) -> PyResult<Builder<T>> {
        match &self.dedup {
            None => Ok(builder),
            Some(window) => Ok(builder.dedup(window_of(window)?, key)),
        }
    }
}

/// The window that a number of seconds, or a `batchline.Window`, describes.
pub(crate) fn window_of(given: &Bound<'_, PyAny>) -> PyResult<Window> {
    if let Ok(length) = given::seconds("dedup", given) {
        return Ok(Window::new(seconds::setting("dedup", length)?));
    }
    if !given.hasattr("seconds")? {
        return Err(given::mistaken("dedup", given, "seconds, or a batchline.Window"));
    }
    let length: f64 = given.getattr("seconds")?.extract()?;
    let bucket: Option<f64> = given.getattr("bucket")?.extract()?;
    let keys = given::whole_or_none("keys_max", &given.getattr("keys_max")?)?;
    let at_cap: String = given.getattr("at_cap")?.extract()?;
    window_from(length, bucket, keys, &at_cap)
}

/// The window of these settings.
pub(crate) fn window_from(
    length: f64,
    bucket: Option<f64>,
    keys: Option<i128>,
    at_cap: &str,
) -> PyResult<Window> {
    let mut window = Window::new(seconds::setting("seconds", length)?);
    if let Some(bucket) = bucket {
        window = window.bucket(seconds::setting("bucket", bucket)?);
    }
    if let Some(keys) = keys {
        window = window.keys_max(count("keys_max", keys)?);
    }
    match at_cap {
        "refuse" => Ok(window.at_cap(AtCap::Refuse)),
        "forget_oldest" => Ok(window.at_cap(AtCap::ForgetOldest)),
        other => Err(one_of("at_cap", other, "\"refuse\" or \"forget_oldest\"")),
    }
}

/// Starts the batcher, with its handler and hook.
fn start<T: Element>(
    builder: Builder<T>,
    handling: &Arc<Handling>,
    rules: &Rules,
    shape: Arc<T::Shape>,
) -> PyResult<Plain<T>> {
    let hooked = handling.clone();
    let builder = builder.on_failure(move |report: &FailureReport| {
        let _inside = hooked.enter();
        hooked.failures.report(report);
    });
    let built = if rules.is_polled {
        builder.build_poll()
    } else {
        let (handling, shape) = (handling.clone(), shape.clone());
        builder.build(move |batch: &mut Batch<T>| handling.deliver::<T>(&shape, batch))
    };
    let batcher = built.map_err(|error| errors::of_build(&error))?;
    Ok(Plain { batcher, shape })
}
