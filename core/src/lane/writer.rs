//! The producer's side of a lane.

#[cfg(not(batchline_loom))]
mod reservation;

use super::Lane;
use crate::barrier;
use crate::clock::{Clock, NEVER_NS};
use crate::gate::Claim;
#[cfg(not(batchline_loom))]
use crate::prefetch::prefetch_for_write;
use crate::seal::SealReason;
use crate::slab::{Extra, Slab};
use crate::sync::fence;
use crate::ticket::TicketPool;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// How far ahead of the item the cache line is asked for.
#[cfg(not(batchline_loom))]
const PREFETCH_BYTES: usize = 1024;

/// What only the producer reads and writes.
pub(crate) struct Writer<T, R> {
    /// Where the next item goes in the open slab.
    pos: u32,
    /// Where the fast path ends: out of credit, or the slab is full. Equal to `pos` while it is off.
    limit: u32,
    /// Where the credit ends; beyond the capacity when it reaches into the next slab.
    credit_end: u32,
    /// Whether plain puts may take the fast path at all (no weigher, an asymmetric barrier).
    fast: bool,
    capacity: u32,
    #[cfg(not(batchline_loom))]
    slots: *mut T,
    slab: NonNull<Slab<T, R>>,
    /// Weight of what is in the open slab.
    bytes: u64,
    #[cfg(not(batchline_loom))]
    reservation: Option<reservation::Reservation<T, R>>,
    pub(crate) tickets: TicketPool<R>,
}

impl<T, R> Writer<T, R> {
    pub(super) fn new(slab: &Slab<T, R>, clock: Clock) -> Self {
        Self {
            pos: 0,
            limit: 0,
            credit_end: 0,
            fast: true,
            capacity: slab.capacity(),
            #[cfg(not(batchline_loom))]
            slots: slab.slots_ptr(),
            slab: NonNull::from(slab),
            bytes: 0,
            #[cfg(not(batchline_loom))]
            reservation: None,
            tickets: TicketPool::new(clock),
        }
    }

    fn set_limit(&mut self) {
        let is_barred = self.is_lent();
        self.limit = if self.fast && !is_barred { self.credit_end.min(self.capacity) } else { self.pos };
    }

    /// Whether the next slot may be somebody's room.
    #[cfg(not(batchline_loom))]
    fn is_lent(&self) -> bool {
        self.reservation.as_ref().is_some_and(reservation::Reservation::bars_the_fast_path)
    }

    #[cfg(batchline_loom)]
    fn is_lent(&self) -> bool {
        false
    }
}

/// How a fast put ended.
pub(crate) enum Fast<T> {
    /// Published, and nothing else is to do.
    Published,
    /// Published, and the slow path must look at the lane.
    LookAgain,
    /// Not written: the slow path must take the item.
    NotWritten(T),
}

/// The producer's access to its lane.
pub(crate) struct LaneProducer<'a, T, R> {
    pub(crate) lane: &'a Lane<T, R>,
    writer: &'a mut Writer<T, R>,
}

impl<T, R> Lane<T, R> {
    /// # Safety
    /// The caller owns the lane as its producer, and no other `LaneProducer` of it exists.
    #[inline(always)]
    pub(crate) unsafe fn producer(&self) -> LaneProducer<'_, T, R> {
        // SAFETY: the caller is the only one that may touch the writer.
        let writer = self.writer.with_mut(|writer| unsafe { &mut *writer });
        LaneProducer { lane: self, writer }
    }
}

impl<'a, T, R> LaneProducer<'a, T, R> {
    /// The fast path: write, publish, look at `armed`.
    #[inline(always)]
    pub(crate) fn put_fast(&mut self, item: T) -> Fast<T> {
        let Some(pos) = self.fast_slot() else { return Fast::NotWritten(item) };
        self.write_at(pos, item);
        self.publish_fast(pos)
    }

    /// As [`put_fast`](Self::put_fast), of an item that `write` puts into its slot.
    ///
    /// # Safety
    /// `write` initialises the slot, does not panic, and calls nothing of the user's.
    #[cfg(not(batchline_loom))]
    #[inline(always)]
    pub(crate) unsafe fn put_fast_by(&mut self, write: impl FnOnce(*mut T)) -> Fast<()> {
        let Some(pos) = self.fast_slot() else { return Fast::NotWritten(()) };
        let slot = self.writer.slots.wrapping_add(pos as usize);
        write(slot);
        prefetch_for_write(slot.wrapping_byte_add(PREFETCH_BYTES));
        self.publish_fast(pos)
    }

