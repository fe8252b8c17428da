//! A shard of the keys: their open batches, their sealed ones, and what is in flight.
//!
//! A slot is a key's place. Its life: *new* (first put) -> *busy* (something open, sealed or in flight) -> *idle*
//! (nothing; kept for the next put) -> *evicted* (the oldest idle one, when too many are). Everything here runs
//! under the shard's lock; the only foreign code is `K::eq`, and `K::clone` for a new key.

use super::turnstile::Ticket;
use crate::engine::Engine;
use crate::inflight::Half;
use crate::lane::reader::Run;
use crate::put::Parcel;
use crate::seal::SealReason;
use crate::slab::{Extra, Slab};
use hashbrown::HashTable;
use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::Arc;

pub(super) struct Shard<K, T, R> {
    index: HashTable<usize>,
    slots: Vec<Slot<K, T, R>>,
    vacant: Vec<usize>,
    idle: VecDeque<(usize, u64)>,
    idle_keys: usize,
}

// SAFETY: a shard owns the items in its slabs, like a vector of them.
unsafe impl<K: Send + Sync, T: Send, R: Send> Send for Shard<K, T, R> {}

struct Slot<K, T, R> {
    key: Option<Arc<K>>,
    hash: u64,
    open: Option<Open<T, R>>,
    /// Counts openings, so that a timer of an earlier batch does not seal a later one.
    openings: u64,
    sealed: VecDeque<Sealed<T, R>>,
    in_flight: usize,
    /// Whether the slot stands in the turnstile's line.
    is_in_line: bool,
    /// Whether the open batch is to be sealed as soon as one in flight ends.
    is_waiting: bool,
    /// Counts idle times, so that a key that was used again is not evicted by an old entry.
    idle_since: Option<u64>,
    idle_times: u64,
}

struct Open<T, R> {
    slab: NonNull<Slab<T, R>>,
    len: u32,
    bytes: u64,
}

pub(super) struct Sealed<T, R> {
    slab: NonNull<Slab<T, R>>,
    len: u32,
    bytes: u64,
    pub(super) reason: SealReason,
    pub(super) half: Half,
}

impl<T, R> Sealed<T, R> {
    pub(super) fn run(&self) -> Run<T, R> {
        // SAFETY: a sealed slab is held by its slot, which gives it up with this.
        Run::whole(unsafe { self.slab.as_ref() }, self.len, self.bytes)
    }
}

/// Fewer entries of keys that are busy again than this are left in the list of idle ones.
const STALE_MAX: usize = 64;

/// What a put changed.
#[derive(Default)]
pub(super) struct Change {
    /// The number of the batch that it opened.
    pub(super) opened: Option<u64>,
    /// Whether the slot must get in line.
    pub(super) gets_in_line: bool,
    /// The number of a batch that was open before, and is sealed now.
    pub(super) ended: Option<u64>,
}

impl<K, T, R> Default for Shard<K, T, R> {
    fn default() -> Self {
        Self {
            index: HashTable::new(),
            slots: Vec::new(),
            vacant: Vec::new(),
            idle: VecDeque::new(),
            idle_keys: 0,
        }
    }
}

impl<K: Eq + Clone, T, R> Shard<K, T, R> {
    /// The slot of a key, made if it is new.
    pub(super) fn slot_of(&mut self, key: &K, hash: u64) -> usize {
        let is_key = |&slot: &usize| self.slots[slot].key.as_deref() == Some(key);
        if let Some(&slot) = self.index.find(hash, is_key) {
            if self.slots[slot].idle_since.take().is_some() {
                self.idle_keys -= 1;
            }
            return slot;
        }
        let key = Arc::new(key.clone());
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(Slot::new());
            self.slots.len() - 1
        });
        self.slots[slot].key = Some(key);
        self.slots[slot].hash = hash;
        let slots = &self.slots;
        self.index.insert_unique(hash, slot, |&slot| slots[slot].hash);
        slot
    }
}

impl<K, T, R> Slot<K, T, R> {
    fn new() -> Self {
        Self {
            key: None,
            hash: 0,
            open: None,
            openings: 0,
            sealed: VecDeque::new(),
            in_flight: 0,
            is_in_line: false,
            is_waiting: false,
            idle_since: None,
            idle_times: 0,
        }
    }

