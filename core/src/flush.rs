//! Flush: a barrier. Everything accepted before it has its outcome when it returns.
//!
//! 1. One flush at a time marks, in each lane, how many items were accepted so far.
//! 2. Consumers treat a lane whose mark is not reached as due. They take strictly in order, so the mark is
//!    reached when everything before it was taken. Items put meanwhile may be taken along, but the mark does
//!    not move: they can not prolong the flush.
//! 3. Then the flush turns the count of batches in flight and waits for the older half to empty
//!    (see [`crate::inflight`]).
//!
//! In caller mode the flushing thread takes and handles the batches itself.

use crate::clock::NEVER_NS;
use crate::engine::{Engine, HANDING_BACK, Mode};
use crate::error::FlushError;
use crate::handler;
use crate::lane::Lane;
use crate::sync::thread;
use std::cell::Cell;
use std::sync::atomic::Ordering::SeqCst;

impl<T, R> Engine<T, R> {
    pub(crate) fn flush(&self, until_ns: u64) -> Result<(), FlushError> {
        self.flush_alone(
            until_ns,
            || {
                self.lanes.iter().for_each(Lane::mark_for_flush);
                self.bell.wake_all();
            },
            || !self.lanes.iter().any(Lane::flush_wants_more),
        )
    }

    /// Seals everything with `seal`, waits until it is `taken`, and then until what was in flight has its
    /// outcome; the waiting is done by one flush at a time.
    pub(crate) fn flush_alone(
        &self,
        until_ns: u64,
        seal: impl Fn(),
        taken: impl Fn() -> bool,
    ) -> Result<(), FlushError> {
        if handler::is_inside(self.id) {
            return Err(FlushError::InHandler);
        }
        if !self.is_open() {
            return Err(FlushError::Closed);
        }
        seal();
        let is_mine = Cell::new(false);
        self.wait_until(until_ns, || {
            is_mine.set(is_mine.get() || self.flushing.compare_exchange(false, true, SeqCst, SeqCst).is_ok());
            is_mine.get()
        })?;
        let flushed = self.wait_until(until_ns, taken).and_then(|()| self.wait_for_flight(until_ns));
        self.flushing.store(false, SeqCst);
        self.progress.wake_all();
        flushed
    }

    fn wait_for_flight(&self, until_ns: u64) -> Result<(), FlushError> {
        let idle = self.inflight.idle_half();
        self.wait_until(until_ns, || self.inflight.is_half_empty(idle))?;
        let older = self.inflight.turn();
        self.wait_until(until_ns, || self.inflight.is_half_empty(older))
    }

    /// Waits for consumers to make `reached` true; in caller mode does their work meanwhile.
    pub(crate) fn wait_until(&self, until_ns: u64, reached: impl Fn() -> bool) -> Result<(), FlushError> {
        while !reached() {
            if self.state() >= HANDING_BACK {
                return Err(FlushError::Closed);
            }
            if until_ns != NEVER_NS && self.now_ns() >= until_ns {
                return Err(FlushError::TimedOut);
            }
            if self.settings.mode == Mode::Caller && self.handle_next_here() {
                continue;
            }
            self.wait_for_progress(until_ns, || {
                reached() || self.state() >= HANDING_BACK || self.could_help()
            });
        }
        Ok(())
    }

    /// Parks until a batch is finished, the close moves on, or `until_ns`; not if `reached` already.
    pub(crate) fn wait_for_progress(&self, until_ns: u64, reached: impl Fn() -> bool) {
        let enlisted = self.progress.enlist();
        if reached() {
            enlisted.leave();
            return thread::yield_now();
        }
        self.settings.clock.park_until(until_ns);
        enlisted.parked();
    }
}
