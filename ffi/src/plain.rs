//! A batcher without keys behind its handle.

use crate::batch::{Polled, PolledItems};
use crate::blob::Blob;
use crate::guard::{Refusal, guarded};
use crate::item::Item;
use crate::receipt::Settlement;
use crate::status::{BL_CLOSED, BL_OK};
use crate::surface::{Many, NOT_POLLED, Patience, PutOne, Reply, Surface, put_one, unsupported};
use batchline::dedup::WindowStats;
use batchline::{Batcher, Deadline, FlushError, ItemOptions, PutError, PutManyError, Stats, Ticket};
use std::ptr::NonNull;
use std::time::Duration;

/// Items of a call of many that are copied at a time.
const COPIED_MAX: usize = 1024;

pub(crate) struct Plain<T: Item> {
    pub(crate) batcher: Batcher<T, Reply>,
    pub(crate) record_size: usize,
    pub(crate) is_polled: bool,
}

pub(crate) fn told<T>(result: Result<(), PutError<T>>) -> Result<(), Refusal> {
    result.map_err(|error| Refusal::of_put(&error))
}

impl<T: Item> Plain<T> {
    /// Puts copies, a part at a time, as `fill` makes them: `COPIED_MAX` of them, or what is left. What is refused is
    /// dropped here: the caller has the originals.
    fn put_copies(&self, mut fill: impl FnMut(&mut Vec<T>)) -> Many {
        let (mut accepted, mut duplicates) = (0, 0);
        loop {
            let mut part = T::scratch();
            fill(&mut part);
            let is_last = part.len() < COPIED_MAX;
            let put = if part.is_empty() { Ok(0) } else { self.batcher.put_many(&mut part) };
            part.clear();
            T::give_back(part);
            match put {
                Ok(taken) => accepted += taken,
                Err(PutManyError::Duplicates { accepted: taken, duplicates: told }) => {
                    accepted += taken;
                    duplicates += told;
                }
                Err(error) => return (accepted + error.accepted(), Some(error.into())),
            }
            if is_last {
                let told = PutManyError::Duplicates { accepted, duplicates };
                return (accepted, (duplicates > 0).then(|| told.into()));
            }
        }
    }
}

/// `bl_put` of records that fill their slots: the core's fast path, without a frame; all else out of its way.
///
/// # Safety
/// `this` is a `Plain<T>`; `item` is NULL or points to `size` bytes.
unsafe extern "C" fn put_whole<T: Item>(this: *const (), item: *const u8, size: usize) -> i32 {
    if size == T::SLOT_BYTES && !item.is_null() {
        // SAFETY: the caller's promise.
        let plain = unsafe { &*this.cast::<Plain<T>>() };
        // SAFETY: the caller's promise, and the size was compared; the copy is a few moves.
        match unsafe { plain.batcher.put_fast_by(|slot| T::copy_to(item, slot)) } {
            Some(true) => return BL_OK,
            Some(false) => return finish_put(plain),
            None => {}
        }
    }
    // SAFETY: the caller's promise.
    unsafe { put_slowly::<T>(this, item, size) }
}

#[cold]
#[inline(never)]
extern "C" fn finish_put<T: Item>(plain: &Plain<T>) -> i32 {
    guarded(|| told(plain.batcher.finish_put()))
}

/// # Safety
/// As [`put_whole`].
#[cold]
#[inline(never)]
unsafe extern "C" fn put_slowly<T: Item>(this: *const (), item: *const u8, size: usize) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { put_one::<Plain<T>>(this, item, size) }
}

impl<T: Item> Surface for Plain<T> {
    fn put_one(&self) -> (PutOne, *const ()) {
        let is_whole = T::SLOT_BYTES > 0 && self.record_size == T::SLOT_BYTES;
        (if is_whole { put_whole::<T> } else { put_one::<Self> }, std::ptr::from_ref(self).cast())
    }

    #[inline]
    fn record_size(&self) -> usize {
        self.record_size
    }