    fn is_busy(&self) -> bool {
        self.open.is_some() || !self.sealed.is_empty() || self.in_flight > 0 || self.is_in_line
    }

    /// Gets in line if a batch may be handled and the slot does not stand there yet.
    fn get_in_line(&mut self, in_flight_max: usize) -> bool {
        let gets_in = !self.is_in_line && !self.sealed.is_empty() && self.in_flight < in_flight_max;
        self.is_in_line |= gets_in;
        gets_in
    }
}

impl<K, T, R> Shard<K, T, R> {
    /// Adds an item to a slot's open batch; seals it when it is full, and before when the item is too heavy.
    pub(super) fn add(
        &mut self,
        engine: &Engine<T, R>,
        slot: usize,
        parcel: Parcel<T, R>,
        in_flight_max: usize,
    ) -> Change {
        let mut change = Change::default();
        let openings = self.slots[slot].openings;
        let bytes = self.slots[slot].open.as_ref().map_or(0, |open| open.bytes);
        let too_heavy = bytes.saturating_add(parcel.weight) > engine.settings.batch_bytes_max;
        if too_heavy && self.seal(engine, slot, SealReason::Bytes) {
            change.ended = Some(openings);
        }
        let slot_ref = &mut self.slots[slot];
        if slot_ref.open.is_none() {
            slot_ref.openings += 1;
            change.opened = Some(slot_ref.openings);
            slot_ref.open = Some(Open::new(engine.take_slab()));
        }
        let open = slot_ref.open.as_mut().expect("it was just opened");
        open.add(parcel);
        if open.len == engine.settings.batch_items_max {
            self.seal(engine, slot, SealReason::Size);
            // A batch that this very put opened needs no timer, and was never counted as open.
            if change.opened.take().is_none() {
                change.ended = Some(openings);
            }
        }
        change.gets_in_line = self.slots[slot].get_in_line(in_flight_max);
        change
    }

    /// Seals a slot's open batch; false when there is none.
    fn seal(&mut self, engine: &Engine<T, R>, slot: usize, reason: SealReason) -> bool {
        let Some(Open { slab, len, bytes }) = self.slots[slot].open.take() else { return false };
        let half = engine.inflight.enter();
        self.slots[slot].sealed.push_back(Sealed { slab, len, bytes, reason, half });
        true
    }

    /// Seals the batch that a timer was set for, if it is still open. True when the slot must get in line.
    pub(super) fn seal_opening(
        &mut self,
        engine: &Engine<T, R>,
        ticket: Ticket,
        reason: SealReason,
        in_flight_max: usize,
    ) -> Option<bool> {
        let slot = &self.slots[ticket.slot];
        if slot.openings != ticket.opening || !self.seal(engine, ticket.slot, reason) {
            return None;
        }
        Some(self.slots[ticket.slot].get_in_line(in_flight_max))
    }

    /// In drain mode: whether a batch stays open, and grows, because its key has as many in flight as it may. It is
    /// sealed when one of them ends.
    pub(super) fn waits_for_its_turn(&mut self, ticket: Ticket, in_flight_max: usize) -> bool {
        let slot = &mut self.slots[ticket.slot];
        let waits = slot.openings == ticket.opening && slot.in_flight >= in_flight_max;
        slot.is_waiting |= waits;
        waits
    }

    /// Seals a batch that has waited for its key's turn.
    pub(super) fn seal_waiting(&mut self, engine: &Engine<T, R>, slot: usize) -> bool {
        std::mem::take(&mut self.slots[slot].is_waiting) && self.seal(engine, slot, SealReason::Demand)
    }

    /// Seals every open batch; returns those slots with their openings, and the slots that must get in line.
    pub(super) fn seal_all(
        &mut self,
        engine: &Engine<T, R>,
        reason: SealReason,
        in_flight_max: usize,
    ) -> (Vec<(usize, u64)>, Vec<usize>) {
        let slots = 0..self.slots.len();
        let sealed = slots.clone().filter(|&slot| self.seal(engine, slot, reason));
        let sealed: Vec<_> = sealed.collect();
        let sealed = sealed.into_iter().map(|slot| (slot, self.slots[slot].openings)).collect();
        let in_line = slots.filter(|&slot| self.slots[slot].get_in_line(in_flight_max)).collect();
        (sealed, in_line)
    }

