//! Step 2, claim, write, publish: a lane is where one producer writes and consumers take. Before it:
//! [`crate::put`]; after it: [`crate::seal`].
//!
//! A lane is a chain of slabs. Its producer ([`writer`]) writes into the last one, the *open* slab, without a
//! locked instruction; consumers ([`reader`]) take from the first one, one consumer at a time.
//!
//! ```text
//!            head                                 open
//!   taken ->  [ slab, sealed ] -> [ sealed ] -> [ slab | published -> | free ]
//!
//! armed      0: the next put opens a batch (slow path)   1: a batch is open, a put is a store
//! claim      held by the consumer that takes from this lane, or by a producer that undoes a put
//! rotations  odd while the producer changes `open` and `accepted_before`, a sequence lock for readers
//! ```
//!
//! Who writes what: the producer `open`, `accepted_before`, `sealed`, `opened_ns`, `pull_ns`, and `armed` in both
//! directions; a consumer that holds the claim `head`, `taken_items`, `taken_slabs`, and `armed` (see
//! [`crate::active`] for that word's protocol).
//!
//! 1. *put*: if a batch is open and there is credit, write the item, publish, look at `armed` again. Still 1:
//!    done. This is the whole fast path.
//! 2. *open*: otherwise note the time (before the item is published: by an older batch's time a consumer would take
//!    it at once), write, publish, store `armed = 1`, set the lane's active bit, fence, and wake a worker if it
//!    sleeps past this batch's deadline.
//! 3. *seal*: the put that fills the slab links a new one and clears `armed`, so that the next batch gets its
//!    own time. One slab is one batch, unless a part of it was taken before.
//! 4. *take*: a consumer takes a sealed slab whole, or what is published of the open one, where it lies.
//!
//! Pairs: the release store of `published` with the consumer's acquire load; the release of the claim with
//! the next claim's acquire; the light barrier of 1 with the heavy barrier between disarming and taking.
//!
//! Order: consumers take strictly from the head, so items of a producer enter batches in the order of their
//! puts (P2).
//!
//! Dropped: one word for all producers (17 ns contended per item); a claim word plus a flag per slot (16 to 23 ns
//! contended; a stalled claimant blocks the batch); a ring per producer with a consumer that copies (twice the
//! time per item).

pub(crate) mod reader;
pub(crate) mod writer;

use crate::clock::{Clock, NEVER_NS};
use crate::pool::Pool;
use crate::slab::Slab;
use crate::sync::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, UnsafeCell, spin_loop, thread};
use crossbeam_utils::CachePadded;
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use writer::Writer;

pub(crate) use writer::LaneProducer;

pub(crate) struct Lane<T, R> {
    pub(crate) index: usize,
    pub(crate) armed: CachePadded<AtomicU32>,
    produced: CachePadded<Produced<T, R>>,
    /// Slabs that the producer has sealed. On a line of its own: idle consumers poll it.
    sealed: CachePadded<AtomicU64>,
    consumed: CachePadded<Consumed<T, R>>,
    writer: CachePadded<UnsafeCell<Writer<T, R>>>,
    owned: AtomicBool,
}

/// What the producer writes once per batch.
struct Produced<T, R> {
    rotations: AtomicU64,
    open: AtomicPtr<Slab<T, R>>,
    accepted_before: AtomicU64,
    opened_ns: AtomicU64,
    pull_ns: AtomicU64,
}

/// What consumers write, under `claim`.
struct Consumed<T, R> {
    claim: AtomicBool,
    head: AtomicPtr<Slab<T, R>>,
    taken_slabs: AtomicU64,
    taken_items: AtomicU64,
    flush_mark: AtomicU64,
}

// SAFETY: `writer` belongs to the one producer that owns the lane (`owned`, or the ordered lock), everything
// else is atomic; items and replies cross threads, hence `Send`.
unsafe impl<T: Send, R: Send> Sync for Lane<T, R> {}
// SAFETY: as above.
unsafe impl<T: Send, R: Send> Send for Lane<T, R> {}

