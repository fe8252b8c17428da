//! A desk: what one consumer needs to take and handle batches, reused from batch to batch.
//!
//! A worker keeps its desk; callers and pollers borrow one from the pool per batch. The counters at a desk have
//! one writer at a time, so counting is a load and a store, and [`crate::Stats`] adds the desks up.

use crate::batch::Mark;
use crate::pool::{Link, Pool, Pooled};
use crate::seal::SealReason;
use crate::sync::{AtomicU64, UnsafeCell};
use crate::ticket::Wakes;
use crossbeam_utils::CachePadded;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering::{Acquire, Release};

/// A number with one writer at a time and any number of readers.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, amount: u64) {
        self.0.store(self.0.load(Acquire) + amount, Release);
    }

    pub(crate) fn raise_to(&self, value: u64) {
        if value > self.0.load(Acquire) {
            self.0.store(value, Release);
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Acquire)
    }
}

/// What was counted at one desk.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) taken: Count,
    pub(crate) done: Count,
    pub(crate) failed: Count,
    pub(crate) cancelled: Count,
    pub(crate) expired: Count,
    pub(crate) batches_by_reason: [Count; SealReason::COUNT],
    pub(crate) batch_items_peak: Count,
    pub(crate) handler_calls: Count,
    pub(crate) failed_batches: Count,
    pub(crate) panics: Count,
    pub(crate) wakeups: Count,
}

/// What the holder of a desk may change.
pub(crate) struct Drawer<R> {
    /// Room for what a handler says of its items.
    pub(crate) marks: Vec<Mark<R>>,
    /// Room for who waits for a batch's tickets.
    pub(crate) wakes: Wakes,
    /// Lanes claimed while a batch is gathered.
    pub(crate) lanes: Vec<usize>,
    /// Where the next look for work starts.
    pub(crate) cursor: usize,
}

pub(crate) struct Desk<R> {
    link: Link,
    pub(crate) counts: CachePadded<Counts>,
    drawer: UnsafeCell<Drawer<R>>,
}

// SAFETY: the drawer is touched only through a `DeskGuard`, of which there is one at a time.
unsafe impl<R: Send> Sync for Desk<R> {}
// SAFETY: a desk owns what is in its drawer.
unsafe impl<R: Send> Send for Desk<R> {}

impl<R> Pooled for Desk<R> {
    fn link(&self) -> &Link {
        &self.link
    }
}

impl<R> Desk<R> {
    pub(crate) fn new(index: usize) -> Self {
        let drawer = Drawer {
            marks: Vec::new(),
            wakes: Wakes::default(),
            lanes: Vec::with_capacity(64),
            cursor: index,
        };
        Self { link: Link::new(index), counts: CachePadded::default(), drawer: UnsafeCell::new(drawer) }
    }
}

/// The right to use a desk; gives it back when dropped.
pub(crate) struct DeskGuard<'a, R> {
    desks: &'a Pool<Desk<R>>,
    desk: &'a Desk<R>,
}

impl<'a, R> DeskGuard<'a, R> {
    pub(crate) fn borrow(desks: &'a Pool<Desk<R>>) -> Self {
        let desk = desks.take().unwrap_or_else(|| desks.grow(Desk::new));
        Self { desks, desk }
    }

    pub(crate) fn counts(&self) -> &'a Counts {
        &self.desk.counts
    }
}

impl<R> Deref for DeskGuard<'_, R> {
    type Target = Drawer<R>;

    fn deref(&self) -> &Drawer<R> {
        // SAFETY: the guard is the only holder of this desk.
        self.desk.drawer.with(|drawer| unsafe { &*drawer })
    }
}

impl<R> DerefMut for DeskGuard<'_, R> {
    fn deref_mut(&mut self) -> &mut Drawer<R> {
        // SAFETY: the guard is the only holder of this desk, and is borrowed exclusively.
        self.desk.drawer.with_mut(|drawer| unsafe { &mut *drawer })
    }
}

impl<R> Drop for DeskGuard<'_, R> {
    fn drop(&mut self) {
        self.desks.give(self.desk);
    }
}