    /// The oldest sealed batch of a slot whose turn it is, its key, and whether the slot gets in line again.
    pub(super) fn take(&mut self, slot: usize, in_flight_max: usize) -> Option<(Arc<K>, Sealed<T, R>, bool)> {
        let slot = &mut self.slots[slot];
        slot.is_in_line = false;
        if slot.in_flight >= in_flight_max {
            return None;
        }
        let sealed = slot.sealed.pop_front()?;
        slot.in_flight += 1;
        let key = slot.key.clone()?;
        Some((key, sealed, slot.get_in_line(in_flight_max)))
    }

    /// Ends a batch of a slot. Returns whether the slot gets in line, and a key that was evicted.
    pub(super) fn finish(
        &mut self,
        index: usize,
        in_flight_max: usize,
        idle_max: usize,
    ) -> (bool, Option<Arc<K>>) {
        let slot = &mut self.slots[index];
        slot.in_flight -= 1;
        let gets_in_line = slot.get_in_line(in_flight_max);
        if slot.is_busy() {
            return (gets_in_line, None);
        }
        slot.idle_times += 1;
        slot.idle_since = Some(slot.idle_times);
        self.idle.push_back((index, slot.idle_times));
        self.idle_keys += 1;
        if self.idle.len() > 2 * self.idle_keys + STALE_MAX {
            let slots = &self.slots;
            self.idle.retain(|&(index, since)| slots[index].idle_since == Some(since));
        }
        (gets_in_line, self.evict(idle_max))
    }

    /// Takes out the key that is idle for longest, when there are more than `idle_max`.
    fn evict(&mut self, idle_max: usize) -> Option<Arc<K>> {
        while let Some(&(index, since)) = self.idle.front() {
            let is_current = self.slots[index].idle_since == Some(since);
            if is_current && self.idle_keys <= idle_max {
                return None;
            }
            self.idle.pop_front();
            if is_current {
                return self.vacate(index);
            }
        }
        None
    }

    fn vacate(&mut self, index: usize) -> Option<Arc<K>> {
        self.idle_keys -= 1;
        let slot = &mut self.slots[index];
        slot.idle_since = None;
        let (key, hash) = (slot.key.take(), slot.hash);
        if let Ok(entry) = self.index.find_entry(hash, |&slot| slot == index) {
            entry.remove();
        }
        self.vacant.push(index);
        key
    }

    /// Everything that waits, with its key, when the close hands back.
    pub(super) fn take_all(&mut self) -> Vec<(Arc<K>, Sealed<T, R>)> {
        let mut all = Vec::new();
        for slot in &mut self.slots {
            let Some(key) = &slot.key else { continue };
            all.extend(slot.sealed.drain(..).map(|sealed| (key.clone(), sealed)));
        }
        all
    }

    /// The number of a slot's open batch.
    pub(super) fn opening_of(&self, slot: usize) -> u64 {
        self.slots[slot].openings
    }

    /// Keys that have a slot.
    pub(super) fn keys(&self) -> usize {
        self.slots.len() - self.vacant.len()
    }
}

impl<T, R> Open<T, R> {
    fn new(slab: &Slab<T, R>) -> Self {
        slab.open();
        Self { slab: NonNull::from(slab), len: 0, bytes: 0 }
    }

    fn add(&mut self, parcel: Parcel<T, R>) {
        // SAFETY: the slab came from the pool and is this slot's alone until it is sealed.
        let slab = unsafe { self.slab.as_ref() };
        slab.write(self.len, parcel.item);
        if slab.is_claimed() {
            slab.set_claim(self.len, parcel.claim);
        }
        self.bytes = self.bytes.saturating_add(parcel.weight);
        if parcel.ticket.is_some() || parcel.deadline_ns != crate::clock::NEVER_NS {
            slab.push_extra(Extra { slot: self.len, deadline_ns: parcel.deadline_ns, ticket: parcel.ticket });
        }
        self.len += 1;
    }
}
