//! Step 4, dispatch: how a consumer finds the next batch, and how it waits when there is none. Before it:
//! [`crate::seal`]; after it: [`crate::handle`].
//!
//! A consumer (worker thread, poller, or a caller that lends a hand) looks in this order:
//!
//! 1. batches whose linger or tick has come: so that sustained traffic elsewhere never makes one late;
//! 2. lanes that a flush or the close waits for;
//! 3. sealed slabs, round robin over the lanes: handled where they lie;
//! 4. with `demand`, or when a producer waits for room: whatever waits;
//! 5. when the lanes together hold a full batch: that batch.
//!
//! For 1, 2, 4 and 5 it *gathers*: it claims the active lanes, disarms them (except in demand mode, where lanes
//! stay armed while consumers are awake), and takes what is published. One lane's part is handled in place;
//! parts of several lanes are copied together into one batch, unless items are large.
//!
//! To wait, a consumer looks again for a while, then enlists at the bell, clears `wake_at_ns`, issues a full
//! fence, looks once more, and parks until the earliest due batch. A producer that opens a batch fences too and
//! then reads `wake_at_ns`; so either the consumer sees the batch or the producer sees the sleeper. Only one
//! that would oversleep is woken. In demand mode the consumer first disarms every lane across the heavy
//! barrier, so that the next put comes by the slow path and rings. In the other modes it does so only when a lane is
//! armed in vain, or may soon be (see `is_any_armed_in_vain`).

use crate::barrier;
use crate::batch::Batch;
use crate::clock::NEVER_NS;
use crate::desk::DeskGuard;
use crate::engine::{DRAINING, Engine, HANDING_BACK, Mode, OPEN};
use crate::inflight::Half;
use crate::lane::Lane;
use crate::lane::reader::{Room, Run};
use crate::seal::SealReason;
use crate::slab::Slab;
use crate::sync::{fence, spin_loop, thread};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

/// Items larger than this are not copied together; each lane's part is a batch of its own.
const GATHER_ITEM_BYTES_MAX: usize = 256;

/// What waiting for a batch brought.
pub(crate) enum Next<T, R> {
    Batch(Batch<T, R>),
    TimedOut,
    Closed,
}

/// Which consumer asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Takes everything that may be taken.
    Worker,
    /// The timer thread of caller mode: leaves sealed slabs to the threads that filled them.
    Timer,
}

/// How closely a consumer looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Without the words that producers write per item, unless it takes partial batches anyway: reading them over
    /// and over would cost every put a cache miss.
    Quick,
    Thorough,
}

impl<T, R> Engine<T, R> {
    /// Waits for the next batch until `until_ns`.
    pub(crate) fn next(&self, desk: &mut DeskGuard<'_, R>, role: Role, until_ns: u64) -> Next<T, R> {
        loop {
            if self.state() >= HANDING_BACK || self.is_abandoned() && !self.has_waiting() {
                self.bell.wake_all();
                return Next::Closed;
            }
            if let Some(batch) = self.try_next(desk, role) {
                self.hand_over_watch();
                return Next::Batch(batch);
            }
            if until_ns != NEVER_NS && self.now_ns() >= until_ns {
                self.hand_over_watch();
                return Next::TimedOut;
            }
            self.wait_for_work(desk, role, until_ns);
        }
    }

    /// Waits until a batch may be there, without taking it, for whoever will take it elsewhere. Also returns when the
    /// time is over or the batcher has ended, and may do so for no reason.
    pub(crate) fn wait_for_batch(&self, desk: &mut DeskGuard<'_, R>, until_ns: u64) -> bool {
        let is_there = || self.is_batch_there() || self.state() >= HANDING_BACK;
        if !is_there() && self.now_ns() < until_ns {
            self.wait_for_work(desk, Role::Worker, until_ns);
        }
        // This consumer will not watch the clock for the others any more.
        self.hand_over_watch();
        is_there()
    }

    /// Whether a look for a batch would find one. A time that has come is looked at first: most often it only says that
    /// a batch was opened.
    fn is_batch_there(&self) -> bool {
        let (soonest_ns, now_ns) = (self.soonest_ns.load(Relaxed), self.now_ns());
        if soonest_ns != NEVER_NS && now_ns >= soonest_ns {
            self.soonest_ns.swap(NEVER_NS, SeqCst);
            fence(SeqCst);
            let (later_ns, due) = self.look_for_due(now_ns);
            self.note_due(if due.is_some() { soonest_ns } else { later_ns });
        }
        self.has_work(Role::Worker, Look::Thorough)
    }

