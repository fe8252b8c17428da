//! A batch as C sees it: in a handler as long as the handler runs, or polled until `bl_batch_done`.

use crate::guard::{Refusal, guarded, write_out};
use crate::item::Item;
use crate::key::Key;
use crate::record;
use crate::status::BL_OK;
use crate::surface::Reply;
use batchline::{Batch, PolledBatch, SealReason};
use std::ffi::c_void;
use std::fmt;

/// A number that the user's code failed an item or a batch with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code(pub(crate) i32);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "code {}", self.0)
    }
}

impl std::error::Error for Code {}

/// A batch, whatever its items are.
pub(crate) trait AnyBatch {
    fn len(&self) -> usize;
    fn base(&mut self) -> *mut c_void;
    fn item(&self, index: usize) -> &[u8];
    fn fail(&mut self, index: usize, code: Code);
    fn reply(&mut self, index: usize, reply: Reply);
    fn reason(&self) -> SealReason;
    fn bytes(&self) -> u64;
}

/// A batch that a poller holds.
pub(crate) trait Polled: AnyBatch + Send {
    /// Settles it: with 0, or failed as a whole.
    fn done(self: Box<Self>, code: i32);
}

macro_rules! any_batch {
    ($type:ty, $($inner:tt)+) => {
        impl<T: Item> AnyBatch for $type {
            fn len(&self) -> usize {
                self $($inner)+.len()
            }

            fn base(&mut self) -> *mut c_void {
                self $($inner)+.as_mut_ptr().cast()
            }

            fn item(&self, index: usize) -> &[u8] {
                self $($inner)+[index].bytes()
            }

            fn fail(&mut self, index: usize, code: Code) {
                self $($inner)+.fail(index, code);
            }

            fn reply(&mut self, index: usize, reply: Reply) {
                self $($inner)+.reply(index, reply);
            }

            fn reason(&self) -> SealReason {
                self $($inner)+.reason()
            }

            fn bytes(&self) -> u64 {
                self $($inner)+.bytes()
            }
        }
    };
}

/// A handler's batch.
pub(crate) struct PushedItems<'a, T: Item>(pub(crate) &'a mut Batch<T, Reply>);
/// A poller's batch.
pub(crate) struct PolledItems<T: Item>(pub(crate) PolledBatch<T, Reply>);

any_batch!(PushedItems<'_, T>, .0);
any_batch!(PolledItems<T>, .0);

impl<T: Item> Polled for PolledItems<T> {
    fn done(self: Box<Self>, code: i32) {
        if code != BL_OK {
            self.0.fail_all(Code(code));
        }
    }
}

pub(crate) enum Body {
    /// Lent by the engine while the handler runs.
    Pushed(*mut dyn AnyBatch),
    Polled(Box<dyn Polled>),
}

/// A batch.
pub struct bl_batch {
    pub(crate) body: Body,
    /// 0 for byte strings.
    pub(crate) record_size: usize,
    /// Of a keyed batcher; good while the handler runs.
    pub(crate) key: *const Key,
}

impl bl_batch {
    fn body(&mut self) -> &mut dyn AnyBatch {
        match &mut self.body {
            // SAFETY: the batch outlives the handler's run, in which alone the C side may use this.
            Body::Pushed(batch) => unsafe { &mut **batch },
            Body::Polled(batch) => &mut **batch,
        }
    }

    fn checked(&mut self, index: usize) -> Result<&mut dyn AnyBatch, Refusal> {
        let len = self.body().len();
        if index >= len {
            return Err(Refusal::invalid(format!("item {index} of a batch of {len}")));
        }
        Ok(self.body())
    }
}

impl fmt::Debug for bl_batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("bl_batch").field("record_size", &self.record_size).finish_non_exhaustive()
    }
}

/// A byte string: the layout of `struct iovec`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bl_bytes {
    /// Its first byte.
    pub data: *const c_void,
    /// How many bytes.
    pub size: usize,
}

/// What there is to see of a batch at once. Good as long as the batch.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bl_batch_view {
    /// Of fixed-size records: the first record; the next one is `stride` bytes further on. Of byte strings: an array of
    /// `struct bl_bytes`, which must not be changed. Records may be; a changed one is what a second call of the handler
    /// sees.
    pub items: *mut c_void,
    /// How many items; never 0.
    pub len: usize,
    /// How far apart they lie: the record size rounded up to a power of two, at least 8; of byte strings
    /// `sizeof(struct bl_bytes)`.
    pub stride: usize,
    /// Why it was sealed: a `BL_SEAL_` number.
    pub reason: i32,
    /// 0.
    pub reserved: i32,
    /// What the items weigh together; 0 when no byte bound was set.
    pub bytes: u64,
}

