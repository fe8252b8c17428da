//! Threads that lend a hand: a caller that handles what its put has filled, a putter of a full queue, a flush or a
//! close in caller mode.

use crate::desk::DeskGuard;
use crate::dispatch::{Look, Role};
use crate::engine::{Engine, Mode};
use crate::handler;
use std::sync::atomic::Ordering::SeqCst;

impl<T, R> Engine<T, R> {
    /// Handles one batch on this thread, whatever waits; false when there is nothing to handle here.
    pub(crate) fn handle_one_here(&self) -> bool {
        let Some(handler) = self.settings.handler.clone() else { return false };
        if handler::is_inside(self.id) {
            return false;
        }
        let mut desk = self.desk();
        let Some(batch) = self.take_anything(&mut desk) else { return false };
        self.handle(&mut desk, batch, &mut |batch| handler(batch));
        true
    }

    /// Whether this thread, in caller mode, has something to handle: another caller may have let go of a lane just
    /// before.
    pub(crate) fn could_help(&self) -> bool {
        self.settings.mode == Mode::Caller && self.has_work(Role::Worker, Look::Thorough)
    }

    /// Takes the next batch that is due to anybody and handles it on this thread.
    pub(crate) fn handle_next_here(&self) -> bool {
        let Some(handler) = self.settings.handler.clone() else { return false };
        let mut desk = self.desk();
        let Some(batch) = self.try_next(&mut desk, Role::Worker) else { return false };
        self.handle(&mut desk, batch, &mut |batch| handler(batch));
        true
    }

    /// Handles the sealed slabs of a lane that this thread has just put to: the end of a put that filled a batch,
    /// in caller mode. Inside a handler they are left to the put that runs it.
    pub(crate) fn handle_sealed_here(&self, lane: usize) {
        let Some(handler) = self.settings.handler.clone() else { return };
        if handler::is_inside(self.id) {
            self.left_sealed.store(true, SeqCst);
            return;
        }
        let mut desk: DeskGuard<'_, R> = self.desk();
        while let Some(batch) = self.take_sealed_of(&mut desk, lane) {
            self.handle(&mut desk, batch, &mut |batch| handler(batch));
        }
        while self.left_sealed.swap(false, SeqCst) {
            while let Some(batch) = self.take_any_sealed(&mut desk) {
                self.handle(&mut desk, batch, &mut |batch| handler(batch));
            }
        }
    }
}