    /// The next batch, if there is one now.
    pub(crate) fn try_next(&self, desk: &mut DeskGuard<'_, R>, role: Role) -> Option<Batch<T, R>> {
        if !self.has_work(role, Look::Thorough) {
            return None;
        }
        self.entered(|half| {
            self.take_due(desk, half)
                .or_else(|| self.take_flushed(desk, half))
                .or_else(|| (role == Role::Worker).then(|| self.take_sealed(desk, half)).flatten())
                .or_else(|| (role == Role::Worker).then(|| self.take_demanded(desk, half)).flatten())
                .or_else(|| (role == Role::Worker).then(|| self.take_across_lanes(desk, half)).flatten())
        })
    }

    /// Whatever waits, for a thread that needs room.
    pub(crate) fn take_anything(&self, desk: &mut DeskGuard<'_, R>) -> Option<Batch<T, R>> {
        self.entered(|half| {
            self.take_sealed(desk, half).or_else(|| self.gather(desk, half, SealReason::Demand, |_| false))
        })
    }

    /// A sealed slab of any lane.
    pub(crate) fn take_any_sealed(&self, desk: &mut DeskGuard<'_, R>) -> Option<Batch<T, R>> {
        self.entered(|half| self.take_sealed(desk, half))
    }

    /// A sealed slab of one lane, for the producer that filled it.
    pub(crate) fn take_sealed_of(&self, desk: &mut DeskGuard<'_, R>, lane: usize) -> Option<Batch<T, R>> {
        self.entered(|half| {
            let lane = self.lanes.get(lane);
            lane.claim();
            self.take_sealed_claimed(desk, half, lane)
        })
    }

    /// Counts a batch as in flight before it is taken.
    fn entered(&self, take: impl FnOnce(Half) -> Option<Batch<T, R>>) -> Option<Batch<T, R>> {
        let half = self.inflight.enter();
        let batch = take(half);
        if batch.is_none() {
            self.leave_flight(half);
        }
        batch
    }

    /// Counts a batch as handled, and wakes who waits for that, if it may have been the last one that was waited for:
    /// a flush of many batches must not be woken by each.
    pub(crate) fn leave_flight(&self, half: Half) {
        let was_last = self.inflight.exit(half);
        fence(SeqCst);
        if self.progress.is_waiting() && self.may_be_awaited(half, was_last) {
            self.progress.wake_all();
        }
    }

    /// Whether a batch that has left `half` may be what a flush or close waits for. The caller has issued a full fence
    /// since: so either this sees what the waiter waits for, or the waiter, which looks again after a fence of its own,
    /// sees the batch gone; and of two consumers that leave at once, one sees what both have done.
    fn may_be_awaited(&self, half: Half, was_last: bool) -> bool {
        let state = self.state();
        let is_end = if state == DRAINING { self.is_drained() } else { self.inflight.is_empty() };
        if self.settings.mode == Mode::Caller || state != OPEN && is_end {
            return true;
        }
        // A flush waits until its items are taken, and then for the half that no new batch enters.
        let is_old = was_last && half == self.inflight.idle_half();
        self.flushing.load(Relaxed) && (is_old || !self.lanes.iter().any(Lane::flush_wants_more))
    }

    /// Whether a look for a batch is worth while. Reads only.
    pub(crate) fn has_work(&self, role: Role, look: Look) -> bool {
        let soonest_ns = self.soonest_ns.load(Relaxed);
        if soonest_ns != NEVER_NS && self.now_ns() >= soonest_ns {
            return true;
        }
        let everything = self.takes_everything(role);
        let mut waiting = 0;
        for lane in self.active.iter_from(0).map(|lane| self.lanes.get(lane)) {
            if role == Role::Worker && lane.has_sealed() || lane.flush_wants_more() {
                return true;
            }
            if look == Look::Thorough || everything {
                waiting += lane.waiting();
            }
        }
        let full = role == Role::Worker && waiting >= u64::from(self.settings.batch_items_max);
        waiting > 0 && (everything || full)
    }

    /// Whether anything waits in a lane.
    pub(crate) fn has_waiting(&self) -> bool {
        self.lanes.iter().any(|lane| lane.waiting() > 0)
    }

