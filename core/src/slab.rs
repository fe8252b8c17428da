//! The slab: a pooled, fixed-capacity buffer that becomes a batch.
//!
//! ```text
//!            taken          published        capacity
//!   slots    |  in batches  |  waiting  |  free  |
//!                           ^ the producer writes here, then moves `published` on (release)
//!            ^ a consumer that holds the lane's claim moves `taken` on
//! sealed_len  OPEN while the producer may add; then the final number of items
//! users       1 for the lane that links it, 1 per batch that holds a part of it; at 0 it is recycled
//! ```
//!
//! 1. *write*: the producer writes slot `published`, plus an [`Extra`] if the item has a ticket or a deadline.
//! 2. *publish*: it stores `published + 1` with release. A consumer that loads it with acquire sees the item.
//! 3. *seal*: the producer links the next slab, then stores `sealed_len` with release. A consumer that sees
//!    it may follow `next`.
//! 4. *take*: under the lane's claim a consumer owns `[taken, taken + n)` by moving `taken` on. The items are
//!    handled where they lie while the producer goes on behind them.
//! 5. *recycle*: the last of lane and batches to let go gives the slab back to the pool.
//!
//! Extras are a side list, sorted by slot, that plain puts never touch: a slot index, a deadline, a ticket's
//! end. `extras_len` is stored with release after the entry and before `published`; entries at or above the
//! published length belong to a put that is still going on and are left alone.
//!
//! With a weigher, `weights[i]` is the sum of the weights of slots 0 to i, so any part's weight is a
//! difference. With a deduplication window, `claims[i]` is the claim of slot i on its key.

use crate::gate::Claim;
use crate::pool::{Link, Pooled};
use crate::sync::{AtomicPtr, AtomicU8, AtomicU32, PlainCell, UnsafeCell};
use crate::ticket::TicketEnd;
use crossbeam_utils::CachePadded;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// `sealed_len` of a slab that is still open.
pub(crate) const OPEN: u32 = u32::MAX;

/// What some items carry besides themselves.
pub(crate) struct Extra<R> {
    /// The slot of its item.
    pub(crate) slot: u32,
    /// When the item expires, or `NEVER_NS`.
    pub(crate) deadline_ns: u64,
    pub(crate) ticket: Option<TicketEnd<R>>,
}

type Cells<X> = Box<[UnsafeCell<MaybeUninit<X>>]>;

pub(crate) struct Slab<T, R> {
    link: Link,
    published: CachePadded<AtomicU32>,
    sealed_len: CachePadded<AtomicU32>,
    pub(crate) sealed_by: AtomicU8,
    pub(crate) next: AtomicPtr<Slab<T, R>>,
    extras_len: AtomicU32,
    /// Moved by consumers under the lane's claim.
    pub(crate) taken: AtomicU32,
    pub(crate) extras_taken: AtomicU32,
    users: AtomicU32,
    slots: Box<[PlainCell<MaybeUninit<T>>]>,
    /// Loom's eyes on the slots, which are slices as in production.
    #[cfg(batchline_loom)]
    watched: Box<[UnsafeCell<()>]>,
    /// Made by the first producer that needs it; its pointer is published with `extras_len`.
    extras: UnsafeCell<Cells<Extra<R>>>,
    weights: Box<[UnsafeCell<u64>]>,
    claims: Box<[UnsafeCell<Claim>]>,
}

// SAFETY: items and ticket ends move from producers to consumers (`Send`); each slot is touched by one side
// at a time, as the protocol above says.
unsafe impl<T: Send, R: Send> Sync for Slab<T, R> {}
// SAFETY: as above.
unsafe impl<T: Send, R: Send> Send for Slab<T, R> {}

impl<T, R> Pooled for Slab<T, R> {
    fn link(&self) -> &Link {
        &self.link
    }
}

fn empty<X>(capacity: usize) -> Cells<X> {
    (0..capacity).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect()
}

impl<T, R> Slab<T, R> {
    pub(crate) fn new(index: usize, capacity: u32, is_weighed: bool, is_claimed: bool) -> Self {
        let weights = if is_weighed { capacity } else { 0 };
        let claims = if is_claimed { capacity } else { 0 };
        Self {
            link: Link::new(index),
            published: CachePadded::new(AtomicU32::new(0)),
            sealed_len: CachePadded::new(AtomicU32::new(OPEN)),
            sealed_by: AtomicU8::new(0),
            next: AtomicPtr::new(ptr::null_mut()),
            extras_len: AtomicU32::new(0),
            taken: AtomicU32::new(0),
            extras_taken: AtomicU32::new(0),
            users: AtomicU32::new(0),
            slots: (0..capacity).map(|_| PlainCell::new(MaybeUninit::uninit())).collect(),
            #[cfg(batchline_loom)]
            watched: (0..capacity).map(|_| UnsafeCell::new(())).collect(),
            extras: UnsafeCell::new(Box::new([])),
            weights: (0..weights).map(|_| UnsafeCell::new(0)).collect(),
            claims: (0..claims).map(|_| UnsafeCell::new(Claim::NONE)).collect(),
        }
    }

