//! The entrance: which lane a put uses, and the loop around a full queue. It serves the batcher's `&self` puts,
//! the producer's and the ordered ones alike.

use crate::clock::NEVER_NS;
use crate::engine::Engine;
use crate::error::{PutError, PutManyError};
use crate::lane::writer::Fast;
use crate::lane::{Lane, LaneProducer};
use crate::options::ItemOptions;
use crate::ordered::OrderedGuard;
use crate::put::{Entry, EntryMany, Parcel, Patience, Taking};
use crate::ticket::Ticket;

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
    fn with<A>(&self, engine: &Engine<T, R>, act: impl FnOnce(LaneProducer<'_, T, R>) -> A) -> A {
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
    pub(crate) fn conclude(
        &self,
        entrance: &Entrance<'_, T, R>,
        entry: Entry<T, R>,
    ) -> Result<(), PutError<T>> {
        match entry {
            Entry::Accepted { sealed } => {
                if sealed {
                    self.handle_sealed_here(entrance.lane().index);
                }
                Ok(())
            }
            Entry::Closed(item) => self.refuse(PutError::Closed(item), Patience::Never),
            Entry::Full(parcel) => self.refuse(PutError::Full(parcel.item), Patience::Never),
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
        match self.parcel(item) {
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
        let parcel = match self.parcel(item) {
            Ok(parcel) => self.timed(parcel, options),
            Err(error) => return Err(self.refused(error)),
        };
        let (ticket, end) = entrance.with(self, |mut producer| producer.tickets().issue(parcel.deadline_ns));
        self.deliver(entrance, Parcel { ticket: Some(end), ..parcel }, self.submit_patience(patience))?;
        Ok(ticket)
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
        mut parcel: Parcel<T, R>,
        mut patience: Patience,
    ) -> Result<(), PutError<T>> {
        let asked = patience;
        loop {
            match entrance.with(self, |mut producer| self.enter(&mut producer, parcel)) {
                Entry::Full(full) => match self.overflow(full, &mut patience) {
                    Ok(again) => parcel = again,
                    Err(error) => return self.refuse(error, asked),
                },
                entry => return self.conclude(entrance, entry),
            }
        }
    }

    pub(crate) fn put_many(
        &self,
        entrance: &Entrance<'_, T, R>,
        items: &mut Vec<T>,
        patience: Patience,
    ) -> Result<usize, PutManyError> {
        let mut items = Taking::new(items);
        if self.settings.weigher.is_some() {
            return self.put_each(entrance, &mut items, patience);
        }
        let mut wait = patience;
        while items.len() > 0 {
            match entrance.with(self, |mut producer| self.enter_many(&mut producer, &mut items)) {
                EntryMany::Accepted { sealed: true } => self.handle_sealed_here(entrance.lane().index),
                EntryMany::Accepted { sealed: false } => {}
                EntryMany::Closed => return self.refuse_many(&mut items, PutError::Closed, patience),
                EntryMany::Full => self.make_way(entrance, &mut items, &mut wait, patience)?,
            }
        }
        Ok(items.taken())
    }

    /// Puts weighed items one by one: each must be weighed before it is near a lane.
    fn put_each(
        &self,
        entrance: &Entrance<'_, T, R>,
        items: &mut Taking<'_, T>,
        patience: Patience,
    ) -> Result<usize, PutManyError> {
        while let Some(item) = items.next() {
            if let Err(error) = self.put_with(entrance, item, ItemOptions::new(), patience) {
                let (error, item) = PutManyError::of(error, items.taken() - 1);
                items.put_back(item);
                return Err(error);
            }
        }
        Ok(items.taken())
    }

    /// The queue is full in the middle of many: the first one left waits, or is refused, for all.
    fn make_way(
        &self,
        entrance: &Entrance<'_, T, R>,
        items: &mut Taking<'_, T>,
        wait: &mut Patience,
        patience: Patience,
    ) -> Result<(), PutManyError> {
        let Some(item) = items.next() else { return Ok(()) };
        let parcel = Parcel { item, weight: 0, ticket: None, deadline_ns: NEVER_NS, pull_ns: NEVER_NS };
        let accepted = items.taken() - 1;
        let error = match self.overflow(parcel, wait) {
            Ok(parcel) => match entrance.with(self, |mut producer| self.enter(&mut producer, parcel)) {
                Entry::Full(parcel) => {
                    items.put_back(parcel.item);
                    return Ok(());
                }
                entry => self.conclude(entrance, entry),
            },
            Err(error) => self.refuse(error, patience),
        };
        let Err(error) = error else { return Ok(()) };
        let (error, item) = PutManyError::of(error, accepted);
        items.put_back(item);
        Err(error)
    }

    fn refuse_many(
        &self,
        items: &mut Taking<'_, T>,
        why: impl FnOnce(T) -> PutError<T>,
        patience: Patience,
    ) -> Result<usize, PutManyError> {
        let Some(item) = items.next() else { return Ok(items.taken()) };
        let accepted = items.taken() - 1;
        let Err(error) = self.refuse(why(item), patience) else { return Ok(items.taken()) };
        let (error, item) = PutManyError::of(error, accepted);
        items.put_back(item);
        Err(error)
    }
}