    /// Whether consumers take whatever waits, full batch or not.
    fn takes_everything(&self, role: Role) -> bool {
        let demanded = self.settings.demand || self.pressure.load(Relaxed) > 0;
        self.state() == DRAINING || role == Role::Worker && demanded
    }

    fn take_due(&self, desk: &mut DeskGuard<'_, R>, half: Half) -> Option<Batch<T, R>> {
        let soonest_ns = self.soonest_ns.load(Relaxed);
        if soonest_ns == NEVER_NS {
            return None;
        }
        let now_ns = self.now_ns();
        if now_ns < soonest_ns {
            return None;
        }
        self.soonest_ns.swap(NEVER_NS, SeqCst);
        fence(SeqCst);
        let (later_ns, reason) = self.look_for_due(now_ns);
        self.note_due(later_ns);
        self.gather(desk, half, reason?, |lane| self.due(lane).0 <= now_ns)
    }

    /// The earliest time that is still to come, and the reason of the first batch that is due.
    fn look_for_due(&self, now_ns: u64) -> (u64, Option<SealReason>) {
        let (mut later_ns, mut reason) = (NEVER_NS, None);
        if self.settings.demand {
            return (later_ns, reason);
        }
        for lane in self.active.iter_from(0).map(|lane| self.lanes.get(lane)) {
            // In this order: whoever sees an item sees the time that was noted ahead of it.
            if lane.waiting() == 0 {
                continue;
            }
            let (due_ns, why) = self.due(lane);
            if due_ns <= now_ns {
                reason = reason.or(Some(why));
            } else {
                later_ns = later_ns.min(due_ns);
            }
        }
        (later_ns, reason)
    }

    fn take_flushed(&self, desk: &mut DeskGuard<'_, R>, half: Half) -> Option<Batch<T, R>> {
        if self.state() == DRAINING {
            return self.gather(desk, half, SealReason::Close, |_| false);
        }
        let wanted = self.active.iter_from(0).any(|lane| self.lanes.get(lane).flush_wants_more());
        wanted.then(|| self.gather(desk, half, SealReason::Flush, Lane::flush_wants_more)).flatten()
    }

    fn take_sealed(&self, desk: &mut DeskGuard<'_, R>, half: Half) -> Option<Batch<T, R>> {
        for index in self.active.iter_from(desk.cursor) {
            let lane = self.lanes.get(index);
            if lane.has_sealed() && lane.try_claim() {
                desk.cursor = index + 1;
                if let Some(batch) = self.take_sealed_claimed(desk, half, lane) {
                    return Some(batch);
                }
            }
        }
        None
    }

    /// Takes a sealed slab of a lane that is claimed, and releases the claim.
    fn take_sealed_claimed(
        &self,
        desk: &mut DeskGuard<'_, R>,
        half: Half,
        lane: &Lane<T, R>,
    ) -> Option<Batch<T, R>> {
        let run = self.may_take().then(|| lane.take(&self.slabs, self.whole_batch(), true)).flatten();
        lane.release_claim();
        let run = run?;
        let by = match run.sealed_by {
            _ if run.len == self.settings.batch_items_max => SealReason::Size,
            Some(by) if by == SealReason::Bytes as u8 => SealReason::Bytes,
            _ => SealReason::Demand,
        };
        Some(self.batch(desk, half, run, by))
    }

    fn take_demanded(&self, desk: &mut DeskGuard<'_, R>, half: Half) -> Option<Batch<T, R>> {
        let wanted = self.settings.demand || self.pressure.load(SeqCst) > 0;
        wanted.then(|| self.gather(desk, half, SealReason::Demand, |_| false)).flatten()
    }

    fn take_across_lanes(&self, desk: &mut DeskGuard<'_, R>, half: Half) -> Option<Batch<T, R>> {
        self.lanes_hold_a_batch().then(|| self.gather(desk, half, SealReason::Size, |_| false)).flatten()
    }

    /// Under a claim: whether consumers may still take. The closer claims every lane after it has moved the
    /// state on, so a consumer that claims later sees it.
    fn may_take(&self) -> bool {
        self.state() < HANDING_BACK
    }

    fn whole_batch(&self) -> Room {
        Room::new(self.settings.batch_items_max, self.settings.batch_bytes_max)
    }

