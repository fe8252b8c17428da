//! A batcher with an open batch per key behind its handle.

use crate::blob::Blob;
use crate::guard::Refusal;
use crate::item::Item;
use crate::key::{Key, KeyRange};
use crate::plain::told;
use crate::receipt::Settlement;
use crate::status::BL_DUPLICATE;
use crate::surface::{Many, Patience, PutOne, Reply, Surface, put_one, unsupported};
use batchline::dedup::WindowStats;
use batchline::{Deadline, FlushError, ItemOptions, KeyedBatcher, Stats, Ticket};
use std::time::Duration;

pub(crate) struct Keyed<T: Item> {
    pub(crate) batcher: KeyedBatcher<Key, T, Reply>,
    pub(crate) record_size: usize,
    pub(crate) range: KeyRange,
}

impl<T: Item> Surface for Keyed<T> {
    fn put_one(&self) -> (PutOne, *const ()) {
        (put_one::<Self>, std::ptr::from_ref(self).cast())
    }

    #[inline]
    fn record_size(&self) -> usize {
        self.record_size
    }

    fn put(&self, item: &[u8]) -> Result<(), Refusal> {
        told(self.batcher.put(&self.range.of(item), T::copied(item)))
    }

    fn put_patiently(&self, item: &[u8], patience: Patience) -> Result<(), Refusal> {
        match patience {
            Patience::Not => told(self.batcher.try_put(&self.range.of(item), T::copied(item))),
            Patience::For(_) => {
                Err(unsupported("a keyed batcher waits as its overflow policy says, or not at all"))
            }
        }
    }

    fn put_with(&self, item: &[u8], options: ItemOptions) -> Result<(), Refusal> {
        told(self.batcher.put_with(&self.range.of(item), T::copied(item), options))
    }

    fn put_many(&self, items: &mut dyn Iterator<Item = &[u8]>) -> Many {
        let (mut accepted, mut duplicate) = (0, None);
        for item in items {
            match self.put(item) {
                Ok(()) => accepted += 1,
                Err(refusal) if refusal.status == BL_DUPLICATE => duplicate = Some(refusal),
                Err(refusal) => return (accepted, Some(refusal)),
            }
        }
        (accepted, duplicate)
    }

    fn put_written(&self, written: Blob) -> Result<(), (Blob, Refusal)> {
        let key = self.range.of(written.bytes());
        T::put_written(written, |item| self.batcher.put(&key, item))
    }

    fn submit(&self, item: &[u8], options: ItemOptions) -> Result<Ticket<Reply>, Refusal> {
        let ticket = self.batcher.submit_with(&self.range.of(item), T::copied(item), options);
        ticket.map_err(|error| Refusal::of_put(&error))
    }

    fn flush(&self, timeout: Option<Duration>) -> Result<(), FlushError> {
        timeout.map_or_else(|| self.batcher.flush(), |timeout| self.batcher.flush_timeout(timeout))
    }

    fn close(&self, deadline: Deadline) -> Settlement {
        Settlement::new(self.batcher.close(deadline), |(_, item)| item)
    }

    fn stats(&self) -> (Stats, Option<WindowStats>) {
        (self.batcher.stats(), self.batcher.window_stats())
    }
}
