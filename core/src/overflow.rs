//! What a full queue does to a put: wait for room, refuse the item, drop it, or lend a hand.

use crate::clock::{NEVER_NS, nanoseconds};
use crate::engine::{Engine, Mode};
use crate::error::PutError;
use crate::failure::FailureKind;
use crate::handler;
use crate::options::Overflow;
use crate::put::Parcel;
use crate::sync::{spin_loop, thread};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

/// How long a put may wait for room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As the batcher's overflow policy says.
    Policy,
    Never,
    UntilNs(u64),
}

impl<T, R> Engine<T, R> {
    /// What to do with a parcel that found the queue full: wait and try again, or refuse it.
    pub(crate) fn overflow(
        &self,
        parcel: Parcel<T, R>,
        patience: &mut Patience,
    ) -> Result<Parcel<T, R>, PutError<T>> {
        let Some(until_ns) = self.resolve(patience) else { return Err(PutError::Full(parcel.into_item())) };
        if self.lends() && self.handle_one_here() {
            return Ok(parcel);
        }
        if handler::is_inside(self.id) {
            return Err(PutError::Reentrant(parcel.into_item()));
        }
        if self.wait_for_room(self.charged(parcel.weight), until_ns) {
            Ok(parcel)
        } else {
            Err(PutError::TimedOut(parcel.into_item()))
        }
    }

    /// Until when to wait for room; `None` is not to wait. A time to wait becomes a point in time at the first
    /// call.
    fn resolve(&self, patience: &mut Patience) -> Option<u64> {
        match (*patience, self.settings.overflow) {
            (Patience::UntilNs(until_ns), _) => Some(until_ns),
            (Patience::Never, _) | (_, Overflow::Fail | Overflow::DropNewest) => None,
            (Patience::Policy, Overflow::Block | Overflow::RunInCaller) => Some(NEVER_NS),
            (Patience::Policy, Overflow::BlockFor(time)) => {
                let until_ns = self.now_ns().saturating_add(nanoseconds(time));
                *patience = Patience::UntilNs(until_ns);
                Some(until_ns)
            }
        }
    }

    /// Whether the policy is to drop what a full queue cannot take.
    pub(crate) fn drops(&self, patience: Patience) -> bool {
        patience == Patience::Policy && self.settings.overflow == Overflow::DropNewest
    }

    /// Counts and tells of items that were dropped.
    pub(crate) fn count_dropped(&self, items: u64) {
        self.dropped.fetch_add(items, Relaxed);
        self.report(FailureKind::Dropped, items, 0, None);
    }

    /// Counts a refusal; under the policy to drop, turns it into a drop.
    pub(crate) fn refuse(&self, error: PutError<T>, patience: Patience) -> Result<(), PutError<T>> {
        match error {
            PutError::Full(item) if self.drops(patience) => {
                drop(item);
                self.count_dropped(1);
                Ok(())
            }
            error => Err(self.refused(error)),
        }
    }

    /// Counts a refusal that is never a drop.
    pub(crate) fn refused(&self, error: PutError<T>) -> PutError<T> {
        // Duplicates are counted where they are found, in the window.
        if !matches!(error, PutError::Duplicate(_)) {
            self.refused.fetch_add(1, Relaxed);
        }
        error
    }

    /// A submitted item is never dropped silently: its submitter waits for the outcome.
    pub(crate) fn submit_patience(&self, patience: Patience) -> Patience {
        if self.settings.overflow == Overflow::DropNewest { Patience::Never } else { patience }
    }

    /// Waits until there may be room; false when `until_ns` came first.
    pub(crate) fn wait_for_room(&self, charge: u64, until_ns: u64) -> bool {
        for _ in 0..self.settings.idle.yields {
            spin_loop();
            thread::yield_now();
            if self.has_room(charge) {
                return true;
            }
        }
        self.pressure.fetch_add(1, SeqCst);
        let enlisted = self.room.enlist();
        self.bell.wake_one();
        let is_over = || until_ns != NEVER_NS && self.now_ns() >= until_ns;
        // A consumer may have held the lanes when this thread looked for a batch to lend a hand with.
        let can_lend = self.lends() && self.has_waiting();
        if self.has_room(charge) || !self.is_open() || is_over() || can_lend {
            enlisted.leave();
            // Whoever keeps the lanes from this thread may need its core.
            thread::yield_now();
        } else {
            self.settings.clock.park_until(until_ns);
            enlisted.parked();
        }
        self.pressure.fetch_sub(1, SeqCst);
        self.has_room(charge) || !self.is_open() || !is_over()
    }

    /// Whether a putter of a full queue handles batches itself.
    fn lends(&self) -> bool {
        let lends = self.settings.mode == Mode::Caller || self.settings.overflow == Overflow::RunInCaller;
        lends && self.settings.handler.is_some() && !handler::is_inside(self.id)
    }

    fn has_room(&self, charge: u64) -> bool {
        self.items.room() > 0 && self.bytes.room() >= charge
    }
}
