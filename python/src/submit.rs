//! Submitting: an object whose future gets its outcome.

use crate::future::{self, Submitted};
use crate::item::Item;
use crate::put::{self, Patience};
use crate::shared::{Shared, lock};
use crate::stay::Stay;
use batchline::ItemOptions;
use pyo3::prelude::*;
use std::sync::Mutex;

/// Submits an object; returns its future.
pub(crate) fn submit(
    py: Python<'_>,
    shared: &Shared,
    object: &Bound<'_, PyAny>,
    options: ItemOptions,
) -> PyResult<Py<PyAny>> {
    let _stay = Stay::here();
    let batcher = put::objects(py, shared)?;
    let prepared = put::prepare(shared, object)?;
    let submitted = Box::new(Submitted::new(py, object.clone().unbind())?);
    let (future, ticket) = (submitted.future(py), submitted.ticket(py));
    let item = Item::submitted(submitted);
    let accepted = Mutex::new(None);
    let enter = |item| {
        put::install(prepared.as_ref());
        batcher.submit_with(item, options).map(|core| *lock(&accepted) = Some(core))
    };
    let first = put::try_by_policy(py, shared, item, &enter);
    let again = |item, slice| enter(put::after_room(shared, item, slice)?);
    put::conclude(py, shared, object, Patience::Policy, first, again)?;
    if let Some(core) = lock(&accepted).take() {
        future::tie(&ticket, core)?;
    }
    Ok(future)
}