    pub(crate) fn capacity(&self) -> u32 {
        self.slots.len() as u32
    }

    /// Makes a slab from the pool ready for its next life, with the caller as its only user.
    pub(crate) fn open(&self) {
        debug_assert_eq!(self.users.load(Relaxed), 0, "a recycled slab has no users");
        self.published.store(0, Relaxed);
        self.extras_len.store(0, Relaxed);
        self.taken.store(0, Relaxed);
        self.extras_taken.store(0, Relaxed);
        self.next.store(ptr::null_mut(), Relaxed);
        self.users.store(1, Relaxed);
        self.sealed_len.store(OPEN, Release);
    }

    /// Tells loom, if it watches, that the caller uses `slot` and that nobody else may meanwhile.
    #[inline(always)]
    fn touch(&self, _slot: u32) {
        #[cfg(batchline_loom)]
        self.watched[_slot as usize].with_mut(|_| ());
    }

    /// Where slot `slot` lies, for the producer's fast path.
    #[cfg(not(batchline_loom))]
    pub(crate) fn slots_ptr(&self) -> *mut T {
        self.slots.as_ptr().cast_mut().cast()
    }

    /// Writes an item. Only the producer of an open slab, at the published length.
    pub(crate) fn write(&self, slot: u32, item: T) {
        self.touch(slot);
        // SAFETY: slots at or above `published` belong to the producer.
        self.slots[slot as usize].with_mut(|cell| unsafe { (*cell).write(item) });
    }

    /// Moves an item out. Only the owner of that slot, once.
    pub(crate) fn read(&self, slot: u32) -> T {
        self.touch(slot);
        // SAFETY: the caller owns a published slot and reads it once.
        self.slots[slot as usize].with(|cell| unsafe { (*cell).assume_init_read() })
    }

    /// The part `[start, start + len)` as items. The caller must own it.
    pub(crate) fn part(&self, start: u32, len: u32) -> *mut [T] {
        #[cfg(batchline_loom)]
        (start..start + len).for_each(|slot| self.touch(slot));
        let part = &self.slots[start as usize..(start + len) as usize];
        ptr::slice_from_raw_parts_mut(part.as_ptr().cast_mut().cast::<T>(), part.len())
    }

    /// Adds an extra for `slot`. Only the producer, before it publishes that slot.
    pub(crate) fn push_extra(&self, extra: Extra<R>) {
        let at = self.extras_len.load(Relaxed);
        if at == 0 {
            // SAFETY: no extra is published, so no consumer looks at the list.
            self.extras.with_mut(|extras| unsafe {
                if (&(*extras)).is_empty() {
                    *extras = empty(self.slots.len());
                }
            });
        }
        // SAFETY: the list itself is not replaced any more, and entries from `extras_len` on are the producer's.
        self.extras.with(|extras| unsafe { (&(*extras))[at as usize].with_mut(|cell| (*cell).write(extra)) });
        self.extras_len.store(at + 1, Release);
    }

    /// Takes back the extra of a put that is being undone. Only the producer, under the lane's claim.
    pub(crate) fn pop_extra(&self, slot: u32) -> Option<Extra<R>> {
        let last = self.extras_len.load(Relaxed).checked_sub(1)?;
        if self.extra_slot(last) != slot {
            return None;
        }
        self.extras_len.store(last, Relaxed);
        Some(self.read_extra(last))
    }

    /// The slot of extra `at`. Only for entries below an `extras_len` that was seen.
    pub(crate) fn extra_slot(&self, at: u32) -> u32 {
        // SAFETY: the entry was written before `extras_len` moved over it, and is not moved out yet.
        self.extras
            .with(|extras| unsafe { (&(*extras))[at as usize].with(|cell| (*cell).assume_init_ref().slot) })
    }

    /// Looks at an extra without moving it out. Only the owner of its slot.
    pub(crate) fn with_extra<A>(&self, at: u32, look: impl FnOnce(&Extra<R>) -> A) -> A {
        // SAFETY: as in `extra_slot`.
        self.extras
            .with(|extras| unsafe { (&(*extras))[at as usize].with(|cell| look((*cell).assume_init_ref())) })
    }

    /// Puts an extra back at `at`, whose entry was moved out. Only the owner of its slot.
    pub(crate) fn write_extra(&self, at: u32, extra: Extra<R>) {
        // SAFETY: as in `read_extra`.
        self.extras.with(|extras| unsafe { (&(*extras))[at as usize].with_mut(|cell| (*cell).write(extra)) });
    }

