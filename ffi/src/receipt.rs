//! What a close hands back: the counts, and the items that no handler got.

use crate::batch::bl_bytes;
use crate::guard::{Refusal, guarded, reference, write_out};
use crate::item::Item;
use crate::status::BL_END;
use batchline::Receipt;
use std::fmt;

/// Items handed back, whatever they are.
trait Items: Send {
    fn get(&self, index: usize) -> Option<&[u8]>;
}

impl<T: Item> Items for Vec<T> {
    fn get(&self, index: usize) -> Option<&[u8]> {
        self.as_slice().get(index).map(T::bytes)
    }
}

/// A close's receipt without the types of the batcher.
pub(crate) struct Settlement {
    pub(crate) counts: bl_receipt_counts,
    items: Box<dyn Items>,
}

impl Settlement {
    pub(crate) fn new<I, T: Item>(receipt: Receipt<I>, item: impl Fn(I) -> T) -> Self {
        let counts = bl_receipt_counts {
            accepted: receipt.accepted,
            done: receipt.done,
            failed: receipt.failed,
            cancelled: receipt.cancelled,
            expired: receipt.expired,
            handed_back: receipt.handed_back,
            still_running: receipt.still_running,
            timed_out: u64::from(receipt.timed_out),
        };
        let items: Vec<T> = receipt.items.into_iter().map(item).collect();
        Self { counts, items: Box::new(items) }
    }
}

/// The receipt of a close.
pub struct bl_receipt {
    settlement: Settlement,
    record_size: usize,
    next: usize,
}

impl bl_receipt {
    pub(crate) fn new(settlement: Settlement, record_size: usize) -> Self {
        Self { settlement, record_size, next: 0 }
    }
}

impl fmt::Debug for bl_receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("bl_receipt").field("counts", &self.settlement.counts).finish_non_exhaustive()
    }
}

/// What became of all items: `accepted` is the sum of the six that follow it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct bl_receipt_counts {
    /// Items that were taken in.
    pub accepted: u64,
    /// Items that were handled.
    pub done: u64,
    /// Items that failed.
    pub failed: u64,
    /// Items that were cancelled.
    pub cancelled: u64,
    /// Items that passed their deadline.
    pub expired: u64,
    /// Items that were handed back, by this close or an earlier one.
    pub handed_back: u64,
    /// Items in handlers that still ran at the deadline.
    pub still_running: u64,
    /// 1 when the deadline cut the drain short.
    pub timed_out: u64,
}

/// The counts of a receipt.
///
/// `receipt` is NULL or a receipt that was not freed; `counts` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_receipt_get_counts(
    receipt: *const bl_receipt,
    counts: *mut bl_receipt_counts,
) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let receipt = unsafe { reference(receipt, "receipt") }?;
        // SAFETY: the caller's promise.
        unsafe { write_out(counts, "counts", receipt.settlement.counts) }
    })
}

/// The next item that is handed back: where it lies and how long it is, good until the receipt is freed. `BL_END` after
/// the last one.
///
/// As `bl_receipt_get_counts`, and nobody else uses the receipt meanwhile; `item` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_receipt_next(receipt: *mut bl_receipt, item: *mut bl_bytes) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let receipt = unsafe { receipt.as_mut() }.ok_or_else(|| crate::guard::is_null("receipt"))?;
        let bytes = receipt.settlement.items.get(receipt.next);
        let bytes = bytes.ok_or_else(|| Refusal::new(BL_END, "no more items"))?;
        let size = if receipt.record_size == 0 { bytes.len() } else { receipt.record_size };
        // SAFETY: the caller's promise.
        unsafe { write_out(item, "item", bl_bytes { data: bytes.as_ptr().cast(), size }) }?;
        receipt.next += 1;
        Ok(())
    })
}

/// Frees a receipt with its items. NULL is nothing to free.
///
/// `receipt` is NULL or a receipt that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_receipt_free(receipt: *mut bl_receipt) {
    guarded(|| {
        if !receipt.is_null() {
            // SAFETY: the caller's promise; it was made by `Box::into_raw`.
            drop(unsafe { Box::from_raw(receipt) });
        }
        Ok(())
    });
}
