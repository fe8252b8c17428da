//! The consumers' side of a lane. Every function here is for the holder of the lane's claim.

use super::Lane;
use crate::pool::Pool;
use crate::slab::{OPEN, Slab};
use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering::{Relaxed, Release};

/// What a batch still has room for.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    pub(crate) items: u32,
    pub(crate) bytes: u64,
    pub(crate) is_empty_batch: bool,
}

impl Room {
    pub(crate) fn new(items: u32, bytes: u64) -> Self {
        Self { items, bytes, is_empty_batch: true }
    }

    /// What is left after a batch took `items` that weigh `bytes`.
    pub(crate) fn after(self, items: u32, bytes: u64) -> Self {
        Self {
            items: self.items - items,
            bytes: self.bytes.saturating_sub(bytes),
            is_empty_batch: self.is_empty_batch && items == 0,
        }
    }
}

/// A taken part of a slab: the holder owns its items and extras, and a hold on the slab.
pub(crate) struct Run<T, R> {
    slab: NonNull<Slab<T, R>>,
    pub(crate) start: u32,
    pub(crate) len: u32,
    /// The extras of these items, `[first, end)` in the slab's list.
    pub(crate) extras: (u32, u32),
    pub(crate) bytes: u64,
    /// Whether this is the rest of a sealed slab.
    pub(crate) sealed_by: Option<u8>,
}

// SAFETY: a run owns its items and ticket ends and may carry them to another thread.
unsafe impl<T: Send, R: Send> Send for Run<T, R> {}

impl<T, R> Run<T, R> {
    /// A run over all `len` items of `slab`, which the caller holds as its only user.
    pub(crate) fn whole(slab: &Slab<T, R>, len: u32, bytes: u64) -> Self {
        Self {
            slab: NonNull::from(slab),
            start: 0,
            len,
            extras: (0, slab.extras_len()),
            bytes,
            sealed_by: None,
        }
    }

    pub(crate) fn slab(&self) -> &Slab<T, R> {
        // SAFETY: the run's hold keeps the slab from being recycled, and slabs outlive runs.
        unsafe { self.slab.as_ref() }
    }
}

impl<T, R> Lane<T, R> {
    /// Takes items that fit into `room`, from the oldest slab that has any. With `sealed_only`, nothing of
    /// the open slab.
    pub(crate) fn take(&self, slabs: &Pool<Slab<T, R>>, room: Room, sealed_only: bool) -> Option<Run<T, R>> {
        loop {
            let slab = self.head();
            let sealed_len = slab.sealed_len();
            if sealed_only && sealed_len == OPEN {
                return None;
            }
            let (taken, published) = (slab.taken.load(Relaxed), slab.published());
            if taken < published {
                let len = fitting(slab, taken, published - taken, room);
                return (len > 0).then(|| self.take_part(slab, taken, len, sealed_len));
            }
            if sealed_len == OPEN {
                return None;
            }
            self.advance(slab);
            if slab.let_go() {
                slabs.give(slab);
            }
        }
    }

    fn head(&self) -> &Slab<T, R> {
        // SAFETY: the lane's own hold keeps the head slab; slabs live as long as the engine.
        unsafe { &*self.consumed.head.load(Relaxed) }
    }

    fn take_part(&self, slab: &Slab<T, R>, start: u32, len: u32, sealed_len: u32) -> Run<T, R> {
        let end = start + len;
        slab.taken.store(end, Relaxed);
        let extras = take_extras(slab, end);
        let taken_items = self.consumed.taken_items.load(Relaxed) + u64::from(len);
        self.consumed.taken_items.store(taken_items, Release);
        // A run that ends a sealed slab inherits the lane's hold.
        if end == sealed_len {
            self.advance(slab);
        } else {
            slab.hold();
        }
        let sealed_by = (sealed_len != OPEN).then(|| slab.sealed_by.load(Relaxed));
        Run { slab: NonNull::from(slab), start, len, extras, bytes: slab.weight(start, end), sealed_by }
    }

    /// Moves the head on past a sealed slab; its link was written before it was sealed.
    fn advance(&self, slab: &Slab<T, R>) {
        let next = slab.next.load(Relaxed);
        debug_assert!(!ptr::eq(next, ptr::null()), "a sealed slab links the next one");
        self.consumed.head.store(next, Relaxed);
        let taken_slabs = self.consumed.taken_slabs.load(Relaxed) + 1;
        self.consumed.taken_slabs.store(taken_slabs, Relaxed);
    }
}

/// The extras that belong to slots below `end` and were not taken before.
fn take_extras<T, R>(slab: &Slab<T, R>, end: u32) -> (u32, u32) {
    let first = slab.extras_taken.load(Relaxed);
    let published = slab.extras_len();
    let mut last = first;
    while last < published && slab.extra_slot(last) < end {
        last += 1;
    }
    slab.extras_taken.store(last, Relaxed);
    (first, last)
}

/// How many of `len` items from `start` on fit into `room`.
fn fitting<T, R>(slab: &Slab<T, R>, start: u32, len: u32, room: Room) -> u32 {
    let len = len.min(room.items);
    if slab.weight(start, start + len) <= room.bytes {
        return len;
    }
    let (mut fits, mut too_many) = (0, len);
    while too_many - fits > 1 {
        let middle = fits + (too_many - fits) / 2;
        if slab.weight(start, start + middle) <= room.bytes { fits = middle } else { too_many = middle }
    }
    // An item over the byte bound goes alone, into a batch that is still empty.
    if fits == 0 && room.is_empty_batch { 1 } else { fits }
}