    pub(crate) fn batch(
        &self,
        desk: &mut DeskGuard<'_, R>,
        half: Half,
        run: Run<T, R>,
        reason: SealReason,
    ) -> Batch<T, R> {
        let counts = desk.counts();
        counts.taken.add(u64::from(run.len));
        counts.batches_by_reason[reason as usize].add(1);
        counts.batch_items_peak.raise_to(u64::from(run.len));
        Batch::new(run, reason, half, std::mem::take(&mut desk.marks))
    }

    /// Claims the active lanes, those that are `wanted` first, and takes one batch out of them.
    fn gather(
        &self,
        desk: &mut DeskGuard<'_, R>,
        half: Half,
        reason: SealReason,
        wanted: impl Fn(&Lane<T, R>) -> bool,
    ) -> Option<Batch<T, R>> {
        self.claim_active(desk);
        let lanes = std::mem::take(&mut desk.lanes);
        let run = self.may_take().then(|| {
            if !self.settings.demand || self.state() != OPEN {
                self.disarm(&lanes);
            }
            self.collect(&lanes, wanted)
        });
        lanes.iter().for_each(|&lane| self.leave(lane));
        desk.cursor = lanes.first().map_or(0, |first| first + 1);
        desk.lanes = lanes;
        let run = run.flatten()?;
        let reason = match run.sealed_by {
            _ if run.len == self.settings.batch_items_max => SealReason::Size,
            Some(by) if by == SealReason::Bytes as u8 => SealReason::Bytes,
            _ => reason,
        };
        Some(self.batch(desk, half, run, reason))
    }

    fn claim_active(&self, desk: &mut DeskGuard<'_, R>) {
        desk.lanes.clear();
        for index in self.active.iter_from(desk.cursor) {
            if self.lanes.get(index).try_claim() {
                desk.lanes.push(index);
            } else {
                // Whoever holds it may leave a due batch behind; look again soon.
                self.note_due(self.due(self.lanes.get(index)).0);
            }
        }
    }

    /// Ends the open batches of claimed lanes: the next put of each opens a new one.
    fn disarm(&self, lanes: &[usize]) {
        for &index in lanes {
            self.active.clear(index);
            self.lanes.get(index).armed.store(0, SeqCst);
        }
        barrier::heavy();
    }

    /// Ends the open batches of all active lanes, also of those that another consumer is just taking from: it may
    /// be about to run a handler for long, and the next put must find this sleeper.
    fn disarm_all(&self, desk: &mut DeskGuard<'_, R>) {
        desk.lanes.clear();
        desk.lanes.extend(self.active.iter_from(0));
        for &index in &desk.lanes {
            let lane = self.lanes.get(index);
            lane.claim();
            self.active.clear(index);
            lane.armed.store(0, SeqCst);
            lane.release_claim();
        }
        barrier::heavy();
        for &index in &desk.lanes {
            self.lanes.get(index).claim();
            self.leave(index);
        }
    }

    /// Whether a lane is armed with nothing in it: its item was taken between being published and the lane being
    /// armed. Its next put must open a batch, or nobody would watch its time. A lane that is claimed counts as well:
    /// its holder may be about to take the last item. The claim is read first: once released, what was taken is seen.
    fn is_any_armed_in_vain(&self) -> bool {
        let mut lanes = self.active.iter_from(0).map(|lane| self.lanes.get(lane));
        lanes.any(|lane| lane.armed.load(Relaxed) != 0 && (lane.is_claimed() || lane.waiting() == 0))
    }

    /// Releases a claimed lane; if something waits in it still, makes sure it is looked at again. The lane stays
    /// disarmed: its next put opens a batch, which keeps the time of what waits.
    fn leave(&self, index: usize) {
        let lane = self.lanes.get(index);
        // Exact, not `waiting`: in the middle of a rotation that one misses what is about to be sealed.
        if lane.accepted() > lane.taken_items() {
            if !self.settings.demand {
                self.note_due(self.due(lane).0);
            }
            self.active.set(index);
        }
        lane.release_claim();
    }

    /// Takes parts of claimed lanes until a batch is full.
    fn collect(&self, lanes: &[usize], wanted: impl Fn(&Lane<T, R>) -> bool) -> Option<Run<T, R>> {
        let mut gathering = Gathering { engine: self, run: None, buffer: None, room: self.whole_batch() };
        let lane = |&index: &usize| self.lanes.get(index);
        for lane in lanes.iter().map(lane).filter(|lane| wanted(lane)) {
            gathering.take_from(lane);
        }
        for lane in lanes.iter().map(lane) {
            gathering.take_from(lane);
        }
        gathering.finish()
    }