    fn put(&self, item: &[u8]) -> Result<(), Refusal> {
        told(self.batcher.put(T::copied(item)))
    }

    fn put_patiently(&self, item: &[u8], patience: Patience) -> Result<(), Refusal> {
        let item = T::copied(item);
        told(match patience {
            Patience::Not => self.batcher.try_put(item),
            Patience::For(timeout) => self.batcher.put_timeout(item, timeout),
        })
    }

    fn put_with(&self, item: &[u8], options: ItemOptions) -> Result<(), Refusal> {
        told(self.batcher.put_with(T::copied(item), options))
    }

    fn put_many(&self, items: &mut dyn Iterator<Item = &[u8]>) -> Many {
        self.put_copies(|part| part.extend(items.take(COPIED_MAX).map(T::copied)))
    }

    fn put_records(&self, records: &[u8], record_size: usize) -> Many {
        let is_whole = record_size == T::SLOT_BYTES;
        match is_whole.then(|| T::put_whole(&self.batcher, records)).flatten() {
            Some(Ok(accepted)) => (accepted, None),
            Some(Err(error)) => (error.accepted(), Some(error.into())),
            None => self.put_many(&mut records.chunks_exact(record_size)),
        }
    }

    fn lend(&self) -> Option<NonNull<u8>> {
        let slot = T::lend(&self.batcher)?;
        // SAFETY: so many bytes of the slot are behind the record.
        unsafe { slot.add(self.record_size).write_bytes(0, T::SLOT_BYTES - self.record_size) };
        Some(slot)
    }

    unsafe fn put_lent(&self, slot: NonNull<u8>) -> Option<Result<(), Refusal>> {
        // SAFETY: the caller's promise.
        unsafe { T::put_lent(&self.batcher, slot) }.map(told)
    }

    fn take_lent(&self, slot: NonNull<u8>) -> bool {
        T::take_lent(&self.batcher, slot)
    }

    fn put_written(&self, written: Blob) -> Result<(), (Blob, Refusal)> {
        T::put_written(written, |item| self.batcher.put(item))
    }

    fn submit(&self, item: &[u8], options: ItemOptions) -> Result<Ticket<Reply>, Refusal> {
        self.batcher.submit_with(T::copied(item), options).map_err(|error| Refusal::of_put(&error))
    }

    fn flush(&self, timeout: Option<Duration>) -> Result<(), FlushError> {
        timeout.map_or_else(|| self.batcher.flush(), |timeout| self.batcher.flush_timeout(timeout))
    }

    fn close(&self, deadline: Deadline) -> Settlement {
        Settlement::new(self.batcher.close(deadline), |item| item)
    }

    fn stats(&self) -> (Stats, Option<WindowStats>) {
        (self.batcher.stats(), self.batcher.window_stats())
    }

    fn set_linger(&self, linger: Duration) -> Result<(), Refusal> {
        Ok(self.batcher.set_linger(linger)?)
    }

    fn set_tick(&self, tick: Option<Duration>) -> Result<(), Refusal> {
        Ok(self.batcher.set_tick(tick)?)
    }

    fn wait_for_batch(&self, timeout: Duration) -> bool {
        self.batcher.wait_for_batch(timeout)
    }

    fn wake_pollers(&self) {
        self.batcher.wake_pollers();
    }

    fn is_over(&self) -> bool {
        self.batcher.is_closed() && self.batcher.stats().queued == 0
    }

    fn check_polled(&self) -> Result<(), Refusal> {
        if self.is_polled { Ok(()) } else { Err(unsupported(NOT_POLLED)) }
    }

    fn next_batch(&self, timeout: Duration) -> Result<Option<Box<dyn Polled>>, Refusal> {
        self.check_polled()?;
        match self.batcher.next_batch(timeout) {
            Some(batch) => Ok(Some(Box::new(PolledItems(batch)))),
            None if self.is_over() => Err(Refusal::new(BL_CLOSED, "the batcher is closed and empty")),
            None => Ok(None),
        }
    }
}
