//! The ledger: accepted = done + failed + cancelled + expired + handed back + live, at any time.

use crate::engine::{CLOSED, Engine};
use crate::seal::SealReason;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

/// A snapshot of a batcher's counters. Taking one reads a word per lane and a few per worker; it disturbs nobody.
///
/// ```
/// use batchline::{Batch, Batcher};
/// let batcher = Batcher::<u64>::builder().build(|_: &mut Batch<u64>| ())?;
/// batcher.put_many(&mut vec![1, 2, 3])?;
/// batcher.flush()?;
/// let stats = batcher.stats();
/// assert_eq!((stats.accepted, stats.done, stats.live), (3, 3, 0));
/// assert!(stats.is_balanced());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Items that were taken in.
    pub accepted: u64,
    /// Items that were given back to the putter in an error.
    pub refused: u64,
    /// Of the refused: items whose key was put within the deduplication window.
    pub duplicates: u64,
    /// Submitted duplicates that joined the first item's outcome; they were not accepted.
    pub joined: u64,
    /// Items that [`crate::Overflow::DropNewest`] dropped; they were not accepted.
    pub dropped: u64,
    /// Items whose handler succeeded.
    pub done: u64,
    /// Items that failed, alone or with their batch.
    pub failed: u64,
    /// Items whose ticket was cancelled before the handler got them.
    pub cancelled: u64,
    /// Items that passed their deadline unhandled.
    pub expired: u64,
    /// Items that the close gave back.
    pub handed_back: u64,
    /// Items without an outcome yet: accepted less the five outcomes.
    pub live: u64,
    /// Items that wait in lanes, counted on their own.
    pub queued: u64,
    /// Items in batches that are being handled, counted on their own.
    pub in_hand: u64,
    /// What live items weigh; 0 without a byte bound.
    pub bytes_live: u64,
    /// Batches taken.
    pub batches: u64,
    /// Batches by [`SealReason`], in the order of [`SealReason::ALL`].
    pub batches_by_reason: [u64; SealReason::COUNT],
    /// Items in the largest batch so far.
    pub batch_items_peak: u64,
    /// Handler calls, retries included.
    pub handler_calls: u64,
    /// Batches in which at least one item failed.
    pub failed_batches: u64,
    /// Handler calls that panicked.
    pub panics: u64,
    /// Times an idle worker was woken or woke by its timer.
    pub wakeups: u64,
    /// Slabs in the pool, free or in use.
    pub slabs: u64,
    /// Lanes made so far; threads that end leave theirs to the next.
    pub lanes: u64,
}

impl Stats {
    /// Batches sealed for `reason`.
    ///
    /// ```
    /// use batchline::{SealReason, Stats};
    /// assert_eq!(Stats::default().batches_for(SealReason::Linger), 0);
    /// ```
    pub fn batches_for(&self, reason: SealReason) -> u64 {
        self.batches_by_reason[reason as usize]
    }

    /// The five outcomes together.
    fn settled(&self) -> u64 {
        self.done + self.failed + self.cancelled + self.expired + self.handed_back
    }

    /// Whether every accepted item has an outcome or is found where live items are: in a lane or in hand. While
    /// items move, the counters of a snapshot are not all of one moment, and it may say no; at rest it must
    /// say yes.
    ///
    /// ```
    /// assert!(batchline::Stats::default().is_balanced());
    /// ```
    pub fn is_balanced(&self) -> bool {
        self.accepted == self.settled() + self.queued + self.in_hand
            && self.live == self.queued + self.in_hand
    }
}

impl<T, R> Engine<T, R> {
    pub(crate) fn stats(&self) -> Stats {
        self.stats_with(|| {
            // Once closed nothing waits: what still looks published is being taken back by a refused put.
            let is_closed = self.state() == CLOSED;
            self.lanes.iter().fold((0, 0), |(accepted, queued), lane| {
                let taken_items = lane.taken_items();
                let lane_accepted = if is_closed { taken_items } else { lane.accepted() };
                (accepted + lane_accepted, queued + lane_accepted - taken_items)
            })
        })
    }

