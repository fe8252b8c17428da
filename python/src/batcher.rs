//! `batchline.Batcher`: the class, its arguments and its methods. `put` is in `method.rs`.

use crate::attach::aside;
use crate::batch::Batch;
use crate::deliver::escaped;
use crate::errors;
use crate::given;
use crate::options::{LINGER_DEFAULT, Options};
use crate::put::{self, Patience};
use crate::receipt::Receipt;
use crate::seconds;
use crate::shared::{Shared, lock};
use crate::stats::Stats;
use crate::stay::Stay;
use crate::surface::Closing;
use crate::waiting::{SLICE, interruptible, slice_until};
use crate::{live, put_many, submit};
use batchline::{Deadline, FlushError, ItemOptions};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit, intern};
use std::sync::Arc;
use std::time::Duration;

/// Collects items from many threads into batches, and calls ``handler(items)`` with each.
///
/// ``handler`` gets a list. It returns ``None``, or one result per item, or raises: then the batch has failed. An
/// exception among the results fails that item alone. What fails, and nobody waits for, goes to
/// ``on_failure(items, exception)``, or to the log ``batchline``.
///
/// A batch is sealed when it has ``batch_items_max`` items (or weighs ``batch_bytes_max``, by ``weigher(item)``, else
/// ``len(item)``), when its oldest item has waited for ``linger`` seconds, at each ``tick`` seconds, when a worker is
/// free (``demand``), and by ``flush`` and ``close``.
///
/// At most ``queue_items_max`` items (default 64 batches) and ``queue_bytes_max`` are live. What a full queue does is
/// ``overflow``: ``"block"`` (for ``overflow_timeout`` seconds at most, then ``TimedOut``), ``"fail"`` (``Full``),
/// ``"drop"`` (the new item), or ``"caller"`` (the putting thread handles a batch).
///
/// Handlers run on ``workers`` threads; with ``dispatch="caller"`` on the thread whose put fills a batch; with
/// ``dispatch="poll"`` there is no handler, and ``next_batch`` gives batches. ``ordered`` keeps one order over all
/// threads. ``dedup`` (seconds, or a ``Window``) refuses items that were put before. ``retry`` (a number of calls, or
/// a ``Retry``) halves failed batches until the bad items are alone.
///
/// With ``dtype`` (a numpy dtype, or a format of the module ``struct``; 1 to 256 bytes) items are records: ``put_many``
/// copies those of a buffer, and the handler gets a numpy array (without numpy, a memoryview) of its own;
/// for formats that numpy does not know, such as ``"<IQ"``, a list of tuples.
///
/// Leaving the ``with`` block closes it without a time limit. A batcher that is dropped, or lives when the program
/// ends, is closed within ``drop_deadline`` seconds. A forked child has no batcher of its parent's: every call raises
/// ``Forked``, and a child forked inside a handler must end by ``os._exit`` or an exec.
///
/// >>> import batchline
/// >>> with batchline.Batcher(lambda lines: print(lines), batch_items_max=1000, linger=0.01) as b:
/// ...     b.put("one")
/// ...     b.put_many(["two", "three"])
/// 2
/// ['one', 'two', 'three']
#[pyclass(frozen, weakref, generic, module = "batchline")]
pub(crate) struct Batcher {
    pub(crate) shared: Arc<Shared>,
}

