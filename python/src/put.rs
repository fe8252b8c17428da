//! Steps 1 and 2, put: one object becomes an item. The common case is over in `method.rs`; here is what is rarer.

use crate::errors;
use crate::item::Item;
use crate::prepared::Prepared;
use crate::seconds;
use crate::shared::{Overflow, Shared};
use crate::stay::Stay;
use crate::{typed, waiting};
use batchline::{Batcher, ItemOptions, PutError};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// How long a put may wait for room.
#[derive(Clone, Copy)]
pub(crate) enum Patience {
    /// As the batcher's overflow policy says.
    Policy,
    Never,
    Until(Option<Instant>),
}

/// The batcher of objects; records and forked children have none.
pub(crate) fn objects<'a>(py: Python<'_>, shared: &'a Shared) -> PyResult<&'a Batcher<Item>> {
    shared.surface(py)?;
    let message = "a batcher with a dtype has no futures: use put, try_put, put_with and put_many";
    shared.objects().ok_or_else(|| PyTypeError::new_err(message))
}

/// Puts an object, as the overflow policy says.
pub(crate) fn put(py: Python<'_>, shared: &Shared, object: &Bound<'_, PyAny>) -> PyResult<()> {
    put_patiently(py, shared, object, Patience::Policy)
}

/// The end of a put that was published.
pub(crate) fn finish(py: Python<'_>, shared: &Shared, object: &Bound<'_, PyAny>) -> PyResult<()> {
    let Some(objects) = shared.objects() else { return Ok(()) };
    let finished = objects.finish_put();
    waiting::unless_escaped(finished)?.map_err(|error| refused(py, error, object))
}

/// Puts an object if there is room, or waits for it.
pub(crate) fn put_patiently(
    py: Python<'_>,
    shared: &Shared,
    object: &Bound<'_, PyAny>,
    patience: Patience,
) -> PyResult<()> {
    let _stay = Stay::here();
    if let Some(records) = shared.surface(py)?.records() {
        return typed::put(py, shared, records, object, patience);
    }
    let batcher = objects(py, shared)?;
    let prepared = prepare(shared, object)?;
    let item = Item::plain(object.clone().unbind());
    install(prepared.as_ref());
    let first = match (patience, shared.rules.overflow) {
        (Patience::Policy, Overflow::Drop | Overflow::Fail) => batcher.put(item),
        _ => batcher.try_put(item),
    };
    let put = |item, slice| {
        install(prepared.as_ref());
        batcher.put_timeout(item, slice)
    };
    conclude(py, shared, object, patience, first, put)
}

/// Puts an object with times of its own.
pub(crate) fn put_with(
    py: Python<'_>,
    shared: &Shared,
    object: &Bound<'_, PyAny>,
    patience: Patience,
    options: ItemOptions,
) -> PyResult<()> {
    let _stay = Stay::here();
    if let Some(records) = shared.surface(py)?.records() {
        return typed::put_with(py, shared, records, object, patience, options);
    }
    let batcher = objects(py, shared)?;
    let prepared = prepare(shared, object)?;
    let enter = |item| {
        install(prepared.as_ref());
        batcher.put_with(item, options)
    };
    let first = try_by_policy(py, shared, Item::plain(object.clone().unbind()), &enter);
    let again = |item, slice| enter(after_room(shared, item, slice)?);
    conclude(py, shared, object, patience, first, again)
}

/// The first try of a put that the core has only with its policy. Under that to lend a hand the core may wait, too:
/// then without the GIL, and Ctrl-C comes after it.
pub(crate) fn try_by_policy(
    py: Python<'_>,
    shared: &Shared,
    item: Item,
    enter: &(impl Fn(Item) -> Result<(), PutError<Item>> + Sync),
) -> Result<(), PutError<Item>> {
    if shared.rules.overflow == Overflow::Caller { py.detach(move || enter(item)) } else { enter(item) }
}

/// Waits for room where the core has no put that waits with options: in caller mode by handling what is there. The
/// batcher's own handler may not wait: only its return makes room.
pub(crate) fn after_room<T>(shared: &Shared, item: T, slice: Duration) -> Result<T, PutError<T>> {
    if shared.handling.is_inside() {
        // The wait has uncounted the core's refusal; this one is for the user.
        shared.not_told.fetch_sub(1, Relaxed);
        return Err(PutError::Reentrant(item));
    }
    make_room(shared, slice);
    Ok(item)
}

/// The wait itself.
fn make_room(shared: &Shared, slice: Duration) {
    if shared.rules.is_caller {
        let _ = shared.inner().flush(Some(slice));
    } else {
        std::thread::sleep(slice.min(Duration::from_millis(1)));
    }
}

/// Waits, or raises, where the first try found the queue full.
pub(crate) fn conclude(
    py: Python<'_>,
    shared: &Shared,
    object: &Bound<'_, PyAny>,
    patience: Patience,
    first: Result<(), PutError<Item>>,
    again: impl Fn(Item, Duration) -> Result<(), PutError<Item>> + Sync,
) -> PyResult<()> {
    let ended = match first {
        Err(PutError::Full(item)) => match until(shared, patience) {
            Some(until) => waiting::for_room(py, shared, item, until, again)?,
            None => Err(PutError::Full(item)),
        },
        ended => ended,
    };
    waiting::unless_escaped(ended)?.map_err(|error| refused(py, error, object))
}

/// Until when a put may wait; `None` is not at all, `Some(None)` as long as it takes.
pub(crate) fn until(shared: &Shared, patience: Patience) -> Option<Option<Instant>> {
    match (patience, shared.rules.overflow) {
        (Patience::Until(until), _) => Some(until),
        (Patience::Policy, Overflow::Block(timeout)) => Some(seconds::until(timeout)),
        (Patience::Policy, Overflow::Caller) => Some(None),
        _ => None,
    }
}

/// Asks the user's code about an object, if it is to be asked.
pub(crate) fn prepare(shared: &Shared, object: &Bound<'_, PyAny>) -> PyResult<Option<Prepared>> {
    shared.judges.are_asked().then(|| shared.judges.prepare(object)).transpose()
}

/// Lets the core see what was said.
pub(crate) fn install(prepared: Option<&Prepared>) {
    if let Some(prepared) = prepared {
        prepared.install();
    }
}

/// The exception for a refusal; the item inside lets go of the object.
pub(crate) fn refused(py: Python<'_>, error: PutError<Item>, object: &Bound<'_, PyAny>) -> PyErr {
    let raised = errors::of_put(py, &error, object);
    drop(error.into_item().into_object());
    raised
}
