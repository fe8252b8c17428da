//! What putters and workers of a keyed batcher share: the plain engine's pools, bounds, clock, hooks and
//! outcomes, with shards of keys in the place of lanes.

use super::shard::{Change, Sealed, Shard};
use super::turnstile::{Ticket, Turn, Turnstile};
use crate::batch::Batch;
use crate::clock::NEVER_NS;
use crate::close::at_rest;
use crate::desk::DeskGuard;
use crate::engine::{CLOSED, DRAINING, Engine, HANDING_BACK, OPEN};
use crate::error::{FlushError, PutError};
use crate::failure::Failure;
use crate::gate::{Admission, Claim, Pending};
use crate::handler;
use crate::ledger::{Receipt, Stats};
use crate::options::{Deadline, ItemOptions};
use crate::overflow::Patience;
use crate::put::Parcel;
use crate::seal::SealReason;
use crate::shield::shielded;
use crate::sync::{AtomicI64, AtomicU64, Mutex, fence, lock, spin_loop, thread};
use crate::ticket::TicketPool;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, SeqCst};

pub(super) type KeyedHandler<K, T, R> = Box<dyn FnMut(&K, &mut Batch<T, R>) -> Result<(), Failure> + Send>;

/// Shards; more than threads that put at once on most machines.
const SHARDS: usize = 16;

pub(super) struct Limits {
    pub(super) in_flight_per_key_max: usize,
    pub(super) open_keys_max: usize,
    pub(super) idle_keys_max: usize,
}

pub(super) struct KeyedEngine<K, T, R> {
    pub(super) engine: Engine<T, R>,
    limits: Limits,
    hasher: RandomState,
    shards: Vec<Mutex<Shard<K, T, R>>>,
    turnstile: Mutex<Turnstile>,
    tickets: Mutex<TicketPool<R>>,
    open_keys: AtomicI64,
    accepted: AtomicU64,
    taken: AtomicU64,
}

/// The credit of an item that is not in a batch yet; dropped, it is given back.
struct Credit<'a, T, R> {
    engine: &'a Engine<T, R>,
    weight: u64,
}

impl<T, R> Drop for Credit<'_, T, R> {
    fn drop(&mut self) {
        self.engine.give_back_credit(1, self.weight);
    }
}

/// A batch whose turn it is, and where it belongs.
pub(super) struct Turned<K, T, R> {
    key: Arc<K>,
    batch: Batch<T, R>,
    shard: usize,
    slot: usize,
}