    /// Where a fast put may write.
    #[inline(always)]
    fn fast_slot(&self) -> Option<u32> {
        let pos = self.writer.pos;
        (pos != self.writer.limit && self.lane.armed.load(Relaxed) != 0).then_some(pos)
    }

    /// The end of a fast put, whose item is written at `pos`.
    #[inline(always)]
    fn publish_fast<U>(&mut self, pos: u32) -> Fast<U> {
        self.writer.pos = pos + 1;
        self.slab().publish(pos + 1);
        barrier::light();
        if self.lane.armed.load(Relaxed) == 0 || pos + 1 == self.writer.limit {
            return Fast::LookAgain;
        }
        Fast::Published
    }

    #[cfg(not(batchline_loom))]
    #[inline(always)]
    fn write_at(&mut self, pos: u32, item: T) {
        debug_assert!(pos < self.writer.capacity);
        // SAFETY: `pos < limit <= capacity`, and slots at or above `published` are the producer's.
        unsafe { self.writer.slots.add(pos as usize).write(item) };
        prefetch_for_write(self.writer.slots.wrapping_add(pos as usize).wrapping_byte_add(PREFETCH_BYTES));
    }

    #[cfg(batchline_loom)]
    fn write_at(&mut self, pos: u32, item: T) {
        self.slab().write(pos, item);
    }

