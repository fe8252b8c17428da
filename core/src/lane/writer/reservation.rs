//! A reservation: the slot that the next put would use, lent to a caller who writes the item there.
//!
//! ```text
//! none  -reserve->  here  -commit->  published where it lies: none
//!                   here  -another put comes first->  passed: the slab is sealed in front of the room, and held
//!                   here or passed  -commit by the slow path->  committing: copied from the room, held meanwhile
//!                   committing  -accepted->  none           -refused->  here or passed, as before
//! ```
//!
//! 1. *reserve*: the fast path is switched off (`limit = pos`), so that whatever else the thread puts comes by.
//! 2. *commit*, here and in an open batch: the item is published, as by a fast put.
//! 3. Otherwise the item is copied by an ordinary put. Whoever must leave the slab that the room lies in holds it
//!    first: a consumer touches no slot that was not published, and a held slab is not used again.
//!
//! All of it belongs to the producer's thread; consumers know nothing of it.

use super::{Fast, LaneProducer};
use crate::slab::Slab;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::Relaxed;

pub(super) struct Reservation<T, R> {
    room: NonNull<T>,
    slab: NonNull<Slab<T, R>>,
    is_held: bool,
    is_committing: bool,
}

impl<T, R> Reservation<T, R> {
    /// Whether puts must keep off the fast path, which would write into the room.
    pub(super) fn bars_the_fast_path(&self) -> bool {
        !self.is_committing
    }

    fn hold(&mut self) {
        if !self.is_held {
            // SAFETY: the slab is the lane's open one or was held before, so it is not recycled.
            unsafe { self.slab.as_ref() }.hold();
            self.is_held = true;
        }
    }
}

impl<'a, T: Copy, R> LaneProducer<'a, T, R> {
    /// Lends the next slot, unless it is lent already.
    pub(crate) fn reserve(&mut self) -> Option<NonNull<T>> {
        let writer = &mut *self.writer;
        if writer.reservation.is_some() || writer.pos == writer.capacity {
            return None;
        }
        let room = NonNull::new(writer.slots.wrapping_add(writer.pos as usize))?;
        let slab = writer.slab;
        writer.reservation = Some(Reservation { room, slab, is_held: false, is_committing: false });
        writer.set_limit();
        Some(room)
    }

    /// Publishes what was written into the room, if that is all there is to do.
    #[inline]
    pub(crate) fn commit_fast(&mut self, room: NonNull<T>) -> Fast<()> {
        let pos = self.writer.pos;
        let is_next = room.as_ptr() == self.writer.slots.wrapping_add(pos as usize);
        if !is_next || !self.is_reserved(room) || self.lane.armed.load(Relaxed) == 0 {
            return Fast::NotWritten(());
        }
        let reservation = self.writer.reservation.take();
        self.writer.set_limit();
        if pos == self.writer.limit || reservation.as_ref().is_some_and(|reservation| reservation.is_held) {
            self.writer.reservation = reservation;
            self.writer.set_limit();
            return Fast::NotWritten(());
        }
        self.publish_fast(pos)
    }

    fn is_reserved(&self, room: NonNull<T>) -> bool {
        let own = self.writer.reservation.as_ref();
        own.is_some_and(|reservation| reservation.room == room && !reservation.is_committing)
    }

    /// Begins a commit by way of a put: holds the room, and gives the item that is in it.
    ///
    /// # Safety
    /// The room was written.
    pub(crate) unsafe fn begin_commit(&mut self, room: NonNull<T>) -> Option<T> {
        if !self.is_reserved(room) {
            return None;
        }
        let reservation = self.writer.reservation.as_mut()?;
        reservation.hold();
        reservation.is_committing = true;
        self.writer.set_limit();
        // SAFETY: the room is a slot of a held slab, nobody else's, and was written.
        Some(unsafe { room.read() })
    }

    /// The put was refused: the room is the caller's as before.
    pub(crate) fn refuse_commit(&mut self) {
        if let Some(reservation) = &mut self.writer.reservation {
            reservation.is_committing = false;
        }
        self.writer.set_limit();
    }
}

impl<'a, T, R> LaneProducer<'a, T, R> {
    /// Whether a put would write into lent room.
    pub(crate) fn must_pass_a_reservation(&self) -> bool {
        let own = self.writer.reservation.as_ref();
        own.is_some_and(|reservation| {
            reservation.bars_the_fast_path() && reservation.slab == self.writer.slab
        })
    }

    /// Holds the room that a put is about to leave behind.
    pub(crate) fn hold_reservation(&mut self) {
        if let Some(reservation) = &mut self.writer.reservation {
            reservation.hold();
        }
    }

    /// Ends the reservation of that room, or of any. `Some`: there was one; with the slab, if it must be recycled.
    pub(crate) fn end_reservation(&mut self, room: Option<NonNull<T>>) -> Option<Option<&'a Slab<T, R>>> {
        let reservation = self.writer.reservation.take_if(|own| room.is_none_or(|room| own.room == room))?;
        self.writer.set_limit();
        // SAFETY: slabs live as long as the engine.
        let slab = unsafe { reservation.slab.as_ref() };
        Some((reservation.is_held && slab.let_go()).then_some(slab))
    }
}