impl<K, T, R> KeyedEngine<K, T, R> {
    pub(super) fn new(engine: Engine<T, R>, limits: Limits) -> Self {
        let tickets = TicketPool::new(engine.settings.clock.clone());
        Self {
            engine,
            limits,
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::new(Shard::default())).collect(),
            turnstile: Mutex::new(Turnstile::default()),
            tickets: Mutex::new(tickets),
            open_keys: AtomicI64::new(0),
            accepted: AtomicU64::new(0),
            taken: AtomicU64::new(0),
        }
    }

    pub(super) fn keys(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).keys()).sum()
    }

    pub(super) fn stats(&self) -> Stats {
        self.engine.stats_with(|| {
            let taken = self.taken.load(Acquire);
            let accepted = self.accepted.load(Acquire);
            (accepted, accepted - taken)
        })
    }

    fn waiting(&self) -> u64 {
        let taken = self.taken.load(Acquire);
        self.accepted.load(Acquire) - taken
    }

    fn batch(&self, desk: &mut DeskGuard<'_, R>, sealed: &Sealed<T, R>) -> Batch<T, R> {
        let batch = self.engine.batch(desk, sealed.half, sealed.run(), sealed.reason);
        self.taken.fetch_add(u64::from(batch.kept), AcqRel);
        batch
    }

    // ---- workers

    /// Works until the batcher is closed.
    pub(super) fn work(&self, mut handler: KeyedHandler<K, T, R>) {
        let mut desk = self.engine.desk();
        while let Some(turned) = self.next(&mut desk) {
            let Turned { key, batch, shard, slot } = turned;
            self.engine.handle(&mut desk, batch, &mut |batch| handler(&key, batch));
            shielded(|| drop(key));
            self.finish(shard, slot);
        }
    }

    fn next(&self, desk: &mut DeskGuard<'_, R>) -> Option<Turned<K, T, R>> {
        loop {
            if self.engine.state() >= HANDING_BACK || self.engine.is_abandoned() && self.waiting() == 0 {
                self.engine.bell.wake_all();
                return None;
            }
            match self.next_turn() {
                Turn::Seal(ticket) => self.seal_due(ticket),
                Turn::Handle(shard, slot) => {
                    if let Some(turned) = self.take(desk, shard, slot) {
                        self.call_another();
                        return Some(turned);
                    }
                }
                Turn::Nothing => self.wait_for_turn(desk),
            }
        }
    }

    fn next_turn(&self) -> Turn {
        let now_ns = self.engine.now_ns();
        let mut turnstile = lock(&self.turnstile);
        match turnstile.next(now_ns) {
            Turn::Nothing if self.engine.pressure.load(SeqCst) > 0 => turnstile.oldest(),
            turn => turn,
        }
    }

    fn seal_due(&self, ticket: Ticket) {
        let reason = match ticket.due_ns <= self.engine.now_ns() && !self.engine.settings.demand {
            true => SealReason::Linger,
            false => SealReason::Demand,
        };
        let max = self.limits.in_flight_per_key_max;
        let is_drain = self.engine.settings.demand && self.engine.pressure.load(SeqCst) == 0;
        let mut shard = lock(&self.shards[ticket.shard]);
        if is_drain && shard.waits_for_its_turn(ticket, max) {
            return;
        }
        let sealed = shard.seal_opening(&self.engine, ticket, reason, max);
        drop(shard);
        let Some(gets_in_line) = sealed else { return };
        self.open_keys.fetch_sub(1, AcqRel);
        if gets_in_line {
            lock(&self.turnstile).get_in_line(ticket.shard, ticket.slot);
        }
    }

    fn take(&self, desk: &mut DeskGuard<'_, R>, shard: usize, slot: usize) -> Option<Turned<K, T, R>> {
        let taken = {
            let mut keys = lock(&self.shards[shard]);
            // The closer collects under this lock after it has moved the state on.
            if self.engine.state() >= HANDING_BACK {
                return None;
            }
            keys.take(slot, self.limits.in_flight_per_key_max)
        };
        let (key, sealed, gets_in_line) = taken?;
        if gets_in_line {
            lock(&self.turnstile).get_in_line(shard, slot);
        }
        Some(Turned { key, batch: self.batch(desk, &sealed), shard, slot })
    }

    /// Wakes another worker for what else is to do; it also takes over the watch on the clock.
    fn call_another(&self) {
        fence(SeqCst);
        if self.engine.bell.is_waiting() {
            let turnstile = lock(&self.turnstile);
            let anything = turnstile.has_turns(NEVER_NS - 1);
            drop(turnstile);
            if anything {
                self.engine.bell.wake_one();
            }
        }
    }

    fn wait_for_turn(&self, desk: &DeskGuard<'_, R>) {
        let idle = self.engine.settings.idle;
        for look in 0..idle.spins + idle.yields {
            if lock(&self.turnstile).has_turns(0) || self.engine.state() >= HANDING_BACK {
                return;
            }
            if look < idle.spins { spin_loop() } else { thread::yield_now() }
        }
        self.engine.sweep_keys();
        let enlisted = self.engine.bell.enlist();
        self.engine.wake_at_ns.store(NEVER_NS, SeqCst);
        fence(SeqCst);
        let now_ns = self.engine.now_ns();
        let (has_turns, due_ns) = {
            let turnstile = lock(&self.turnstile);
            (turnstile.has_turns(now_ns), turnstile.soonest_ns())
        };
        let pressed = self.engine.pressure.load(SeqCst) > 0 && due_ns != NEVER_NS;
        if has_turns || pressed || self.engine.state() >= HANDING_BACK {
            return enlisted.leave();
        }
        let wake_ns = due_ns.min(self.engine.sweep_due_ns());
        self.engine.wake_at_ns.store(wake_ns, SeqCst);
        self.engine.settings.clock.park_until(wake_ns);
        enlisted.parked();
        self.engine.wake_at_ns.store(NEVER_NS, SeqCst);
        desk.counts().wakeups.add(1);
    }

    fn finish(&self, shard: usize, slot: usize) {
        let idle_max = self.limits.idle_keys_max.div_ceil(SHARDS);
        let max = self.limits.in_flight_per_key_max;
        let (gets_in_line, evicted) = {
            let mut keys = lock(&self.shards[shard]);
            if keys.seal_waiting(&self.engine, slot) {
                self.open_keys.fetch_sub(1, AcqRel);
            }
            keys.finish(slot, max, idle_max)
        };
        // The key is the user's: it is dropped outside the lock.
        if let Some(key) = evicted {
            shielded(|| drop(key));
        }
        if gets_in_line {
            self.get_in_line(shard, slot);
        }
    }

    fn get_in_line(&self, shard: usize, slot: usize) {
        lock(&self.turnstile).get_in_line(shard, slot);
        self.engine.bell.wake_one();
    }

    // ---- flush and close

    /// Seals every open batch.
    fn seal_all(&self, reason: SealReason) {
        let max = self.limits.in_flight_per_key_max;
        for (index, shard) in self.shards.iter().enumerate() {
            let (sealed, in_line) = lock(shard).seal_all(&self.engine, reason, max);
            self.open_keys.fetch_sub(sealed.len() as i64, AcqRel);
            let mut turnstile = lock(&self.turnstile);
            sealed.into_iter().for_each(|(slot, opening)| turnstile.end_opening(index, slot, opening));
            in_line.into_iter().for_each(|slot| turnstile.get_in_line(index, slot));
        }
        self.engine.bell.wake_all();
    }

    pub(super) fn flush(&self, until_ns: u64) -> Result<(), FlushError> {
        // Batches enter flight when they are sealed, so nothing else must be waited for.
        self.engine.flush_alone(until_ns, || self.seal_all(SealReason::Flush), || true)
    }

    fn is_drained(&self) -> bool {
        self.waiting() == 0 && self.engine.inflight.is_empty()
    }
}

