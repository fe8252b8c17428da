//! Step 1, put: from the caller's item to a place in a lane, or back to the caller. Next:
//! [`crate::lane`].
//!
//! The fast path is in [`crate::lane`]: four stores and four loads on lines of this core. Everything else
//! comes here: the first put of a batch, the put that fills it, a put without credit, with a weight, a ticket
//! or options of its own, and every refusal.

use crate::budget::Budget;
use crate::clock::NEVER_NS;
use crate::engine::{Engine, Mode};
use crate::error::{PutError, TicketError};
use crate::gate::Claim;
use crate::lane::LaneProducer;
use crate::options::Oversize;
use crate::seal::SealReason;
use crate::slab::Extra;
use crate::sync::fence;
use crate::taking::Taking;
use crate::ticket::TicketEnd;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

/// An item on its way in, with what it carries.
pub(crate) struct Parcel<T, R> {
    pub(crate) item: T,
    pub(crate) weight: u64,
    pub(crate) claim: Claim,
    pub(crate) ticket: Option<TicketEnd<R>>,
    pub(crate) deadline_ns: u64,
    /// When its batch is to be sealed at the latest, if sooner than the batcher's linger.
    pub(crate) pull_ns: u64,
}

impl<T, R> Parcel<T, R> {
    /// The item of a refused parcel; its ticket is never seen.
    pub(crate) fn into_item(self) -> T {
        if let Some(ticket) = self.ticket {
            ticket.discard();
        }
        self.item
    }
}

/// What became of a parcel that reached its lane.
pub(crate) enum Entry<T, R> {
    Accepted { sealed: bool },
    Full(Parcel<T, R>),
    Closed(T),
}

/// What became of the front of many items.
pub(crate) enum EntryMany {
    Accepted { sealed: bool },
    Full,
    Closed,
}

impl<T, R> Engine<T, R> {
    /// After a fast put that ran into the end of its credit or of its batch.
    pub(crate) fn look_again(&self, producer: &mut LaneProducer<'_, T, R>) -> Entry<T, R> {
        let is_closing = producer.is_disarmed() && !self.open_batch(producer, 1, false, NEVER_NS);
        if let Some(item) = is_closing.then(|| producer.take_back(0)).flatten() {
            self.progress.wake_all();
            return Entry::Closed(item);
        }
        Entry::Accepted { sealed: self.seal_if_full(producer) }
    }

    /// Weighs an item before it is near any word of ours, since the weigher is the user's code.
    pub(crate) fn weigh(&self, item: &T) -> u64 {
        self.settings.weigher.as_ref().map_or(0, |weigh| weigh(item) as u64)
    }

    /// An item with its weight and claim, unless it is too heavy.
    pub(crate) fn parcel(&self, item: T, weight: u64, claim: Claim) -> Result<Parcel<T, R>, PutError<T>> {
        let bound = match self.settings.oversize {
            Oversize::Alone => self.settings.queue_bytes_max,
            Oversize::Refuse => self.settings.batch_bytes_max.min(self.settings.queue_bytes_max),
        };
        if weight > bound {
            self.release(claim, &TicketError::NotAccepted);
            return Err(PutError::TooLarge { item, bytes: weight as usize, bytes_max: bound as usize });
        }
        Ok(Parcel { item, weight, claim, ticket: None, deadline_ns: NEVER_NS, pull_ns: NEVER_NS })
    }

    /// Puts one parcel into the producer's lane, if there is room now.
    #[inline(never)]
    pub(crate) fn enter(&self, producer: &mut LaneProducer<'_, T, R>, parcel: Parcel<T, R>) -> Entry<T, R> {
        if !self.is_open() {
            return Entry::Closed(parcel.into_item());
        }
        if !self.has_credit(producer, parcel.weight) {
            return Entry::Full(parcel);
        }
        let cut = self.make_room_in_slab(producer, parcel.weight);
        let Parcel { item, weight, claim, ticket, deadline_ns, pull_ns } = parcel;
        let has_extra = ticket.is_some() || deadline_ns != NEVER_NS;
        let extra = has_extra.then_some(Extra { slot: 0, deadline_ns, ticket });
        let stamped = self.stamp_ahead(producer);
        producer.write(item, weight, claim, extra);
        let is_closing = !self.announce(producer, 1, stamped, pull_ns);
        if let Some(item) = is_closing.then(|| producer.take_back(weight)).flatten() {
            self.bytes.give_back(self.charged(weight));
            self.progress.wake_all();
            return Entry::Closed(item);
        }
        Entry::Accepted { sealed: self.seal_if_full(producer) || cut }
    }