/// The number of `reason` in C.
pub(crate) fn reason_number(reason: SealReason) -> i32 {
    reason as i32
}

/// Sealed with as many items as a batch may have.
pub const BL_SEAL_SIZE: i32 = 0;
/// Sealed by the byte bound.
pub const BL_SEAL_BYTES: i32 = 1;
/// Its first item had waited for its linger.
pub const BL_SEAL_LINGER: i32 = 2;
/// A worker was free.
pub const BL_SEAL_DEMAND: i32 = 3;
/// The fixed cadence came round.
pub const BL_SEAL_TICK: i32 = 4;
/// By `bl_flush`.
pub const BL_SEAL_FLUSH: i32 = 5;
/// By `bl_close`.
pub const BL_SEAL_CLOSE: i32 = 6;

/// A batch from its pointer.
///
/// # Safety
/// A pointer that is not NULL is a batch that this thread may use.
unsafe fn of<'a>(batch: *mut bl_batch) -> Result<&'a mut bl_batch, Refusal> {
    // SAFETY: the caller's promise.
    unsafe { batch.as_mut() }.ok_or_else(|| crate::guard::is_null("batch"))
}

/// How many items the batch has; 0 for NULL.
///
/// `batch` is NULL or a batch of a running handler, or one that was polled and is not done.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_batch_len(batch: *mut bl_batch) -> usize {
    // SAFETY: the caller's promise.
    unsafe { of(batch) }.map_or(0, |batch| batch.body().len())
}

/// All there is to see of a batch, in one call.
///
/// As `bl_batch_len`; `view` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_batch_get_view(batch: *mut bl_batch, view: *mut bl_batch_view) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let batch = unsafe { of(batch) }?;
        let is_strings = batch.record_size == 0;
        let stride = if is_strings { size_of::<bl_bytes>() } else { record::stride(batch.record_size) };
        let body = batch.body();
        let seen = bl_batch_view {
            items: body.base(),
            len: body.len(),
            stride,
            reason: reason_number(body.reason()),
            reserved: 0,
            bytes: body.bytes(),
        };
        // SAFETY: the caller's promise.
        unsafe { write_out(view, "view", seen) }
    })
}

/// One item: where it is and how long. Of a record, its size is the record size.
///
/// As `bl_batch_len`; `item` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_batch_item(batch: *mut bl_batch, index: usize, item: *mut bl_bytes) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let batch = unsafe { of(batch) }?;
        let record_size = batch.record_size;
        let bytes = batch.checked(index)?.item(index);
        let size = if record_size == 0 { bytes.len() } else { record_size };
        // SAFETY: the caller's promise.
        unsafe { write_out(item, "item", bl_bytes { data: bytes.as_ptr().cast(), size }) }
    })
}

/// The key that all items of this batch have, in a keyed batcher.
///
/// As `bl_batch_len`; `key` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_batch_key(batch: *mut bl_batch, key: *mut bl_bytes) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let batch = unsafe { of(batch) }?;
        // SAFETY: the key outlives the handler's run.
        let bytes = unsafe { batch.key.as_ref() }
            .ok_or_else(|| crate::surface::unsupported("only a batch of a keyed batcher has a key"))?
            .bytes();
        // SAFETY: the caller's promise.
        unsafe { write_out(key, "key", bl_bytes { data: bytes.as_ptr().cast(), size: bytes.len() }) }
    })
}

/// Fails one item alone; its submitter gets `BL_FAILED` and `code`. A later call for the same item, or
/// `bl_batch_reply`, replaces this one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_batch_fail(batch: *mut bl_batch, index: usize, code: i32) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        unsafe { of(batch) }?.checked(index)?.fail(index, Code(code));
        Ok(())
    })
}

/// Replies to the submitter of one item: a number of yours. Without a reply it is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_batch_reply(batch: *mut bl_batch, index: usize, reply: u64) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        unsafe { of(batch) }?.checked(index)?.reply(index, reply);
        Ok(())
    })
}