impl<K: Clone, T, R> KeyedEngine<K, T, R> {
    pub(super) fn close(&self, deadline: Deadline) -> Receipt<(K, T)> {
        let until_ns = match deadline.after_ns {
            NEVER_NS => NEVER_NS,
            after_ns => self.engine.now_ns().saturating_add(after_ns),
        };
        if self.engine.state.compare_exchange(OPEN, DRAINING, SeqCst, SeqCst).is_ok() {
            self.engine.wake_everybody();
        }
        self.seal_all(SealReason::Close);
        if handler::is_inside(self.engine.id) {
            return Receipt::new(&self.stats(), Vec::new(), true);
        }
        if self.engine.closing.swap(true, AcqRel) {
            self.engine.wait_for_other_close(until_ns);
            let stats = at_rest(|| self.stats());
            return Receipt::new(&stats, Vec::new(), stats.live > 0);
        }
        let drained = self.engine.drain_until(until_ns, || self.is_drained());
        self.engine.state.store(HANDING_BACK, SeqCst);
        let items = self.hand_back();
        self.engine.state.store(CLOSED, SeqCst);
        self.engine.forget_keys();
        self.engine.wake_everybody();
        Receipt::new(&at_rest(|| self.stats()), items, !drained)
    }

    fn hand_back(&self) -> Vec<(K, T)> {
        let mut desk = self.engine.desk();
        let mut items = Vec::new();
        for shard in &self.shards {
            let left = {
                let mut shard = lock(shard);
                shard.seal_all(&self.engine, SealReason::Close, 0);
                shard.take_all()
            };
            for (key, sealed) in left {
                let run = sealed.run();
                desk.counts().taken.add(u64::from(run.len));
                self.taken.fetch_add(u64::from(run.len), AcqRel);
                let marks = std::mem::take(&mut desk.marks);
                let mut batch = Batch::new(run, sealed.reason, sealed.half, marks);
                self.engine.begin(desk.counts(), &mut batch);
                self.engine.handed_back.fetch_add(u64::from(batch.kept), AcqRel);
                items.extend(batch.drain().map(|item| (K::clone(&key), item)));
                self.engine.finish_handed_back(&mut desk, batch);
            }
        }
        items
    }
}

impl<K: Hash + Eq + Clone, T, R> KeyedEngine<K, T, R> {
    pub(super) fn put(
        &self,
        key: &K,
        item: T,
        options: ItemOptions,
        patience: Patience,
    ) -> Result<(), PutError<T>> {
        let weight = self.engine.weigh(&item);
        let parcel = match self.engine.claim(&item) {
            Ok(claim) => self.engine.parcel(item, weight, claim),
            Err(refusal) => Err(refusal.of(item)),
        };
        match parcel {
            Ok(parcel) => self.deliver(key, self.engine.timed(parcel, options), patience),
            Err(error) => self.engine.refuse(error, patience),
        }
    }

    pub(super) fn submit(
        &self,
        key: &K,
        item: T,
        options: ItemOptions,
    ) -> Result<crate::Ticket<R>, PutError<T>> {
        let weight = self.engine.weigh(&item);
        let parcel = match self.engine.parcel(item, weight, Claim::NONE) {
            Ok(parcel) => self.engine.timed(parcel, options),
            Err(error) => return Err(self.engine.refused(error)),
        };
        let (ticket, end) = lock(&self.tickets).issue(parcel.deadline_ns);
        let patience = self.engine.submit_patience(Patience::Policy);
        match self.engine.claim_or_join(&parcel.item, end) {
            Admission::New(claim, end) => {
                self.deliver(key, Parcel { claim, ticket: Some(end), ..parcel }, patience)?;
            }
            Admission::Joined => self.engine.count_joined(),
            Admission::Refused(refusal, end) => {
                end.discard();
                return Err(self.engine.refused(refusal.of(parcel.item)));
            }
        }
        Ok(ticket)
    }

