//! The entrance: which lane a put uses, and the loop around a full queue. It serves the batcher's `&self` puts,
//! the producer's and the ordered ones alike.

use crate::clock::NEVER_NS;
use crate::engine::Engine;
use crate::error::{PutError, PutManyError};
use crate::gate::{Admission, Claim, Pending};
use crate::lane::writer::Fast;
use crate::lane::{Lane, LaneProducer};
use crate::options::ItemOptions;
use crate::ordered::OrderedGuard;
use crate::overflow::Patience;
use crate::put::{Entry, EntryMany, Parcel};
use crate::taking::Taking;
use crate::ticket::{Ticket, TicketEnd};
use std::sync::atomic::Ordering::Relaxed;

/// The lane that a put goes to.
pub(crate) enum Entrance<'a, T, R> {
    /// A lane that the calling thread owns.
    Own(&'a Lane<T, R>),
    /// The one lane of an ordered batcher, behind its lock.
    Ordered(&'a Lane<T, R>),
    /// A lane borrowed for one call, by a thread that is ending.
    Borrowed(&'a Lane<T, R>),
}

impl<T, R> Drop for Entrance<'_, T, R> {
    fn drop(&mut self) {
        if let Self::Borrowed(lane) = self {
            lane.disown();
        }
    }
}

impl<T, R> Entrance<'_, T, R> {
    fn lane(&self) -> &Lane<T, R> {
        match self {
            Self::Own(lane) | Self::Ordered(lane) | Self::Borrowed(lane) => lane,
        }
    }

    /// Runs `act` as the lane's producer. `act` must not run user code, nor come here again.
    #[inline]
    pub(crate) fn with<A>(&self, engine: &Engine<T, R>, act: impl FnOnce(LaneProducer<'_, T, R>) -> A) -> A {
        let _order = matches!(self, Self::Ordered(_)).then(|| OrderedGuard::lock(&engine.ordered));
        // SAFETY: the thread owns the lane, or holds the lock of the ordered one; `act` is one step of ours.
        act(unsafe { self.lane().producer() })
    }
}

impl<T, R> Engine<T, R> {
    pub(crate) fn put(
        &self,
        entrance: &Entrance<'_, T, R>,
        item: T,
        patience: Patience,
    ) -> Result<(), PutError<T>> {
        // One visit: an ordered lane must not be left between a put that fills the slab and its seal.
        let visit = |mut producer: LaneProducer<'_, T, R>| match producer.put_fast(item) {
            Fast::Published => Ok(None),
            Fast::LookAgain => Ok(Some(self.look_again(&mut producer))),
            Fast::NotWritten(item) => Err(item),
        };
        match entrance.with(self, visit) {
            Ok(None) => Ok(()),
            Ok(Some(entry)) => self.conclude(entrance, entry),
            Err(item) => self.put_with(entrance, item, ItemOptions::new(), patience),
        }
    }

    /// As [`put`](Self::put) into the ordered lane, by its shortest path. Inlined into one function of each handle: a
    /// call more would be a fifth of it.
    #[inline(always)]
    pub(crate) fn put_ordered(&self, lane: &Lane<T, R>, item: T) -> Result<(), PutError<T>> {
        let order = OrderedGuard::lock(&self.ordered);
        // SAFETY: the lock makes this thread the lane's producer.
        let mut producer = unsafe { lane.producer() };
        match producer.put_fast(item) {
            Fast::Published => Ok(()),
            Fast::LookAgain => {
                let entry = self.look_again(&mut producer);
                drop(order);
                self.conclude(&Entrance::Ordered(lane), entry)
            }
            Fast::NotWritten(item) => {
                drop(order);
                self.put_with(&Entrance::Ordered(lane), item, ItemOptions::new(), Patience::Policy)
            }
        }
    }

    /// The rare end of a fast put into a lane of one's own.
    #[cold]
    #[inline(never)]
    pub(crate) fn look_again_at(&self, lane: &Lane<T, R>) -> Result<(), PutError<T>> {
        let entrance = Entrance::Own(lane);
        let entry = entrance.with(self, |mut producer| self.look_again(&mut producer));
        self.conclude(&entrance, entry)
    }

    /// The rare ends of a fast put.
    #[cold]
    fn conclude(&self, entrance: &Entrance<'_, T, R>, entry: Entry<T, R>) -> Result<(), PutError<T>> {
        match entry {
            Entry::Accepted { sealed: false } => Ok(()),
            Entry::Accepted { sealed: true } => {
                self.handle_sealed_here(entrance.lane().index);
                Ok(())
            }
            Entry::Closed(item) => Err(self.refused(PutError::Closed(item))),
            Entry::Full(parcel) => Err(self.refused(PutError::Full(parcel.into_item()))),
        }
    }

    #[inline(never)]
    pub(crate) fn put_with(
        &self,
        entrance: &Entrance<'_, T, R>,
        item: T,
        options: ItemOptions,
        patience: Patience,
    ) -> Result<(), PutError<T>> {
        let weight = self.weigh(&item);
        let parcel = match self.claim(&item) {
            Ok(claim) => self.parcel(item, weight, claim),
            Err(refusal) => Err(refusal.of(item)),
        };
        match parcel {
            Ok(parcel) => self.deliver(entrance, self.timed(parcel, options), patience),
            Err(error) => self.refuse(error, patience),
        }
    }

    pub(crate) fn submit(
        &self,
        entrance: &Entrance<'_, T, R>,
        item: T,
        options: ItemOptions,
        patience: Patience,
    ) -> Result<Ticket<R>, PutError<T>> {
        let weight = self.weigh(&item);
        let parcel = match self.parcel(item, weight, Claim::NONE) {
            Ok(parcel) => self.timed(parcel, options),
            Err(error) => return Err(self.refused(error)),
        };
        let (ticket, end) = entrance.with(self, |mut producer| producer.tickets().issue(parcel.deadline_ns));
        if self.settings.gate.is_some() {
            self.submit_claimed(entrance, parcel, end, patience)?;
        } else {
            self.deliver(entrance, Parcel { ticket: Some(end), ..parcel }, self.submit_patience(patience))?;
        }
        Ok(ticket)
    }

    /// Submits a parcel whose key is new; or lets its ticket join the first one of its key.
    fn submit_claimed(
        &self,
        entrance: &Entrance<'_, T, R>,
        parcel: Parcel<T, R>,
        end: TicketEnd<R>,
        patience: Patience,
    ) -> Result<(), PutError<T>> {
        match self.claim_or_join(&parcel.item, end) {
            Admission::New(claim, end) => {
                let parcel = Parcel { claim, ticket: Some(end), ..parcel };
                self.deliver(entrance, parcel, self.submit_patience(patience))
            }
            Admission::Joined => {
                self.count_joined();
                Ok(())
            }
            Admission::Refused(refusal, end) => {
                end.discard();
                Err(self.refused(refusal.of(parcel.item)))
            }
        }
    }

    /// Turns what the item asks for into points in time.
    pub(crate) fn timed(&self, parcel: Parcel<T, R>, options: ItemOptions) -> Parcel<T, R> {
        let Some(pull_ns) = options.pull_ns() else { return parcel };
        let now_ns = self.now_ns();
        let deadline_ns =
            options.deadline_ns.map_or(NEVER_NS, |deadline_ns| now_ns.saturating_add(deadline_ns));
        Parcel { deadline_ns, pull_ns: now_ns.saturating_add(pull_ns), ..parcel }
    }

    fn deliver(
        &self,
        entrance: &Entrance<'_, T, R>,
        parcel: Parcel<T, R>,
        patience: Patience,
    ) -> Result<(), PutError<T>> {
        self.deliver_or(entrance, parcel, patience).or_else(|error| self.refuse(error, patience))
    }

    /// Puts a parcel into its lane, or releases its claim. A refusal is not counted yet.
    #[inline]
    fn deliver_or(
        &self,
        entrance: &Entrance<'_, T, R>,
        parcel: Parcel<T, R>,
        patience: Patience,
    ) -> Result<(), PutError<T>> {
        let sealed = if parcel.claim == Claim::NONE {
            self.enter_or(entrance, parcel, patience)?
        } else {
            let pending = Pending::new(self, parcel.claim);
            let sealed = self.enter_or(entrance, parcel, patience)?;
            pending.keep();
            sealed
        };
        if sealed {
            self.handle_sealed_here(entrance.lane().index);
        }
        Ok(())
    }

    /// Puts a parcel into its lane, waiting for room as long as `patience` says. True when the caller must handle what
    /// that sealed.
    #[inline]
    fn enter_or(
        &self,
        entrance: &Entrance<'_, T, R>,
        mut parcel: Parcel<T, R>,
        mut patience: Patience,
    ) -> Result<bool, PutError<T>> {
        loop {
            match entrance.with(self, |mut producer| self.enter(&mut producer, parcel)) {
                Entry::Accepted { sealed } => return Ok(sealed),
                Entry::Closed(item) => return Err(PutError::Closed(item)),
                Entry::Full(full) => parcel = self.overflow(full, &mut patience)?,
            }
        }
    }

    pub(crate) fn put_many(
        &self,
        entrance: &Entrance<'_, T, R>,
        mut items: Taking<'_, T>,
        patience: Patience,
    ) -> Result<usize, PutManyError> {
        if self.settings.weigher.is_some() || self.settings.gate.is_some() {
            return self.put_each(entrance, &mut items, patience);
        }
        let mut wait = patience;
        while items.len() > 0 {
            match entrance.with(self, |mut producer| self.enter_many(&mut producer, &mut items)) {
                EntryMany::Accepted { sealed: true } => self.handle_sealed_here(entrance.lane().index),
                EntryMany::Accepted { sealed: false } => {}
                EntryMany::Closed => {
                    let Some(item) = items.next() else { break };
                    return self.refuse_many(&mut items, PutError::Closed(item), patience);
                }
                EntryMany::Full => {
                    if let Err(error) = self.make_way(&mut items, &mut wait) {
                        return self.refuse_many(&mut items, error, patience);
                    }
                }
            }
        }
        Ok(items.taken())
    }

    /// Puts weighed or deduplicated items one by one; duplicates stay in the vector. Each is weighed, and its key is
    /// claimed, where it lies: if the user's code panics, it is not lost.
    fn put_each(
        &self,
        entrance: &Entrance<'_, T, R>,
        items: &mut Taking<'_, T>,
        patience: Patience,
    ) -> Result<usize, PutManyError> {
        while let Some(first) = items.peek() {
            let (weight, claim) = (self.weigh(first), self.claim(first));
            let Some(item) = items.next() else { break };
            let parcel = match claim {
                Ok(claim) => self.parcel(item, weight, claim),
                Err(refusal) => Err(refusal.of(item)),
            };
            let put = parcel.and_then(|parcel| self.deliver_or(entrance, parcel, patience));
            match put {
                Ok(()) => {}
                Err(PutError::Duplicate(item)) => items.keep(item),
                Err(error) => return self.refuse_many(items, error, patience),
            }
        }
        all_taken(items.taken(), items.kept())
    }

    /// The queue is full in the middle of many: the first one left waits, or is refused, for all.
    fn make_way(&self, items: &mut Taking<'_, T>, wait: &mut Patience) -> Result<(), PutError<T>> {
        let Some(item) = items.next() else { return Ok(()) };
        let parcel = self.parcel(item, 0, Claim::NONE)?;
        let parcel = self.overflow(parcel, wait)?;
        items.put_back(parcel.item);
        Ok(())
    }

    /// Ends a put of many at an item that was refused: it goes back to the front, and all that is left is
    /// counted as refused, or dropped under that policy.
    fn refuse_many(
        &self,
        items: &mut Taking<'_, T>,
        error: PutError<T>,
        patience: Patience,
    ) -> Result<usize, PutManyError> {
        let accepted = items.taken() - 1;
        let (error, item) = PutManyError::of(error, accepted);
        items.put_back(item);
        if self.drops(patience) && matches!(error, PutManyError::Full { .. }) {
            let dropped = items.drop_rest();
            self.count_dropped(dropped);
            return all_taken(accepted, items.kept());
        }
        self.refused.fetch_add(items.len() as u64, Relaxed);
        Err(error)
    }
}

/// The end of a put of many that took everything but the duplicates.
fn all_taken(accepted: usize, duplicates: usize) -> Result<usize, PutManyError> {
    match duplicates {
        0 => Ok(accepted),
        duplicates => Err(PutManyError::Duplicates { accepted, duplicates }),
    }
}
