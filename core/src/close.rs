//! Close: open -> draining -> handing back -> closed.
//!
//! ```text
//! state   OPEN          puts are accepted
//!         DRAINING      puts are refused; consumers take everything, full batch or not
//!         HANDING_BACK  consumers take nothing more; the closer collects what waits
//!         CLOSED        nothing waits; handlers that outlived the deadline may still run
//! ```
//!
//! A put races with the close like this. The closer stores DRAINING, then disarms every lane across the heavy
//! barrier. A put that read `armed = 1` after publishing is before that barrier, so the closer sees its item:
//! accepted, and it will get an outcome. Any other put finds the lane disarmed, comes to the slow path, and
//! reads the state after a full fence: if it reads DRAINING it takes its item back under the lane's claim,
//! unless a consumer has taken it already, and returns it in `Closed`.
//!
//! The closer claims each lane once more in HANDING_BACK; consumers check the state under the claim. So after
//! that pass nothing waits and nothing will be taken: the receipt adds up.

use crate::barrier;
use crate::batch::Batch;
use crate::clock::NEVER_NS;
use crate::desk::DeskGuard;
use crate::engine::{CLOSED, DRAINING, Engine, HANDING_BACK, Mode};
use crate::error::TicketError;
use crate::handler;
use crate::lane::Lane;
use crate::lane::reader::{Room, Run};
use crate::ledger::{Receipt, Stats};
use crate::options::Deadline;
use crate::seal::SealReason;
use crate::shield::shielded;
use crate::sync::fence;
use std::sync::atomic::Ordering::{AcqRel, SeqCst};

impl<T, R> Engine<T, R> {
    pub(crate) fn close(&self, deadline: Deadline) -> Receipt<T> {
        let until_ns = match deadline.after_ns {
            NEVER_NS => NEVER_NS,
            after_ns => self.now_ns().saturating_add(after_ns),
        };
        if handler::is_inside(self.id) {
            self.begin_close();
            return Receipt::new(&self.stats(), Vec::new(), true);
        }
        self.begin_close();
        if self.closing.swap(true, AcqRel) {
            self.wait_for_other_close(until_ns);
            let stats = at_rest(|| self.stats());
            return Receipt::new(&stats, Vec::new(), stats.live > 0);
        }
        let drained = self.drain_until(until_ns, || self.is_drained());
        let items = self.hand_back();
        // A put that raced with the close may have lent its item to a consumer just before.
        let drained = drained && self.drain_until(until_ns, || self.inflight.is_empty());
        self.state.store(CLOSED, SeqCst);
        self.forget_keys();
        self.wake_everybody();
        Receipt::new(&at_rest(|| self.stats()), items, !drained)
    }

    /// Nothing is put any more: what the window remembers is of no use.
    pub(crate) fn forget_keys(&self) {
        if let Some(gate) = &self.settings.gate {
            gate.memory().forget_all();
        }
    }

    /// The batcher is dropped inside one of its own handlers, which it can not wait for. Workers go on and end when
    /// everything is handled; without workers, what waits is given up. Returns how many items that were.
    pub(crate) fn abandon(&self) -> u64 {
        self.begin_close();
        self.orphaned.store(true, SeqCst);
        self.bell.wake_all();
        if self.settings.mode == Mode::Thread || self.closing.swap(true, AcqRel) {
            return 0;
        }
        let items = self.hand_back();
        self.state.store(CLOSED, SeqCst);
        self.wake_everybody();
        items.len() as u64
    }