    /// Makes sure there is credit for one item of this weight.
    fn has_credit(&self, producer: &mut LaneProducer<'_, T, R>, weight: u64) -> bool {
        if producer.credit() == 0 {
            let granted = self.items.take(u64::from(self.chunk()), 1);
            producer.add_credit(granted as u32);
        }
        let charge = self.charged(weight);
        producer.credit() > 0 && (charge == 0 || self.bytes.take(charge, charge) == charge)
    }

    /// Takes credit for one item outside the lanes; all of it or nothing.
    pub(crate) fn admit(&self, weight: u64) -> bool {
        if self.items.take(1, 1) == 0 {
            return false;
        }
        let charge = self.charged(weight);
        let admitted = charge == 0 || self.bytes.take(charge, charge) == charge;
        if !admitted {
            self.items.give_back(1);
        }
        admitted
    }

    /// What an item of this weight takes from the byte bound: nothing when there is none.
    pub(crate) fn charged(&self, weight: u64) -> u64 {
        if self.bytes.limit() == u64::MAX { 0 } else { weight }
    }

    /// Changes slabs when the open one cannot take an item of this weight, is used up, or is lent at its end. True when
    /// that sealed a batch.
    fn make_room_in_slab(&self, producer: &mut LaneProducer<'_, T, R>, weight: u64) -> bool {
        #[cfg(not(batchline_loom))]
        if producer.must_pass_a_reservation() {
            producer.hold_reservation();
            return self.seal(producer, SealReason::Demand);
        }
        let too_heavy = producer.bytes_in_slab().saturating_add(weight) > self.settings.batch_bytes_max;
        if too_heavy && !producer.is_slab_empty() {
            return self.seal(producer, SealReason::Bytes);
        }
        if producer.is_disarmed() && producer.is_slab_used_up() {
            return self.seal(producer, SealReason::Demand);
        }
        false
    }

    /// Puts the front of `items` into the producer's lane with one copy.
    pub(crate) fn enter_many(
        &self,
        producer: &mut LaneProducer<'_, T, R>,
        items: &mut Taking<'_, T>,
    ) -> EntryMany {
        let wanted = u32::try_from(items.len()).unwrap_or(u32::MAX);
        if producer.has_fast_room(wanted) {
            return self.copy_in(producer, items, wanted);
        }
        if !self.is_open() {
            return EntryMany::Closed;
        }
        if producer.credit() < wanted {
            let chunk =
                Budget::chunk_for_many(self.items.limit(), self.settings.batch_items_max, self.lanes.len());
            let missing = (wanted - producer.credit()).max(chunk).min(u32::MAX / 4);
            producer.add_credit(self.items.take(u64::from(missing), 1) as u32);
        }
        if producer.credit() == 0 {
            return EntryMany::Full;
        }
        let cut = self.make_room_in_slab(producer, 0);
        let count = wanted.min(producer.room_in_slab()).min(producer.credit());
        match self.copy_in(producer, items, count) {
            EntryMany::Accepted { sealed } => EntryMany::Accepted { sealed: sealed || cut },
            refused => refused,
        }
    }

    /// Copies `count` items, for which there is room, and publishes them at once.
    #[inline]
    fn copy_in(
        &self,
        producer: &mut LaneProducer<'_, T, R>,
        items: &mut Taking<'_, T>,
        count: u32,
    ) -> EntryMany {
        let stamped = self.stamp_ahead(producer);
        // SAFETY: `count` items lie at the front of `items`; those that stay accepted are given up below.
        unsafe { producer.write_many(items.front(), count) };
        if producer.must_open() && !self.open_batch(producer, count, stamped, NEVER_NS) {
            let refused = producer.take_back_many(count);
            items.give_up((count - refused) as usize);
            self.progress.wake_all();
            return if refused > 0 { EntryMany::Closed } else { EntryMany::Accepted { sealed: false } };
        }
        items.give_up(count as usize);
        EntryMany::Accepted { sealed: self.seal_if_full(producer) }
    }