    /// Moves an extra out. Only the owner of its slot, once.
    pub(crate) fn read_extra(&self, at: u32) -> Extra<R> {
        // SAFETY: as in `extra_slot`; the caller owns the slot and with it the entry.
        self.extras
            .with(|extras| unsafe { (&(*extras))[at as usize].with(|cell| (*cell).assume_init_read()) })
    }

    /// Moves the items and extras of a part of another slab behind the `len` items of this one, which weigh
    /// `bytes`. Only for a slab that the caller alone uses, and a part that it owns.
    pub(crate) fn append(
        &self,
        len: u32,
        bytes: u64,
        from: &Self,
        start: u32,
        count: u32,
        extras: (u32, u32),
    ) {
        // SAFETY: both parts are owned by the caller, lie in different slabs, and the source is given up.
        unsafe {
            self.part(len, count)
                .cast::<T>()
                .copy_from_nonoverlapping(from.part(start, count).cast(), count as usize)
        };
        for at in extras.0..extras.1 {
            let extra = from.read_extra(at);
            self.push_extra(Extra { slot: extra.slot - start + len, ..extra });
        }
        if self.is_weighed() {
            for slot in 0..count {
                self.set_weight_sum(len + slot, bytes.saturating_add(from.weight(start, start + slot + 1)));
            }
        }
        if self.is_claimed() {
            (0..count).for_each(|slot| self.set_claim(len + slot, from.claim(start + slot)));
        }
    }

    /// Moves the items of `[from, to)` and their claims down by `by` slots. Only the owner of all of them.
    pub(crate) fn shift(&self, from: u32, to: u32, by: u32) {
        if by > 0 && from < to {
            let source: *mut T = self.part(from, to - from).cast();
            let target: *mut T = self.part(from - by, to - from).cast();
            // SAFETY: the caller owns both parts, and the slots that are overwritten were moved out.
            unsafe { target.copy_from(source, (to - from) as usize) };
            if self.is_claimed() {
                (from..to).for_each(|slot| self.set_claim(slot - by, self.claim(slot)));
            }
        }
    }

    pub(crate) fn extras_len(&self) -> u32 {
        self.extras_len.load(Acquire)
    }

    pub(crate) fn publish(&self, len: u32) {
        self.published.store(len, Release);
    }

    pub(crate) fn published(&self) -> u32 {
        self.published.load(Acquire)
    }

    /// Seals the slab with `len` items and links what follows it in its lane.
    pub(crate) fn seal(&self, len: u32, by: u8, next: &Self) {
        self.sealed_by.store(by, Relaxed);
        self.next.store(ptr::from_ref(next).cast_mut(), Relaxed);
        self.sealed_len.store(len, Release);
    }

    /// The final length, or `OPEN`.
    pub(crate) fn sealed_len(&self) -> u32 {
        self.sealed_len.load(Acquire)
    }

    pub(crate) fn is_weighed(&self) -> bool {
        !self.weights.is_empty()
    }

    pub(crate) fn set_weight_sum(&self, slot: u32, sum: u64) {
        // SAFETY: slots at or above `published` belong to the producer.
        self.weights[slot as usize].with_mut(|weight| unsafe { *weight = sum });
    }

    pub(crate) fn is_claimed(&self) -> bool {
        !self.claims.is_empty()
    }

    /// Notes the claim of a slot. Only the producer at or above `published`, or the slot's owner.
    pub(crate) fn set_claim(&self, slot: u32, claim: Claim) {
        // SAFETY: by the rule above, nobody else touches the slot meanwhile.
        self.claims[slot as usize].with_mut(|cell| unsafe { *cell = claim });
    }

    /// The claim of a slot. Only the owner of that slot, in a slab with claims.
    pub(crate) fn claim(&self, slot: u32) -> Claim {
        // SAFETY: it was written before the slot was published, and only its owner changes it.
        self.claims[slot as usize].with(|cell| unsafe { *cell })
    }

    /// The weight of `[start, end)`; zero without a weigher. The slots must be published.
    pub(crate) fn weight(&self, start: u32, end: u32) -> u64 {
        if self.weights.is_empty() || start >= end {
            return 0;
        }
        let sum = |slot: u32| {
            // SAFETY: weights below `published` are written and do not change.
            self.weights[slot as usize].with(|weight| unsafe { *weight })
        };
        sum(end - 1) - if start == 0 { 0 } else { sum(start - 1) }
    }

    /// One more batch holds a part.
    pub(crate) fn hold(&self) {
        self.users.fetch_add(1, Relaxed);
    }

    /// Lets go; true when this was the last user, who must recycle the slab.
    pub(crate) fn let_go(&self) -> bool {
        self.users.fetch_sub(1, AcqRel) == 1
    }
}