    /// Whether workers end as soon as nothing waits.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.orphaned.load(SeqCst)
    }

    /// Refuses further puts. May be called any number of times.
    fn begin_close(&self) {
        if self.state.compare_exchange(crate::engine::OPEN, DRAINING, SeqCst, SeqCst).is_err() {
            return;
        }
        fence(SeqCst);
        for lane in self.lanes.iter() {
            lane.claim();
            lane.armed.store(0, SeqCst);
            self.active.set(lane.index);
            lane.release_claim();
        }
        barrier::heavy();
        self.wake_everybody();
    }

    /// Waits until every item has an outcome; false when `until_ns` came first.
    pub(crate) fn drain_until(&self, until_ns: u64, is_drained: impl Fn() -> bool) -> bool {
        while !is_drained() {
            if until_ns != NEVER_NS && self.now_ns() >= until_ns {
                return false;
            }
            if self.settings.mode == Mode::Caller && self.handle_next_here() {
                continue;
            }
            self.wait_for_progress(until_ns, || is_drained() || self.could_help());
        }
        true
    }

    /// Collects what waits in the lanes. From here on consumers take nothing.
    fn hand_back(&self) -> Vec<T> {
        self.state.store(HANDING_BACK, SeqCst);
        let mut desk = self.desk();
        let mut items = Vec::new();
        for lane in self.lanes.iter() {
            for batch in self.take_all(&mut desk, lane) {
                self.hand_back_batch(&mut desk, batch, &mut items);
            }
        }
        items
    }

    /// Takes everything out of a lane. What it holds is settled later: tickets and drops are user code, which
    /// must not run under the claim.
    fn take_all(&self, desk: &mut DeskGuard<'_, R>, lane: &Lane<T, R>) -> Vec<Batch<T, R>> {
        lane.claim();
        let batches = std::iter::from_fn(|| self.take_for_hand_back(desk, lane)).collect();
        lane.release_claim();
        batches
    }

    fn take_for_hand_back(&self, desk: &mut DeskGuard<'_, R>, lane: &Lane<T, R>) -> Option<Batch<T, R>> {
        let half = self.inflight.enter();
        let Some(run) = lane.take(&self.slabs, Room::new(u32::MAX, u64::MAX), false) else {
            self.inflight.exit(half);
            return None;
        };
        desk.counts().taken.add(u64::from(run.len));
        Some(Batch::new(run, SealReason::Close, half, std::mem::take(&mut desk.marks)))
    }

    fn hand_back_batch(&self, desk: &mut DeskGuard<'_, R>, mut batch: Batch<T, R>, items: &mut Vec<T>) {
        self.begin(desk.counts(), &mut batch);
        self.handed_back.fetch_add(u64::from(batch.kept), AcqRel);
        items.extend(batch.drain());
        self.finish_handed_back(desk, batch);
    }

    /// Ends a batch whose items were moved out to be handed back.
    pub(crate) fn finish_handed_back(&self, desk: &mut DeskGuard<'_, R>, batch: Batch<T, R>) {
        if self.settings.gate.is_some() {
            let start = batch.run().start;
            let claim = |slot| batch.run().slab().claim(slot);
            let release = |slot| self.release(claim(slot), &TicketError::HandedBack);
            (start..start + batch.kept).for_each(release);
        }
        let (first, end) = batch.run().extras;
        for at in first..end {
            if let Some(ticket) = batch.run().slab().read_extra(at).ticket {
                ticket.settle(Err(TicketError::HandedBack));
            }
        }
        self.finish(desk, batch);
    }

    /// A second close waits for the first and for handlers that outlived it, up to its own deadline.
    pub(crate) fn wait_for_other_close(&self, until_ns: u64) {
        let is_over = || self.state() == CLOSED && self.inflight.is_empty();
        while !is_over() && (until_ns == NEVER_NS || self.now_ns() < until_ns) {
            self.wait_for_progress(until_ns, is_over);
        }
    }
}

/// A snapshot whose counters are of one moment; handlers that still run may need a few tries.
pub(crate) fn at_rest(snapshot: impl Fn() -> Stats) -> Stats {
    let mut stats = snapshot();
    for _ in 0..1000 {
        if stats.is_balanced() {
            break;
        }
        crate::sync::thread::yield_now();
        stats = snapshot();
    }
    stats
}

/// Drops the items and the tickets' ends of a run that nobody will handle.
pub(crate) fn dispose<T, R>(run: &Run<T, R>) {
    for at in run.extras.0..run.extras.1 {
        drop(run.slab().read_extra(at));
    }
    for slot in run.start..run.start + run.len {
        let item = run.slab().read(slot);
        shielded(|| drop(item));
    }
}
