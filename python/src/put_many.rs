//! Putting many objects: references are taken in runs, and the core copies each run into its slabs at once.

use crate::deliver::escaped;
use crate::errors;
use crate::item::Item;
use crate::put::{self, Patience};
use crate::shared::{Overflow, Shared, lock};
use crate::stay::Stay;
use crate::{typed, waiting};
use batchline::{Batcher, PutManyError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use std::sync::Mutex;

/// So many references are taken at a time.
const RUN: usize = 1024;

/// Puts what an iterable yields; returns how many were accepted.
pub(crate) fn put_many(py: Python<'_>, shared: &Shared, items: &Bound<'_, PyAny>) -> PyResult<usize> {
    let _stay = Stay::here();
    if let Some(records) = shared.surface(py)?.records() {
        return typed::put_many(py, shared, records, items);
    }
    let batcher = put::objects(py, shared)?;
    let mut many = Many { py, shared, batcher, accepted: 0, run: take_room() };
    let put = many.put_all(items);
    let (accepted, run) = (many.accepted, many.run);
    give_room(run);
    escaped()?;
    put.map(|()| accepted)
}

/// Room for a run, which is kept from call to call: the GIL makes one enough.
static ROOM: Mutex<Vec<Item>> = Mutex::new(Vec::new());

fn take_room() -> Vec<Item> {
    std::mem::take(&mut *lock(&ROOM))
}

fn give_room(mut run: Vec<Item>) {
    run.clear();
    if run.capacity() <= 2 * RUN {
        *lock(&ROOM) = run;
    }
}

/// A put of many on its way.
struct Many<'a, 'py> {
    py: Python<'py>,
    shared: &'a Shared,
    batcher: &'a Batcher<Item>,
    accepted: usize,
    run: Vec<Item>,
}

impl<'py> Many<'_, 'py> {
    fn put_all(&mut self, items: &Bound<'py, PyAny>) -> PyResult<()> {
        if self.shared.judges.are_asked() || self.shared.rules.overflow == Overflow::Caller {
            return self.put_each(items);
        }
        match (items.cast_exact::<PyList>(), items.cast_exact::<PyTuple>()) {
            (Ok(list), _) => self.put_list(list),
            (_, Ok(tuple)) => self.put_tuple(tuple),
            _ if items.hasattr(intern!(self.py, "tolist"))? => {
                let list = items.call_method0(intern!(self.py, "tolist"))?;
                if let Ok(list) = list.cast::<PyList>() {
                    self.put_list(list)
                } else {
                    self.put_iterable(items)
                }
            }
            _ => self.put_iterable(items),
        }
    }

    fn put_list(&mut self, list: &Bound<'py, PyList>) -> PyResult<()> {
        let mut next = 0;
        // While a put waits, others may change the list: its length is looked at anew for each run.
        while next < list.len() {
            let end = list.len().min(next + RUN);
            references_of(list, next, end, &mut self.run);
            next = end;
            self.put_run()?;
        }
        Ok(())
    }

    fn put_tuple(&mut self, tuple: &Bound<'py, PyTuple>) -> PyResult<()> {
        for first in (0..tuple.len()).step_by(RUN) {
            let end = tuple.len().min(first + RUN);
            for index in first..end {
                self.run.push(Item::plain(tuple.get_item(index)?.unbind()));
            }
            self.put_run()?;
        }
        Ok(())
    }

    fn put_iterable(&mut self, items: &Bound<'py, PyAny>) -> PyResult<()> {
        for item in items.try_iter()? {
            // Each as it is drawn: the next may take its time, and what is drawn beyond a refusal would be lost.
            self.run.push(Item::plain(item?.unbind()));
            self.put_run()?;
            if self.shared.rules.is_caller {
                escaped()?;
            }
        }
        Ok(())
    }

    /// Puts the run, waiting where the policy says so.
    fn put_run(&mut self) -> PyResult<()> {
        let result = self.put_run_or();
        // What was refused is still the caller's; its references are let go of.
        self.run.drain(..).for_each(|item| drop(item.into_object()));
        result
    }

    fn put_run_or(&mut self) -> PyResult<()> {
        while !self.run.is_empty() {
            match self.batcher.put_many(&mut self.run) {
                Ok(accepted) => self.accepted += accepted,
                Err(error @ PutManyError::Full { accepted }) => {
                    self.accepted += accepted;
                    // The core counts all that is left as refused; it is still on its way.
                    let left = self.run.len() as u64;
                    self.shared.not_told.fetch_add(left, std::sync::atomic::Ordering::Relaxed);
                    let told = self.wait_with_first(error);
                    if told.is_err() {
                        self.tell_refused();
                    }
                    told?;
                }
                Err(error) => {
                    self.accepted += error.accepted();
                    return Err(self.refused(error));
                }
            }
        }
        Ok(())
    }

    /// What is left of the run was refused after all.
    fn tell_refused(&self) {
        let left = self.run.len() as u64;
        self.shared.not_told.fetch_sub(left, std::sync::atomic::Ordering::Relaxed);
    }

    /// The queue is full: the first item left waits for all.
    fn wait_with_first(&mut self, full: PutManyError) -> PyResult<()> {
        let Some(until) = put::until(self.shared, Patience::Policy) else { return Err(self.refused(full)) };
        let first = self.run.remove(0);
        let object = first.as_object(self.py);
        self.shared.not_told.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
        let put = |item, slice| self.batcher.put_timeout(item, slice);
        match waiting::for_room(self.py, self.shared, first, until, put)? {
            Ok(()) => {
                self.accepted += 1;
                Ok(())
            }
            Err(error) => {
                let name = errors::name_of(&error);
                let raised = errors::with_accepted(self.py, name, &error.to_string(), self.accepted, object);
                drop(error.into_item().into_object());
                Err(raised)
            }
        }
    }

    fn refused(&self, error: PutManyError) -> PyErr {
        let item = self.run.first().map(|item| item.as_object(self.py));
        errors::of_put_many(self.py, error, self.accepted, item)
    }

    /// Puts items one by one, since the user's code is asked about each; duplicates are passed over.
    fn put_each(&mut self, items: &Bound<'py, PyAny>) -> PyResult<()> {
        let duplicates = PyList::empty(self.py);
        for item in items.try_iter()? {
            let item = item?;
            match put::put(self.py, self.shared, &item) {
                Ok(()) => self.accepted += 1,
                Err(error) if errors::is_duplicate(self.py, &error) => duplicates.append(item)?,
                Err(error) => return Err(errors::after(self.py, error, self.accepted)),
            }
        }
        if duplicates.is_empty() {
            return Ok(());
        }
        Err(errors::duplicates(self.py, self.accepted, &duplicates))
    }
}

