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
use crate::sync::lock;
use std::sync::atomic::Ordering::SeqCst;

impl<T, R> Engine<T, R> {
    pub(crate) fn flush(&self, until_ns: u64) -> Result<(), FlushError> {
        if handler::is_inside(self.id) {
            return Err(FlushError::InHandler);
        }
        if !self.is_open() {
            return Err(FlushError::Closed);
        }
        let _one_at_a_time = lock(&self.flushing);
        self.lanes.iter().for_each(Lane::mark_for_flush);
        self.flushes.fetch_add(1, SeqCst);
        self.bell.wake_all();
        let taken = self.wait_until(until_ns, || !self.lanes.iter().any(Lane::flush_wants_more));
        self.flushes.fetch_sub(1, SeqCst);
        taken?;
        let older = self.inflight.turn();
        self.wait_until(until_ns, || self.inflight.is_half_empty(older))
    }

    /// Waits for consumers to make `reached` true; in caller mode does their work meanwhile.
    fn wait_until(&self, until_ns: u64, reached: impl Fn() -> bool) -> Result<(), FlushError> {
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
            self.wait_for_progress(until_ns, &reached);
        }
        Ok(())
    }

    /// Parks until a batch is finished, the state changes, or `until_ns`.
    pub(crate) fn wait_for_progress(&self, until_ns: u64, reached: impl Fn() -> bool) {
        let state = self.state();
        let enlisted = self.progress.enlist();
        if reached() || self.state() != state {
            return enlisted.leave();
        }
        self.settings.clock.park_until(until_ns);
        enlisted.parked();
    }

    /// Takes the next batch that is due to anybody and handles it on this thread.
    pub(crate) fn handle_next_here(&self) -> bool {
        let Some(handler) = self.settings.handler.clone() else { return false };
        let mut desk = self.desk();
        let Some(batch) = self.try_next(&mut desk, crate::dispatch::Role::Worker) else { return false };
        self.handle(&mut desk, batch, &mut |batch| handler(batch));
        true
    }
}
