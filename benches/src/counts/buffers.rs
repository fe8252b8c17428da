//! `put` on one thread where the put that fills a batch also handles it: into a vector behind a lock, new for each
//! batch or from a pool, and into a batcher in caller mode.

use std::{
    hint::black_box,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use batchline::{Batch, Deadline, Dispatch};

use super::polled::builder;
use crate::load::BATCH_ITEMS_MAX;

/// A vector that is taken out whole when it is full, and freed after its batch.
pub(super) fn fresh(items: u64) {
    let buffer = black_box(Mutex::new(Vec::new()));
    put_each(items, |item| put_into(&buffer, item, Vec::new, drop));
    assert!(lock(&buffer).is_empty(), "every batch was handled");
}

/// The same, with vectors that go back to a pool.
pub(super) fn pooled(items: u64) {
    let (buffer, pool) = black_box((Mutex::new(Vec::new()), Mutex::new(Vec::new())));
    let give_back = |mut emptied: Vec<u64>| {
        emptied.clear();
        lock(&pool).push(emptied);
    };
    put_each(items, |item| put_into(&buffer, item, || lock(&pool).pop().unwrap_or_default(), give_back));
    assert_eq!(lock(&pool).len(), 1, "two vectors take turns");
}

/// Ours, handling in the caller; slabs are pooled, and a put takes no lock.
pub(super) fn caller(items: u64) {
    let builder = builder().no_linger().dispatch(Dispatch::Caller);
    let handler = |batch: &mut Batch<u64>| assert_eq!(black_box(&batch[..]).len(), BATCH_ITEMS_MAX);
    let batcher = black_box(Box::new(builder.build(handler).expect("the settings are sound")));
    put_each(items, |item| assert!(batcher.put(item).is_ok(), "the batcher is open"));
    assert_eq!(batcher.close(Deadline::never()).done, items, "items that are done");
}

#[inline(always)]
fn put_each(items: u64, put: impl Fn(u64)) {
    (0..items).for_each(put);
}

#[inline(always)]
fn put_into(
    buffer: &Mutex<Vec<u64>>,
    item: u64,
    another: impl Fn() -> Vec<u64>,
    give_back: impl Fn(Vec<u64>),
) {
    let mut batch = lock(buffer);
    batch.push(item);
    if batch.len() == BATCH_ITEMS_MAX {
        let full = mem::replace(&mut *batch, another());
        drop(batch);
        black_box(&full[..]);
        give_back(full);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