    /// A snapshot; `entered` counts the items that were accepted and those that wait.
    pub(crate) fn stats_with(&self, entered: impl Fn() -> (u64, u64)) -> Stats {
        let mut stats = Stats::default();
        let mut taken = 0;
        for desk in self.desks.iter() {
            let counts = &desk.counts;
            stats.done += counts.done.get();
            stats.failed += counts.failed.get();
            stats.cancelled += counts.cancelled.get();
            stats.expired += counts.expired.get();
            stats.handler_calls += counts.handler_calls.get();
            stats.failed_batches += counts.failed_batches.get();
            stats.panics += counts.panics.get();
            stats.wakeups += counts.wakeups.get();
            stats.batch_items_peak = stats.batch_items_peak.max(counts.batch_items_peak.get());
            for (sum, count) in stats.batches_by_reason.iter_mut().zip(&counts.batches_by_reason) {
                *sum += count.get();
            }
            taken += counts.taken.get();
        }
        stats.handed_back = self.handed_back.load(Acquire);
        // Outcomes were read first: an item counted there is counted as accepted below, so `live` is never
        // below zero.
        (stats.accepted, stats.queued) = entered();
        stats.live = stats.accepted - stats.settled();
        stats.in_hand = taken.saturating_sub(stats.settled());
        stats.bytes_live = if self.bytes.limit() == u64::MAX { 0 } else { self.bytes.live() };
        stats.batches = stats.batches_by_reason.iter().sum();
        stats.duplicates = self.told_duplicates();
        stats.joined = self.joined.load(Relaxed);
        stats.refused = self.refused.load(Relaxed) + stats.duplicates;
        stats.dropped = self.dropped.load(Relaxed);
        stats.slabs = self.slabs.len() as u64;
        stats.lanes = self.lanes.len() as u64;
        stats
    }
}

/// What became of everything, at the end.
///
/// ```
/// use batchline::{Batch, Batcher, Deadline};
/// let batcher = Batcher::<u64>::builder().build(|_: &mut Batch<u64>| ())?;
/// batcher.put(1)?;
/// let receipt = batcher.close(Deadline::never());
/// assert_eq!((receipt.accepted, receipt.done), (1, 1));
/// assert!(receipt.is_balanced());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Receipt<T> {
    /// Items that were taken in.
    pub accepted: u64,
    /// Items whose handler succeeded.
    pub done: u64,
    /// Items that failed.
    pub failed: u64,
    /// Items that were cancelled.
    pub cancelled: u64,
    /// Items that expired.
    pub expired: u64,
    /// Items that were handed back, now or by an earlier close.
    pub handed_back: u64,
    /// Items in handlers that were still running at the deadline.
    pub still_running: u64,
    /// The items that this close hands back, in the order of their puts per producer.
    pub items: Vec<T>,
    /// Whether the deadline cut the drain short.
    pub timed_out: bool,
}

impl<T> Receipt<T> {
    pub(crate) fn new(stats: &Stats, items: Vec<T>, timed_out: bool) -> Self {
        Self {
            accepted: stats.accepted,
            done: stats.done,
            failed: stats.failed,
            cancelled: stats.cancelled,
            expired: stats.expired,
            handed_back: stats.handed_back,
            still_running: stats.queued + stats.in_hand,
            items,
            timed_out,
        }
    }

    /// Whether accepted = done + failed + cancelled + expired + handed back + still running.
    ///
    /// ```
    /// # use batchline::{Batcher, Deadline};
    /// let batcher = Batcher::<u64>::builder().build_poll()?;
    /// assert!(batcher.close(Deadline::now()).is_balanced());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_balanced(&self) -> bool {
        let outcomes = self.done + self.failed + self.cancelled + self.expired + self.handed_back;
        self.accepted == outcomes + self.still_running
    }
}
