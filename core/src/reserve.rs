//! Reserving and committing a slot: see [`crate::lane::writer`] for its states.

use crate::engine::Engine;
use crate::entrance::Entrance;
use crate::error::PutError;
use crate::lane::Lane;
use crate::lane::writer::Fast;
use crate::overflow::Patience;
use crate::slab::Slab;
use std::ptr::NonNull;

impl<T, R> Engine<T, R> {
    /// Lends the next slot of a lane that the calling thread owns.
    pub(crate) fn reserve(&self, entrance: &Entrance<'_, T, R>) -> Option<NonNull<T>>
    where
        T: Copy,
    {
        let is_own = matches!(entrance, Entrance::Own(_));
        is_own.then(|| entrance.with(self, |mut producer| producer.reserve())).flatten()
    }

    /// Puts what was written into the room. `None`: it is not this thread's reservation.
    ///
    /// # Safety
    /// The room was written, if it is a reservation.
    pub(crate) unsafe fn commit(
        &self,
        entrance: &Entrance<'_, T, R>,
        room: NonNull<T>,
    ) -> Option<Result<(), PutError<T>>>
    where
        T: Copy,
    {
        let Entrance::Own(lane) = entrance else { return None };
        match entrance.with(self, |mut producer| producer.commit_fast(room)) {
            Fast::Published => Some(Ok(())),
            Fast::LookAgain => {
                let put = self.look_again_at(lane);
                if put.is_err() {
                    // The item was taken back: the next slot is the one that it was written into.
                    entrance.with(self, |mut producer| producer.reserve());
                }
                Some(put)
            }
            // SAFETY: the caller's promise.
            Fast::NotWritten(()) => unsafe { self.commit_slowly(entrance, room) },
        }
    }

    /// As [`commit`](Self::commit), by an ordinary put of a copy.
    #[cold]
    unsafe fn commit_slowly(
        &self,
        entrance: &Entrance<'_, T, R>,
        room: NonNull<T>,
    ) -> Option<Result<(), PutError<T>>>
    where
        T: Copy,
    {
        // SAFETY: the caller's promise.
        let item = entrance.with(self, |mut producer| unsafe { producer.begin_commit(room) })?;
        let put = self.put(entrance, item, Patience::Policy);
        match put {
            Ok(()) => {
                self.end_reservation(entrance, Some(room));
            }
            Err(_) => entrance.with(self, |mut producer| producer.refuse_commit()),
        }
        Some(put)
    }

    /// Gives the room up; false when it is not this thread's reservation.
    pub(crate) fn end_reservation(&self, entrance: &Entrance<'_, T, R>, room: Option<NonNull<T>>) -> bool {
        let is_own = matches!(entrance, Entrance::Own(_));
        is_own && entrance.with(self, |mut producer| self.recycle(producer.end_reservation(room)))
    }

    /// Ends what a thread that leaves its lane has reserved there.
    pub(crate) fn abandon_reservation(&self, lane: &Lane<T, R>) {
        // SAFETY: the lane is the calling thread's until it is disowned, and none of ours is in it now.
        let ended = unsafe { lane.producer() }.end_reservation(None);
        self.recycle(ended);
    }

    fn recycle(&self, ended: Option<Option<&Slab<T, R>>>) -> bool {
        if let Some(Some(slab)) = ended {
            self.slabs.give(slab);
        }
        ended.is_some()
    }
}
