//! The lock of an ordered lane: one producer at a time, so that the order of claims is the order in batches. The shards
//! of a deduplication window use it, too.
//!
//! ```text
//! held   false -> true    compare-and-swap, acquire: what the last producer wrote is seen
//!        true  -> false   plain store, release: no locked instruction to unlock
//! ```
//!
//! A put holds it for a few stores; no user code runs under it (but under a shard's: a key's comparison). Whoever finds
//! it held backs off for a growing time, spinning and then yielding: so one producer puts many items in a row at the
//! price of an uncontended lock (5 ns) while the others stay off its cache line, instead of all trading the line at
//! every item (25 ns and more).
//!
//! Dropped: `std::sync::Mutex` (two locked instructions, 11 ns alone and 65 ns contended); claiming a slot by
//! `fetch_add` and a flag per slot (6.6 ns alone, 16 to 23 ns contended, and a stalled claimant blocks its batch).

use crate::sync::{AtomicBool, spin_loop, thread};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Spin hints of the first wait: a microsecond or two, a hundred puts of whoever has the lane. A shorter wait would
/// move the lane's cache lines to and fro at every few puts.
const SPINS_MIN: u32 = if cfg!(batchline_loom) { 1 } else { 64 };
/// Spin hints of the longest wait; after that, waiting yields to the scheduler.
const SPINS_MAX: u32 = if cfg!(batchline_loom) { 1 } else { 256 };

pub(crate) struct OrderedGuard<'a>(&'a AtomicBool);

impl<'a> OrderedGuard<'a> {
    #[inline]
    pub(crate) fn lock(held: &'a AtomicBool) -> Self {
        if held.compare_exchange(false, true, Acquire, Relaxed).is_err() {
            back_off_until_locked(held);
        }
        Self(held)
    }
}

#[cold]
fn back_off_until_locked(held: &AtomicBool) {
    let mut spins = SPINS_MIN;
    loop {
        if spins <= SPINS_MAX {
            (0..spins).for_each(|_| spin_loop());
            spins *= 2;
        } else {
            thread::yield_now();
        }
        if !held.load(Relaxed) && held.compare_exchange(false, true, Acquire, Relaxed).is_ok() {
            return;
        }
    }
}

impl Drop for OrderedGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.store(false, Release);
    }
}
