//! The batcher behind a handle, whatever the size of its items, and whether it has keys.

use crate::batch::Polled;
use crate::blob::Blob;
use crate::guard::{Refusal, guarded};
use crate::put::bytes;
use crate::receipt::Settlement;
use crate::status::{BL_OK, BL_UNSUPPORTED};
use batchline::dedup::WindowStats;
use batchline::{BuildError, Deadline, FlushError, ItemOptions, Stats, Ticket};
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
pub(crate) type PutOne = unsafe fn(this: *const (), item: *const u8, size: usize) -> i32;

/// `bl_put` for one kind of batcher: its fast path, without a frame; everything else out of its way.
///
/// # Safety
/// `this` is an `S`; `item` is NULL or points to `size` bytes.
pub(crate) unsafe fn put_one<S: Surface>(this: *const (), item: *const u8, size: usize) -> i32 {
    // SAFETY: the caller's promise.
    let surface = unsafe { &*this.cast::<S>() };
    if size == surface.record_size() && !item.is_null() {
        // SAFETY: the caller's promise.
        match surface.put_fast(unsafe { std::slice::from_raw_parts(item, size) }) {
            Some(true) => return BL_OK,
            Some(false) => return finish_put(surface),
            None => {}
        }
    }
    // SAFETY: the caller's promise.
    unsafe { put_slowly(surface, item, size) }
}

#[cold]
#[inline(never)]
fn finish_put<S: Surface>(surface: &S) -> i32 {
    guarded(|| surface.finish_put())
}

/// # Safety
/// `item` is NULL or points to `size` bytes.
#[inline(never)]
unsafe fn put_slowly<S: Surface>(surface: &S, item: *const u8, size: usize) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        surface.put(unsafe { bytes(surface.record_size(), item.cast(), size) }?)
    })
}

pub(crate) trait Surface: Send + Sync {
    /// Puts one item for `bl_put`: [`put_one`] of this type, and itself.
    fn put_one(&self) -> (PutOne, *const ());

    /// 0 for byte strings.
    fn record_size(&self) -> usize;

    /// The core's `put_fast`; none when the item was not put.
    fn put_fast(&self, _item: &[u8]) -> Option<bool> {
        None
    }

    fn finish_put(&self) -> Result<(), Refusal> {
        Ok(())
    }

    fn put(&self, item: &[u8]) -> Result<(), Refusal>;

    fn put_patiently(&self, item: &[u8], patience: Patience) -> Result<(), Refusal>;

    fn put_with(&self, item: &[u8], options: ItemOptions) -> Result<(), Refusal>;

    /// Puts items in their order, up to the first that is refused for another reason than being a duplicate.
    fn put_many(&self, items: &mut dyn Iterator<Item = &[u8]>) -> Many;

    /// As `put_many`, of records that lie one behind the other.
    fn put_records(&self, records: &[u8], record_size: usize) -> Many {
        self.put_many(&mut records.chunks_exact(record_size))
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

/// A setting that was refused later than by the builder.
pub(crate) fn applied(result: Result<(), BuildError>) -> Result<(), Refusal> {
    result.map_err(Refusal::from)
}