#[pymethods]
impl Batcher {
    #[new]
    #[pyo3(signature = (
        handler, *, batch_items_max=1000, batch_bytes_max=None, weigher=None, linger=Some(LINGER_DEFAULT), tick=None,
        workers=1, queue_items_max=None, queue_bytes_max=None, overflow="block".into(), overflow_timeout=None,
        dispatch="thread".into(), ordered=false, demand=false, dedup=None, retry=None, on_failure=None, name=None,
        drop_deadline=5.0, dtype=None
    ), text_signature = "(handler, *, batch_items_max=1000, batch_bytes_max=None, weigher=None, linger=0.01, \
        tick=None, workers=1, queue_items_max=None, queue_bytes_max=None, overflow='block', overflow_timeout=None, \
        dispatch='thread', ordered=False, demand=False, dedup=None, retry=None, on_failure=None, name=None, \
        drop_deadline=5.0, dtype=None)")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of the Python class, all but one by name")]
    fn new(
        handler: Option<Bound<'_, PyAny>>,
        #[pyo3(from_py_with = given::batch_items_max)] batch_items_max: i128,
        #[pyo3(from_py_with = given::batch_bytes_max)] batch_bytes_max: Option<i128>,
        weigher: Option<Bound<'_, PyAny>>,
        #[pyo3(from_py_with = given::linger)] linger: Option<f64>,
        #[pyo3(from_py_with = given::tick)] tick: Option<f64>,
        #[pyo3(from_py_with = given::workers)] workers: i128,
        #[pyo3(from_py_with = given::queue_items_max)] queue_items_max: Option<i128>,
        #[pyo3(from_py_with = given::queue_bytes_max)] queue_bytes_max: Option<i128>,
        #[pyo3(from_py_with = given::overflow)] overflow: String,
        #[pyo3(from_py_with = given::overflow_timeout)] overflow_timeout: Option<f64>,
        #[pyo3(from_py_with = given::dispatch)] dispatch: String,
        ordered: bool,
        demand: bool,
        dedup: Option<Bound<'_, PyAny>>,
        retry: Option<Bound<'_, PyAny>>,
        on_failure: Option<Bound<'_, PyAny>>,
        #[pyo3(from_py_with = given::name)] name: Option<String>,
        #[pyo3(from_py_with = given::drop_deadline)] drop_deadline: f64,
        dtype: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let options = Options {
            handler,
            batch_items_max,
            batch_bytes_max,
            weigher,
            linger,
            tick,
            workers,
            queue_items_max,
            queue_bytes_max,
            overflow,
            overflow_timeout,
            dispatch,
            ordered,
            demand,
            dedup,
            retry,
            on_failure,
            name,
            drop_deadline,
            dtype,
        };
        let shared = Arc::new(options.build()?);
        live::note(&shared);
        Ok(Self { shared })
    }

    /// Puts one item if there is room now; never waits. Raises ``Full`` with the ``item`` when there is none.
    ///
    /// >>> import batchline
    /// >>> b = batchline.Batcher(None, dispatch="poll", batch_items_max=1, queue_items_max=1)
    /// >>> b.try_put(1)
    /// >>> b.try_put(2)
    /// Traceback (most recent call last):
    ///     ...
    /// batchline.errors.Full: the queue is full
    #[pyo3(signature = (item, /))]
    fn try_put(&self, py: Python<'_>, item: &Bound<'_, PyAny>) -> PyResult<()> {
        put::put_patiently(py, &self.shared, item, Patience::Never)
    }

    /// Puts one item with times of its own, all in seconds. ``timeout``: how long to wait for room, whatever
    /// ``overflow`` says. ``linger``: how long it may wait for its batch to be sealed. ``deadline``: after that no
    /// handler gets it, and it has ``Expired``.
    ///
    /// >>> import batchline
    /// >>> with batchline.Batcher(print, linger=60) as b:
    /// ...     b.put_with("soon", linger=0.001)
    /// ['soon']
    #[pyo3(signature = (item, /, *, timeout=None, linger=None, deadline=None))]
    fn put_with(
        &self,
        py: Python<'_>,
        item: &Bound<'_, PyAny>,
        timeout: Option<f64>,
        linger: Option<f64>,
        deadline: Option<f64>,
    ) -> PyResult<()> {
        let patience = match seconds::timeout("timeout", timeout)? {
            _ if timeout.is_none() => Patience::Policy,
            // Also when that is as long as it takes: `inf`.
            until => Patience::Until(seconds::until(until)),
        };
        match item_options(linger, deadline)? {
            None => put::put_patiently(py, &self.shared, item, patience),
            Some(options) => put::put_with(py, &self.shared, item, patience, options),
        }
    }

    /// Puts what an iterable yields, and returns how many items were accepted. Lists and tuples are the fastest: about
    /// 2 ns per item. An array is put as its ``tolist()``.
    ///
    /// It stops at the first refusal, whose exception says how many were ``accepted``. Duplicates are passed over;
    /// if there were any, ``Duplicates`` has them in ``items``.
    ///
    /// >>> import batchline
    /// >>> with batchline.Batcher(lambda items: print(sum(items))) as b:
    /// ...     b.put_many(range(5))
    /// 5
    /// 10
    #[pyo3(signature = (items, /))]
    fn put_many(&self, py: Python<'_>, items: &Bound<'_, PyAny>) -> PyResult<usize> {
        put_many::put_many(py, &self.shared, items)
    }

    /// Puts one item and returns a ``concurrent.futures.Future`` for its outcome: what the handler returned for it
    /// (``None`` if it returned nothing), or the exception that it raised, or ``Expired`` or ``HandedBack``.
    /// ``cancel()`` takes an item out that no handler has yet.
    ///
    /// >>> import batchline
    /// >>> with batchline.Batcher(lambda words: [word.upper() for word in words], demand=True) as b:
    /// ...     b.submit("word").result()
    /// 'WORD'
    #[pyo3(signature = (item, /, *, linger=None, deadline=None))]
    fn submit(
        &self,
        py: Python<'_>,
        item: &Bound<'_, PyAny>,
        linger: Option<f64>,
        deadline: Option<f64>,
    ) -> PyResult<Py<PyAny>> {
        submit::submit(py, &self.shared, item, item_options(linger, deadline)?.unwrap_or_default())
    }

    /// Submits every item, and gives the results in order. ``timeout`` is for all of them, in seconds.
    ///
    /// >>> import batchline
    /// >>> with batchline.Batcher(lambda numbers: [n * n for n in numbers], demand=True) as b:
    /// ...     list(b.map(range(4)))
    /// [0, 1, 4, 9]
    #[pyo3(signature = (items, /, *, timeout=None))]
    fn map<'py>(
        this: &Bound<'py, Self>,
        items: &Bound<'py, PyAny>,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _stay = Stay::here();
        let py = this.py();
        let submit = this.getattr(intern!(py, "submit"))?;
        py.import(intern!(py, "batchline._future"))?.call_method1("results_of", (submit, items, timeout))
    }

    /// Seals what waits, and returns when everything put before has its outcome. Raises ``TimedOut`` after ``timeout``
    /// seconds, ``Closed``, or ``WouldWait`` inside a handler.
    ///
    /// >>> import batchline
    /// >>> b = batchline.Batcher(print, linger=None)
    /// >>> b.put(1); b.flush()
    /// [1]
    #[pyo3(signature = (timeout=None))]
    fn flush(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<()> {
        let _stay = Stay::here();
        self.shared.surface(py)?;
        let timeout = seconds::timeout("timeout", timeout)?;
        let until = seconds::until(timeout);
        // Most flushes are short: the first slice waits here, and only what lasts longer gets a thread.
        let first = timeout.map_or(SLICE, |timeout| timeout.min(SLICE));
        let mut flushed = py.detach(|| self.shared.inner().flush(Some(first)));
        escaped()?;
        py.check_signals()?;
        if flushed == Err(FlushError::TimedOut) && slice_until(until).is_some() {
            let left = until.map(|until| until.saturating_duration_since(std::time::Instant::now()));
            flushed = interruptible(py, &self.shared, move |shared| shared.inner().flush(left), |_, _| ())?;
        }
        escaped()?;
        flushed.map_err(|error| errors::of_flush(py, error))
    }

    /// Refuses further puts, handles what is queued for at most ``timeout`` seconds, hands back the rest, and returns a
    /// ``Receipt``. A second close waits for the first. Inside a handler it only begins, and returns at once.
    ///
    /// >>> import batchline
    /// >>> b = batchline.Batcher(lambda items: None)
    /// >>> b.put(1)
    /// >>> b.close(timeout=5)
    /// Receipt(accepted=1, done=1, failed=0, cancelled=0, expired=0, handed_back=0, still_running=0, timed_out=False)
    #[pyo3(signature = (timeout=None))]
    fn close(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Receipt> {
        self.shared.surface(py)?;
        let timeout = seconds::timeout("timeout", timeout)?;
        let closing = self.close_within(py, timeout)?;
        Receipt::new(py, closing)
    }

    /// The counters now.
    ///
    /// >>> import batchline
    /// >>> b = batchline.Batcher(print)
    /// >>> b.stats().accepted
    /// 0
    fn stats(&self, py: Python<'_>) -> PyResult<Stats> {
        self.shared.surface(py)?;
        Stats::of(py, &self.shared)
    }

    /// Changes the linger, in seconds, also of batches that are open now.
    ///
    /// >>> import batchline
    /// >>> batchline.Batcher(print).set_linger(0.001)
    #[pyo3(signature = (linger, /))]
    fn set_linger(&self, py: Python<'_>, linger: f64) -> PyResult<()> {
        let linger = seconds::setting("linger", linger)?;
        self.shared.surface(py)?.set_linger(linger).map_err(|error| errors::of_build(&error))
    }

    /// Changes the cadence, in seconds; ``None`` ends it.
    ///
    /// >>> import batchline
    /// >>> batchline.Batcher(print, linger=None, tick=1.0).set_tick(0.01)
    #[pyo3(signature = (tick, /))]
    fn set_tick(&self, py: Python<'_>, tick: Option<f64>) -> PyResult<()> {
        let tick = tick.map(|tick| seconds::setting("tick", tick)).transpose()?;
        self.shared.surface(py)?.set_tick(tick).map_err(|error| errors::of_build(&error))
    }

    /// The next batch of a batcher with ``dispatch="poll"``; ``None`` when none was sealed within ``timeout`` seconds.
    /// Raises ``Closed`` when it is closed and drained. Any number of threads may poll.
    ///
    /// >>> import batchline
    /// >>> b = batchline.Batcher(None, dispatch="poll", demand=True)
    /// >>> b.put("a")
    /// >>> with b.next_batch(timeout=1) as batch:
    /// ...     print(list(batch))
    /// ['a']
    /// >>> print(b.next_batch(timeout=0))
    /// None
    #[pyo3(signature = (timeout=None))]
    fn next_batch(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<Batch>> {
        let _stay = Stay::here();
        let surface = self.shared.surface(py)?;
        if !self.shared.rules.is_polled {
            return Err(PyTypeError::new_err("next_batch is for batchers with dispatch=\"poll\""));
        }
        let until = seconds::until(seconds::timeout("timeout", timeout)?);
        let mut slice = slice_until(until).unwrap_or(Duration::ZERO);
        loop {
            if let Some(held) = py.detach(|| surface.next_batch(slice)) {
                return Batch::new(py, &self.shared, held).map(Some);
            }
            py.check_signals()?;
            if surface.is_closed() && surface.stats().queued == 0 {
                return Err(errors::closed(py));
            }
            match slice_until(until) {
                Some(next) => slice = next,
                None => return Ok(None),
            }
        }
    }

    /// Whether a close has begun.
    #[getter]
    fn closed(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.shared.surface(py)?.is_closed())
    }

    /// The name in thread names and logs.
    #[getter]
    fn name(&self) -> &str {
        self.shared.name()
    }

    fn __enter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __exit__(
        &self,
        py: Python<'_>,
        _class: &Bound<'_, PyAny>,
        _exception: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        if self.shared.is_forked() {
            return Ok(false);
        }
        // Of a polled batcher this thread may be the only one that polls: it does not wait for itself for ever.
        let timeout = self.shared.rules.is_polled.then_some(self.shared.rules.drop_deadline);
        let closing = self.close_within(py, timeout)?;
        self.shared.tell_of(py, closing);
        Ok(false)
    }

    fn __repr__(&self) -> String {
        let state = match (self.shared.is_forked(), self.shared.inner().is_closed()) {
            (true, _) => "of the parent process",
            (_, true) => "closed",
            _ => "open",
        };
        format!("<batchline.Batcher {:?}, {state}>", self.shared.name())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err("a Batcher cannot be pickled: it has threads; make one in each process"))
    }

    /// What the garbage collector calls before it takes a cycle apart, while handlers still find everything in place:
    /// `method.rs` makes it the class's `__del__`.
    fn _finalize(&self, py: Python<'_>) {
        if !live::is_over() {
            self.shared.end(py);
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.shared.each_function(|function| {
            // Held by nobody while the collector runs; were it, the cycle is found the next time.
            let Ok(function) = function.try_lock() else { return Ok(()) };
            function.as_ref().map_or(Ok(()), |function| visit.call(function))
        })
    }

    fn __clear__(&self) {
        let _ = self.shared.each_function(|function| {
            let taken = lock(function).take();
            drop(taken);
            Ok::<(), ()>(())
        });
    }
}

impl Batcher {
    fn close_within(&self, py: Python<'_>, timeout: Option<Duration>) -> PyResult<Closing> {
        let _stay = Stay::here();
        let deadline = timeout.map_or_else(Deadline::never, Deadline::after);
        let work = move |shared: &Shared| shared.inner().close(deadline);
        let closing = interruptible(py, &self.shared, work, Shared::keep_unclaimed)?;
        self.shared.handling.failures.tell_rest(py);
        if let Err(raised) = escaped() {
            self.shared.keep_unclaimed(closing);
            return Err(raised);
        }
        Ok(self.shared.with_unclaimed(closing))
    }
}

impl Drop for Batcher {
    fn drop(&mut self) {
        if !live::is_over() {
            aside(|py| self.shared.end(py));
        }
    }
}

/// What an item asks for itself; `None` is nothing.
fn item_options(linger: Option<f64>, deadline: Option<f64>) -> PyResult<Option<ItemOptions>> {
    if linger.is_none() && deadline.is_none() {
        return Ok(None);
    }
    let mut options = ItemOptions::new();
    if let Some(linger) = linger {
        options = options.linger(seconds::setting("linger", linger)?);
    }
    if let Some(deadline) = deadline {
        options = options.deadline(seconds::setting("deadline", deadline)?);
    }
    Ok(Some(options))
}