    /// Notes the time of a batch that is about to be opened, before its first item is seen: by the time of an older
    /// batch a consumer would take it at once. True when it did.
    fn stamp_ahead(&self, producer: &mut LaneProducer<'_, T, R>) -> bool {
        let opens = !self.settings.demand && producer.is_disarmed();
        if opens {
            producer.stamp(0, self.now_ns());
        }
        opens
    }

    /// Tells the consumers of `written` items just published. False: the batcher is closing.
    fn announce(
        &self,
        producer: &mut LaneProducer<'_, T, R>,
        written: u32,
        stamped: bool,
        pull_ns: u64,
    ) -> bool {
        if producer.must_open() {
            return self.open_batch(producer, written, stamped, pull_ns);
        }
        if pull_ns != NEVER_NS && !self.settings.demand && producer.pull(pull_ns) {
            fence(SeqCst);
            self.watch(pull_ns);
        }
        true
    }

    /// Opens a batch whose first items are just published: notes the time, arms the lane, and makes sure that
    /// somebody will look. False: the batcher is closing, and may not have seen the items.
    #[cold]
    #[inline(never)]
    fn open_batch(
        &self,
        producer: &mut LaneProducer<'_, T, R>,
        written: u32,
        stamped: bool,
        pull_ns: u64,
    ) -> bool {
        if !self.settings.demand && !stamped {
            producer.stamp(written, self.now_ns());
        }
        if pull_ns != NEVER_NS {
            producer.pull(pull_ns);
        }
        producer.lane.armed.store(1, Relaxed);
        self.active.set(producer.lane.index);
        fence(SeqCst);
        if !self.is_open() {
            producer.lane.armed.store(0, Relaxed);
            return false;
        }
        if self.settings.demand {
            self.bell.wake_one();
        } else {
            self.watch(self.due(producer.lane).0);
        }
        true
    }

    /// Makes sure that a consumer is awake at `due_ns`. The caller has issued a full fence.
    fn watch(&self, due_ns: u64) {
        self.note_due(due_ns);
        if due_ns < self.wake_at_ns.load(SeqCst) && self.bell.is_waiting() {
            self.bell.wake_one();
        }
    }

    /// After a put: seals a full slab; and where credit ran out, looks whether the lanes together hold a
    /// batch. True when the caller must handle a batch itself.
    #[inline]
    fn seal_if_full(&self, producer: &mut LaneProducer<'_, T, R>) -> bool {
        if producer.room_in_slab() == 0 {
            return self.seal(producer, SealReason::Size);
        }
        if producer.credit() == 0 {
            self.refill(producer);
            if self.lanes.len() > 1 {
                fence(SeqCst);
                if self.bell.is_waiting() && self.lanes_hold_a_batch() {
                    self.bell.wake_one();
                }
            }
        }
        false
    }

    /// Takes credit ahead of the next put, unless credit is so short that it is taken item by item.
    fn refill(&self, producer: &mut LaneProducer<'_, T, R>) {
        let chunk = self.chunk();
        if chunk > 1 {
            producer.add_credit(self.items.take(u64::from(chunk), 1) as u32);
        }
    }

    pub(crate) fn chunk(&self) -> u32 {
        Budget::chunk(self.items.limit(), self.settings.batch_items_max, self.lanes.len())
    }

    /// Whether the lanes together hold a full batch.
    pub(crate) fn lanes_hold_a_batch(&self) -> bool {
        let waiting: u64 = self.active.iter_from(0).map(|lane| self.lanes.get(lane).waiting()).sum();
        waiting >= u64::from(self.settings.batch_items_max)
    }

    /// Seals the open slab. True when the caller must handle it.
    fn seal(&self, producer: &mut LaneProducer<'_, T, R>, by: SealReason) -> bool {
        let has_items = producer.seal(by, self.take_slab());
        if has_items && self.settings.mode != Mode::Caller {
            self.bell.wake_one();
        }
        has_items && self.settings.mode == Mode::Caller
    }
}
