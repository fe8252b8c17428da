//! The batcher behind a handle, whatever the size of its items, and whether it has keys.

use crate::batch::Polled;
use crate::blob::Blob;
use crate::guard::{Refusal, guarded};
use crate::put::bytes;
use crate::receipt::Settlement;
use crate::status::BL_UNSUPPORTED;
use batchline::dedup::WindowStats;
use batchline::{Deadline, FlushError, ItemOptions, Stats, Ticket};
use std::ptr::NonNull;
use std::time::Duration;

/// What a handler or poller replies: a number of the user's.
pub(crate) type Reply = u64;

/// How long a put may wait for room.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    Not,
    For(Duration),
}

/// How many of many items were accepted, and why not all.
pub(crate) type Many = (usize, Option<Refusal>);

/// The short way of a `bl_put`: one call by a pointer that the handle has at hand.
pub(crate) type PutOne = unsafe extern "C" fn(this: *const (), item: *const u8, size: usize) -> i32;

/// `bl_put` by the way that is good for every batcher.
///
/// # Safety
/// `this` is an `S`; `item` is NULL or points to `size` bytes.
pub(crate) unsafe extern "C" fn put_one<S: Surface>(this: *const (), item: *const u8, size: usize) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let surface = unsafe { &*this.cast::<S>() };
        // SAFETY: the caller's promise.
        surface.put(unsafe { bytes(surface.record_size(), item.cast(), size) }?)
    })
}

pub(crate) trait Surface: Send + Sync {
    /// Puts one item for `bl_put`: [`put_one`] of this type, and itself.
    fn put_one(&self) -> (PutOne, *const ());

    /// 0 for byte strings.
    fn record_size(&self) -> usize;

    fn put(&self, item: &[u8]) -> Result<(), Refusal>;

    fn put_patiently(&self, item: &[u8], patience: Patience) -> Result<(), Refusal>;

    fn put_with(&self, item: &[u8], options: ItemOptions) -> Result<(), Refusal>;

    /// Puts items in their order, up to the first that is refused for another reason than being a duplicate.
    fn put_many(&self, items: &mut dyn Iterator<Item = &[u8]>) -> Many;

    /// As `put_many`, of records that lie one behind the other.
    fn put_records(&self, records: &[u8], record_size: usize) -> Many {
        self.put_many(&mut records.chunks_exact(record_size))
    }

    /// As [`Item::lend`](crate::item::Item::lend).
    fn lend(&self) -> Option<NonNull<u8>> {
        None
    }

    /// As [`Item::put_lent`](crate::item::Item::put_lent).
    ///
    /// # Safety
    /// A slot that this thread was lent was written.
    unsafe fn put_lent(&self, _slot: NonNull<u8>) -> Option<Result<(), Refusal>> {
        None
    }

    /// As [`Item::take_lent`](crate::item::Item::take_lent).
    fn take_lent(&self, _slot: NonNull<u8>) -> bool {
        false
    }

    /// Puts what was written in place; if it is refused, the place comes back.
    fn put_written(&self, written: Blob) -> Result<(), (Blob, Refusal)>;

    fn submit(&self, item: &[u8], options: ItemOptions) -> Result<Ticket<Reply>, Refusal>;

    /// Without a timeout, for as long as it takes.
    fn flush(&self, timeout: Option<Duration>) -> Result<(), FlushError>;

    fn close(&self, deadline: Deadline) -> Settlement;

    fn stats(&self) -> (Stats, Option<WindowStats>);

    fn set_linger(&self, _linger: Duration) -> Result<(), Refusal> {
        Err(unsupported("a keyed batcher keeps the linger it was made with"))
    }

    fn set_tick(&self, _tick: Option<Duration>) -> Result<(), Refusal> {
        Err(unsupported("a keyed batcher has no tick"))
    }

    /// Waits until a batch may be there.
    fn wait_for_batch(&self, _timeout: Duration) -> bool {
        false
    }

    fn wake_pollers(&self) {}

    /// Whether there will be no batch any more.
    fn is_over(&self) -> bool {
        true
    }

    fn check_polled(&self) -> Result<(), Refusal> {
        Err(unsupported(NOT_POLLED))
    }

    /// None when there was none in time; `BL_CLOSED` when there will be none any more.
    fn next_batch(&self, _timeout: Duration) -> Result<Option<Box<dyn Polled>>, Refusal> {
        Err(unsupported(NOT_POLLED))
    }
}

pub(crate) const NOT_POLLED: &str = "only a batcher with dispatch BL_DISPATCH_POLL is polled";

pub(crate) fn unsupported(what: &'static str) -> Refusal {
    Refusal::new(BL_UNSUPPORTED, what)
}