impl<T, R> Lane<T, R> {
    /// A lane that the caller owns, with `slab` (fresh from the pool) open.
    pub(crate) fn new(index: usize, slab: &Slab<T, R>, clock: Clock) -> Self {
        slab.open();
        let open = ptr::from_ref(slab).cast_mut();
        Self {
            index,
            armed: CachePadded::new(AtomicU32::new(0)),
            produced: CachePadded::new(Produced {
                rotations: AtomicU64::new(0),
                open: AtomicPtr::new(open),
                accepted_before: AtomicU64::new(0),
                opened_ns: AtomicU64::new(0),
                pull_ns: AtomicU64::new(NEVER_NS),
            }),
            sealed: CachePadded::new(AtomicU64::new(0)),
            consumed: CachePadded::new(Consumed {
                claim: AtomicBool::new(false),
                head: AtomicPtr::new(open),
                taken_slabs: AtomicU64::new(0),
                taken_items: AtomicU64::new(0),
                flush_mark: AtomicU64::new(0),
            }),
            writer: CachePadded::new(UnsafeCell::new(Writer::new(slab, clock))),
            owned: AtomicBool::new(true),
        }
    }

    /// Takes over a lane whose thread has gone.
    pub(crate) fn try_own(&self) -> bool {
        !self.owned.load(Relaxed) && self.owned.compare_exchange(false, true, Acquire, Relaxed).is_ok()
    }

    /// Leaves the lane to the next thread that needs one; what is in it stays.
    pub(crate) fn disown(&self) {
        self.owned.store(false, Release);
    }

    /// Items ever published in this lane. Exact: waits out a rotation of the slabs.
    pub(crate) fn accepted(&self) -> u64 {
        loop {
            let rotations = self.produced.rotations.load(Acquire);
            let accepted = self.accepted_roughly();
            crate::sync::fence(Acquire);
            if rotations.is_multiple_of(2) && self.produced.rotations.load(Relaxed) == rotations {
                return accepted;
            }
            thread::yield_now();
        }
    }

    /// As [`accepted`](Self::accepted), but off by up to a slab while the producer changes slabs.
    fn accepted_roughly(&self) -> u64 {
        let before = self.produced.accepted_before.load(Acquire);
        // SAFETY: slabs are freed only with the whole engine, so a stale pointer still points to a slab.
        let open = unsafe { &*self.produced.open.load(Acquire) };
        before + u64::from(open.published())
    }

    /// Items taken by consumers so far.
    pub(crate) fn taken_items(&self) -> u64 {
        self.consumed.taken_items.load(Acquire)
    }

    /// Items waiting here. A hint while the producer runs.
    pub(crate) fn waiting(&self) -> u64 {
        let taken = self.taken_items();
        self.accepted_roughly().saturating_sub(taken)
    }

    /// Whether a sealed slab waits here.
    pub(crate) fn has_sealed(&self) -> bool {
        self.sealed.load(Acquire) != self.consumed.taken_slabs.load(Relaxed)
    }

    /// When the open batch got its first item, and the earliest time one of its items asked for.
    pub(crate) fn opened_and_pull_ns(&self) -> (u64, u64) {
        (self.produced.opened_ns.load(Relaxed), self.produced.pull_ns.load(Relaxed))
    }

    /// Marks everything accepted so far as wanted by a flush.
    pub(crate) fn mark_for_flush(&self) {
        self.consumed.flush_mark.fetch_max(self.accepted(), Release);
    }

    /// Whether a flush still waits for items of this lane to be taken.
    pub(crate) fn flush_wants_more(&self) -> bool {
        self.consumed.flush_mark.load(Acquire) > self.taken_items()
    }

    pub(crate) fn try_claim(&self) -> bool {
        let claim = &self.consumed.claim;
        !claim.load(Relaxed) && claim.compare_exchange(false, true, Acquire, Relaxed).is_ok()
    }

    /// Whether somebody holds the claim. Who sees it released sees also what its holder took.
    pub(crate) fn is_claimed(&self) -> bool {
        self.consumed.claim.load(Acquire)
    }

    /// Claims for sure; whoever holds the claim runs a few instructions of ours and no user code.
    pub(crate) fn claim(&self) {
        while !self.try_claim() {
            spin_loop();
            thread::yield_now();
        }
    }

    pub(crate) fn release_claim(&self) {
        self.consumed.claim.store(false, Release);
    }

    /// Drops what is left. Only when the engine itself is dropped.
    pub(crate) fn drain(&self, slabs: &Pool<Slab<T, R>>, mut dispose: impl FnMut(reader::Run<T, R>)) {
        let room = reader::Room::new(u32::MAX, u64::MAX);
        while let Some(run) = self.take(slabs, room, false) {
            dispose(run);
        }
    }
}

#[cfg(all(test, not(any(batchline_loom, batchline_shuttle))))]
mod tests;
