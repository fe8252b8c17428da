//! The counters of a batcher.

use crate::batcher::{self, bl_batcher};
use crate::guard::{Refusal, guarded};
use batchline::Stats;
use batchline::dedup::WindowStats;

/// Counters since the batcher was made; `accepted` is the sum of `done`, `failed`, `cancelled`, `expired`,
/// `handed_back` and `live`. New ones are added at the end.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct bl_stats {
    /// `sizeof(struct bl_stats)`, set by the caller; no more is written.
    pub struct_size: usize,
    /// Items that were taken in.
    pub accepted: u64,
    /// Items that were refused.
    pub refused: u64,
    /// Of the refused: items whose key was put within the window.
    pub duplicates: u64,
    /// Submitted duplicates that joined the first item of their key; they were not accepted.
    pub joined: u64,
    /// Items that `BL_OVERFLOW_DROP_NEWEST` dropped; they were not accepted.
    pub dropped: u64,
    /// Items that were handled.
    pub done: u64,
    /// Items that failed.
    pub failed: u64,
    /// Items that were cancelled.
    pub cancelled: u64,
    /// Items that passed their deadline.
    pub expired: u64,
    /// Items that were handed back by a close.
    pub handed_back: u64,
    /// Items without an outcome.
    pub live: u64,
    /// Of those: items that wait for a handler.
    pub queued: u64,
    /// Of those: items that a handler or poller has.
    pub in_hand: u64,
    /// Bytes of the items without an outcome; 0 without a byte bound.
    pub bytes_live: u64,
    /// Batches.
    pub batches: u64,
    /// Batches by the `BL_SEAL_` number of their reason.
    pub batches_by_reason: [u64; 7],
    /// Items of the largest batch.
    pub batch_items_peak: u64,
    /// Calls of the handler, or batches polled.
    pub handler_calls: u64,
    /// Batches in which anything failed.
    pub failed_batches: u64,
    /// Times a worker was woken from its sleep.
    pub wakeups: u64,
    /// Keys in the deduplication window.
    pub window_keys: u64,
    /// Keys that the window forgot before their time, at its cap.
    pub window_forgotten: u64,
    /// Memory of the window.
    pub window_bytes: u64,
}

impl bl_stats {
    fn new(struct_size: usize, stats: &Stats, window: Option<WindowStats>) -> Self {
        let window = window.unwrap_or_default();
        Self {
            struct_size,
            accepted: stats.accepted,
            refused: stats.refused,
            duplicates: stats.duplicates,
            joined: stats.joined,
            dropped: stats.dropped,
            done: stats.done,
            failed: stats.failed,
            cancelled: stats.cancelled,
            expired: stats.expired,
            handed_back: stats.handed_back,
            live: stats.live,
            queued: stats.queued,
            in_hand: stats.in_hand,
            bytes_live: stats.bytes_live,
            batches: stats.batches,
            batches_by_reason: stats.batches_by_reason,
            batch_items_peak: stats.batch_items_peak,
            handler_calls: stats.handler_calls,
            failed_batches: stats.failed_batches,
            wakeups: stats.wakeups,
            window_keys: window.keys,
            window_forgotten: window.forgotten,
            window_bytes: window.bytes,
        }
    }
}

/// Reads the counters, at any time, from any thread. Set `stats->struct_size` before.
///
/// `batcher` is NULL or a batcher that was not freed; `stats` is NULL or points to as many bytes as its `struct_size`
/// says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_get_stats(batcher: *const bl_batcher, stats: *mut bl_stats) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let batcher = unsafe { batcher::of(batcher) }?;
        // SAFETY: the caller's promise; every version of the struct begins with its size.
        let struct_size = unsafe { crate::guard::reference(&raw const (*stats).struct_size, "stats") }?;
        let known = (*struct_size).min(size_of::<bl_stats>());
        if known < 2 * size_of::<u64>() || known % size_of::<u64>() != 0 {
            return Err(Refusal::invalid(format!(
                "stats->struct_size is {struct_size}; sizeof(struct bl_stats) is {} here",
                size_of::<bl_stats>()
            )));
        }
        let (counts, window) = batcher.surface.stats();
        let read = bl_stats::new(*struct_size, &counts, window);
        // SAFETY: the caller gave `struct_size` bytes, and the counters have `known`.
        unsafe { stats.cast::<u8>().copy_from_nonoverlapping((&raw const read).cast(), known) };
        Ok(())
    })
}