    #[inline(always)]
    fn slab(&self) -> &'a Slab<T, R> {
        // SAFETY: the open slab stays the lane's until the producer itself seals it.
        unsafe { self.writer.slab.as_ref() }
    }

    /// Switches the fast path off for good: every put must be weighed or fenced.
    pub(crate) fn set_fast(&mut self, fast: bool) {
        self.writer.fast = fast;
        self.writer.set_limit();
    }

    pub(crate) fn tickets(&mut self) -> &mut TicketPool<R> {
        &mut self.writer.tickets
    }

    pub(crate) fn credit(&self) -> u32 {
        self.writer.credit_end - self.writer.pos
    }

    pub(crate) fn add_credit(&mut self, items: u32) {
        self.writer.credit_end += items;
        self.writer.set_limit();
    }

    /// Whether `items` more fit into an open batch without any end in sight.
    #[inline]
    pub(crate) fn has_fast_room(&self, items: u32) -> bool {
        self.lane.armed.load(Relaxed) != 0 && items < self.writer.limit - self.writer.pos
    }

    pub(crate) fn room_in_slab(&self) -> u32 {
        self.writer.capacity - self.writer.pos
    }

    pub(crate) fn bytes_in_slab(&self) -> u64 {
        self.writer.bytes
    }

    pub(crate) fn is_slab_empty(&self) -> bool {
        self.writer.pos == 0
    }

    /// Whether the open slab was used and everything in it has been taken: the next batch wants a fresh one,
    /// or it would be cut short by the slab's end.
    pub(crate) fn is_slab_used_up(&self) -> bool {
        self.writer.pos > 0 && self.slab().taken.load(Relaxed) == self.writer.pos
    }

    /// Whether items before the last one written still wait in the open slab.
    fn has_older_items(&self, written: u32) -> bool {
        self.slab().taken.load(Relaxed) + written < self.writer.pos
    }

    /// Writes and publishes one item outside the fast path; the caller has checked credit and room.
    pub(crate) fn write(&mut self, item: T, weight: u64, claim: Claim, extra: Option<Extra<R>>) {
        let (slab, pos) = (self.slab(), self.writer.pos);
        assert!(pos < self.writer.capacity, "a full slab is sealed before anybody else writes");
        self.write_at(pos, item);
        self.writer.bytes = self.writer.bytes.saturating_add(weight);
        if !self.writer.fast {
            self.write_sides(pos, claim);
        }
        if let Some(extra) = extra {
            slab.push_extra(Extra { slot: pos, ..extra });
        }
        self.publish(1);
    }

    /// What an item of a weighed or deduplicating batcher has beside it.
    fn write_sides(&self, pos: u32, claim: Claim) {
        let slab = self.slab();
        if slab.is_weighed() {
            slab.set_weight_sum(pos, self.writer.bytes);
        }
        if slab.is_claimed() {
            slab.set_claim(pos, claim);
        }
    }

    fn publish(&mut self, items: u32) {
        self.writer.pos += items;
        self.slab().publish(self.writer.pos);
        self.writer.set_limit();
    }

    /// Copies `items` from `source` and publishes them at once. The source gives them up.
    ///
    /// # Safety
    /// `source` points to `items` items that the caller owns and will not drop or use again.
    pub(crate) unsafe fn write_many(&mut self, source: *const T, items: u32) {
        assert!(items <= self.room_in_slab() && items <= self.credit());
        #[cfg(batchline_loom)]
        for item in 0..items {
            // SAFETY: the caller gives the item up.
            self.slab().write(self.writer.pos + item, unsafe { source.add(item as usize).read() });
        }
        #[cfg(not(batchline_loom))]
        // SAFETY: there is room for `items` at `pos`, the regions are distinct, and the caller gives them up.
        unsafe {
            self.writer.slots.add(self.writer.pos as usize).copy_from_nonoverlapping(source, items as usize);
        }
        self.publish(items);
    }

    /// Undoes as much of the last `items` as no consumer has taken; the caller owns those items again.
    pub(crate) fn take_back_many(&mut self, items: u32) -> u32 {
        self.lane.claim();
        let (slab, end) = (self.slab(), self.writer.pos);
        let start = slab.taken.load(Relaxed).max(end - items);
        slab.publish(start);
        self.writer.pos = start;
        self.writer.set_limit();
        self.lane.release_claim();
        end - start
    }

    /// Looks at `armed` after publishing, across the barrier.
    pub(crate) fn must_open(&self) -> bool {
        barrier::light();
        if !barrier::light_is_free() {
            fence(std::sync::atomic::Ordering::SeqCst);
        }
        self.lane.armed.load(Acquire) == 0
    }

    pub(crate) fn is_disarmed(&self) -> bool {
        self.lane.armed.load(Acquire) == 0
    }

    /// Notes when the open batch began, unless items of an earlier opening still wait; then theirs stands.
    pub(crate) fn stamp(&mut self, written: u32, now_ns: u64) {
        if !self.has_older_items(written) {
            self.lane.produced.opened_ns.store(now_ns, Relaxed);
            self.lane.produced.pull_ns.store(NEVER_NS, Relaxed);
        }
    }

    /// Asks for the open batch to be sealed by `pull_ns`; true when nobody had asked for as early.
    pub(crate) fn pull(&mut self, pull_ns: u64) -> bool {
        let earlier = pull_ns < self.lane.produced.pull_ns.load(Relaxed);
        if earlier {
            self.lane.produced.pull_ns.store(pull_ns, Relaxed);
        }
        earlier
    }

    /// Seals the open slab and goes on in `fresh`. True when items wait in the sealed one.
    pub(crate) fn seal(&mut self, by: SealReason, fresh: &Slab<T, R>) -> bool {
        fresh.open();
        let (slab, len) = (self.slab(), self.writer.pos);
        let produced = &self.lane.produced;
        let rotations = produced.rotations.load(Relaxed);
        produced.rotations.store(rotations + 1, Relaxed);
        fence(Release);
        produced.open.store(std::ptr::from_ref(fresh).cast_mut(), Release);
        produced.accepted_before.store(produced.accepted_before.load(Relaxed) + u64::from(len), Release);
        produced.rotations.store(rotations + 2, Release);
        self.lane.armed.store(0, Relaxed);
        slab.seal(len, by as u8, fresh);
        self.lane.sealed.store(self.lane.sealed.load(Relaxed) + 1, Release);
        self.move_to(fresh);
        slab.taken.load(Relaxed) < len
    }

    fn move_to(&mut self, fresh: &Slab<T, R>) {
        let writer = &mut *self.writer;
        writer.credit_end -= writer.pos;
        writer.pos = 0;
        writer.bytes = 0;
        writer.slab = NonNull::from(fresh);
        #[cfg(not(batchline_loom))]
        {
            writer.slots = fresh.slots_ptr();
        }
        writer.set_limit();
    }

    /// Undoes the last put, if no consumer has taken it. Waits for the lane's claim.
    pub(crate) fn take_back(&mut self, weight: u64) -> Option<T> {
        self.lane.claim();
        let (slab, last) = (self.slab(), self.writer.pos - 1);
        let mut item = None;
        if slab.taken.load(Relaxed) <= last {
            slab.publish(last);
            drop(slab.pop_extra(last));
            item = Some(slab.read(last));
            self.writer.pos = last;
            self.writer.bytes = self.writer.bytes.saturating_sub(weight);
            self.writer.set_limit();
        }
        self.lane.release_claim();
        item
    }
}