    /// Hands the duty to watch the clock, or to take what else waits, to another idle consumer.
    fn hand_over_watch(&self) {
        fence(SeqCst);
        if self.bell.is_waiting()
            && (self.soonest_ns.load(SeqCst) != NEVER_NS || self.has_work(Role::Worker, Look::Thorough))
        {
            self.bell.wake_one();
        }
    }

    /// Looks for a while, then parks until something happens or `until_ns`.
    fn wait_for_work(&self, desk: &mut DeskGuard<'_, R>, role: Role, until_ns: u64) {
        let idle = self.settings.idle;
        for look in 0..idle.spins + idle.yields {
            if self.has_work(role, Look::Quick) || self.state() >= HANDING_BACK {
                return;
            }
            if look < idle.spins { spin_loop() } else { thread::yield_now() }
        }
        self.park(desk, role, until_ns);
    }

    fn park(&self, desk: &mut DeskGuard<'_, R>, role: Role, until_ns: u64) {
        self.sweep_keys();
        let enlisted = self.bell.enlist();
        if self.settings.demand || self.is_any_armed_in_vain() {
            self.disarm_all(desk);
        }
        self.wake_at_ns.store(NEVER_NS, SeqCst);
        fence(SeqCst);
        if self.has_work(role, Look::Thorough) || self.state() >= HANDING_BACK || self.is_abandoned() {
            enlisted.leave();
            // What keeps this consumer awake may be in the hands of a thread that needs the core to go on.
            return thread::yield_now();
        }
        self.soonest_ns.swap(NEVER_NS, SeqCst);
        fence(SeqCst);
        let (due_ns, due_at_zero) = self.look_for_due(0);
        if due_at_zero.is_some() {
            self.note_due(0);
            return enlisted.leave();
        }
        self.note_due(due_ns);
        let wake_ns = due_ns.min(until_ns).min(self.sweep_due_ns());
        self.wake_at_ns.store(wake_ns, SeqCst);
        self.settings.clock.park_until(wake_ns);
        enlisted.parked();
        if wake_ns != NEVER_NS {
            self.wake_at_ns.store(NEVER_NS, SeqCst);
        }
        desk.counts().wakeups.add(1);
    }
}

/// A batch being put together from the parts of several lanes.
struct Gathering<'a, T, R> {
    engine: &'a Engine<T, R>,
    /// The first part, while it is the only one.
    run: Option<Run<T, R>>,
    /// The slab that parts are copied into, and how many items it holds.
    buffer: Option<(&'a Slab<T, R>, u32, u64)>,
    room: Room,
}

impl<'a, T, R> Gathering<'a, T, R> {
    fn take_from(&mut self, lane: &Lane<T, R>) {
        while self.room.items > 0 && self.may_grow() {
            let Some(run) = lane.take(&self.engine.slabs, self.room, false) else { return };
            self.room = self.room.after(run.len, run.bytes);
            self.add(run);
        }
    }

    fn may_grow(&self) -> bool {
        self.run.is_none() || size_of::<T>() <= GATHER_ITEM_BYTES_MAX
    }

    fn add(&mut self, run: Run<T, R>) {
        match (self.run.take(), self.buffer.is_some()) {
            (None, false) => self.run = Some(run),
            (None, true) => self.copy(run),
            (Some(first), _) => {
                let slab = self.engine.take_slab();
                slab.open();
                self.buffer = Some((slab, 0, 0));
                self.copy(first);
                self.copy(run);
            }
        }
    }

    fn copy(&mut self, run: Run<T, R>) {
        let (slab, len, bytes) = self.buffer.as_mut().expect("a buffer is there before anything is copied");
        slab.append(*len, *bytes, run.slab(), run.start, run.len, run.extras);
        *len += run.len;
        *bytes += run.bytes;
        self.engine.release_slab(&run);
    }

    fn finish(self) -> Option<Run<T, R>> {
        match self.buffer {
            Some((slab, len, bytes)) => {
                slab.publish(len);
                Some(Run::whole(slab, len, bytes))
            }
            None => self.run,
        }
    }
}

impl<T, R> Engine<T, R> {
    /// Lets go of a run's slab; the last to let go recycles it.
    pub(crate) fn release_slab(&self, run: &Run<T, R>) {
        if run.slab().let_go() {
            self.slabs.give(run.slab());
        }
    }
}