/// New references to a part of a list.
#[cfg(not(any(Py_LIMITED_API, Py_GIL_DISABLED)))]
fn references_of(list: &Bound<'_, PyList>, first: usize, end: usize, into: &mut Vec<Item>) {
    use pyo3::ffi;
    let count = end - first;
    into.reserve(count);
    // SAFETY: `end` is not beyond the list, which nobody changes meanwhile: the GIL is held and no Python code runs.
    // There is room for `count` items, each a new reference.
    unsafe {
        let from = (*list.as_ptr().cast::<ffi::PyListObject>()).ob_item.add(first);
        let to = into.as_mut_ptr().add(into.len()).cast::<*mut ffi::PyObject>();
        for index in 0..count {
            let object = *from.add(index);
            ffi::Py_INCREF(object);
            to.add(index).write(object);
        }
        into.set_len(into.len() + count);
    }
}

/// New references to a part of a list.
#[cfg(any(Py_LIMITED_API, Py_GIL_DISABLED))]
fn references_of(list: &Bound<'_, PyList>, first: usize, end: usize, into: &mut Vec<Item>) {
    // Somebody may shorten the list meanwhile: then there are fewer.
    into.extend(
        (first..end).map_while(|index| list.get_item(index).ok()).map(|item| Item::plain(item.unbind())),
    );
}