    fn deliver(&self, key: &K, parcel: Parcel<T, R>, patience: Patience) -> Result<(), PutError<T>> {
        let pending = Pending::new(&self.engine, parcel.claim);
        match self.deliver_or(key, parcel, patience) {
            Ok(()) => {
                pending.keep();
                Ok(())
            }
            Err(error) => {
                drop(pending);
                self.engine.refuse(error, patience)
            }
        }
    }

    /// Puts a parcel into its key's batch, waiting for room as long as `patience` says. A refusal is not counted yet.
    fn deliver_or(
        &self,
        key: &K,
        mut parcel: Parcel<T, R>,
        mut patience: Patience,
    ) -> Result<(), PutError<T>> {
        // The user's hash runs before any lock is taken.
        let hash = self.hasher.hash_one(key);
        while self.engine.is_open() {
            if self.engine.admit(parcel.weight) {
                return self.enter(key, hash, parcel);
            }
            parcel = self.engine.overflow(parcel, &mut patience)?;
        }
        Err(PutError::Closed(parcel.into_item()))
    }

    /// Puts an admitted parcel into its key's open batch.
    fn enter(&self, key: &K, hash: u64, parcel: Parcel<T, R>) -> Result<(), PutError<T>> {
        let index = (hash >> 48) as usize % SHARDS;
        let (weight, pull_ns) = (parcel.weight, parcel.pull_ns);
        // The key's comparison and copy are the user's; if one panics, the item is dropped and its credit returned.
        let credit = Credit { engine: &self.engine, weight };
        let mut shard = lock(&self.shards[index]);
        if !self.engine.is_open() {
            drop(shard);
            drop(credit);
            return Err(PutError::Closed(parcel.into_item()));
        }
        let slot = shard.slot_of(key, hash);
        let change = shard.add(&self.engine, slot, parcel, self.limits.in_flight_per_key_max);
        self.accepted.fetch_add(1, AcqRel);
        std::mem::forget(credit);
        drop(shard);
        self.announce(index, slot, &change, pull_ns);
        Ok(())
    }

    /// Sets the timer of a batch that was opened, and gets a sealed one in line.
    fn announce(&self, shard: usize, slot: usize, change: &Change, pull_ns: u64) {
        if let Some(opening) = change.ended {
            self.open_keys.fetch_sub(1, AcqRel);
            lock(&self.turnstile).end_opening(shard, slot, opening);
        }
        if change.gets_in_line {
            self.get_in_line(shard, slot);
        }
        if let Some(opening) = change.opened {
            let opened = 1 + self.open_keys.fetch_add(1, AcqRel);
            self.set_timer(shard, slot, opening, pull_ns);
            if opened > self.limits.open_keys_max as i64 {
                self.seal_oldest();
            }
        } else if change.ended.is_none() && pull_ns != NEVER_NS {
            let opening = lock(&self.shards[shard]).opening_of(slot);
            self.set_timer(shard, slot, opening, pull_ns);
        }
    }

    fn set_timer(&self, shard: usize, slot: usize, opening: u64, pull_ns: u64) {
        let linger_ns = self.engine.linger_ns.load(SeqCst);
        let due_ns = match (self.engine.settings.demand, linger_ns) {
            (true, _) => 0,
            (false, NEVER_NS) => pull_ns,
            (false, linger_ns) => self.engine.now_ns().saturating_add(linger_ns).min(pull_ns),
        };
        // A batch without a time of its own still stands in the heap, as the last, for when room is short.
        let due_ns = due_ns.min(NEVER_NS - 1);
        lock(&self.turnstile).set_timer(Ticket { due_ns, shard, slot, opening });
        fence(SeqCst);
        if due_ns < self.engine.wake_at_ns.load(SeqCst) && self.engine.bell.is_waiting() {
            self.engine.bell.wake_one();
        }
    }

    /// Seals the open batch whose time comes first, when too many keys have one.
    fn seal_oldest(&self) {
        let turn = lock(&self.turnstile).oldest();
        if let Turn::Seal(ticket) = turn {
            self.seal_due(ticket);
            self.engine.bell.wake_one();
        }
    }
}

impl<K, T, R> Drop for KeyedEngine<K, T, R> {
    /// The keyed batcher's own drop has handed everything back; this is for a batcher that was never closed.
    fn drop(&mut self) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard.seal_all(&self.engine, SealReason::Close, 0);
            for (_, sealed) in shard.take_all() {
                crate::close::dispose(&sealed.run());
            }
        }
    }
}
