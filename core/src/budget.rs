//! Admission: how many items, or bytes, may be live at once.
//!
//! Two counters that only grow: `admitted` moves up by compare-and-swap when a producer takes credit,
//! `completed` by an addition when a batch has its outcomes. Their difference never exceeds `limit`; that is
//! the hard bound. Producers take items in chunks (see [`Budget::chunk`]) and use them up without touching
//! shared words; so a full queue may hold fewer items than the bound by what idle lanes have not used yet,
//! and never more.

use crate::sync::AtomicU64;
use crossbeam_utils::CachePadded;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// Lanes beyond this number take credit one by one, so that idle lanes can strand half of the bound at most.
const CHUNKED_LANES_MAX: usize = 128;
/// Up to so many lanes a chunk may be larger: a 16th of the bound for one, half of that for two, and so on.
const FEW_LANES_MAX: usize = 8;

pub(crate) struct Budget {
    limit: u64,
    admitted: CachePadded<AtomicU64>,
    completed: CachePadded<AtomicU64>,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            limit,
            admitted: CachePadded::new(AtomicU64::new(0)),
            completed: CachePadded::new(AtomicU64::new(0)),
        }
    }

    /// How much credit a lane takes at a time: an eighth of a batch, and so little that 128 idle lanes hold
    /// back no more than half of the bound. While it is the only one it counts its batches by itself, and takes credit
    /// for a whole one.
    pub(crate) fn chunk(limit: u64, batch_items_max: u32, lanes: usize) -> u32 {
        let wanted = if lanes <= 1 { batch_items_max } else { batch_items_max / 8 };
        fair_share(limit, lanes).min(wanted).max(1)
    }

    /// The same for a put of many, which uses credit up sooner.
    pub(crate) fn chunk_for_many(limit: u64, batch_items_max: u32, lanes: usize) -> u32 {
        let wanted = if lanes <= 1 { batch_items_max } else { batch_items_max / 4 };
        fair_share(limit, lanes).min(wanted).max(1)
    }

    /// Takes up to `want`, at least `least`, or nothing: zero when there is no room.
    pub(crate) fn take(&self, want: u64, least: u64) -> u64 {
        let mut admitted = self.admitted.load(Relaxed);
        loop {
            let live = difference(admitted, self.completed.load(Acquire));
            let room = self.limit.saturating_sub(live);
            if room < least {
                return 0;
            }
            let granted = want.min(room);
            let next = admitted.wrapping_add(granted);
            match self.admitted.compare_exchange_weak(admitted, next, AcqRel, Relaxed) {
                Ok(_) => return granted,
                Err(now) => admitted = now,
            }
        }
    }

    /// Returns what completed items, or credit that was never used, had taken.
    pub(crate) fn give_back(&self, amount: u64) {
        if amount > 0 {
            self.completed.fetch_add(amount, Release);
        }
    }

    pub(crate) fn room(&self) -> u64 {
        self.limit.saturating_sub(self.live())
    }

    /// What is out: live items and credit that lanes hold.
    pub(crate) fn live(&self) -> u64 {
        let completed = self.completed.load(Acquire);
        difference(self.admitted.load(Acquire), completed)
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }
}

/// What a lane may hold back while there are so many, so that together it is half of the bound at most: the first eight
/// a sixth of the bound, the others a third.
fn fair_share(limit: u64, lanes: usize) -> u32 {
    if lanes > CHUNKED_LANES_MAX {
        return 1;
    }
    let few = 16 * lanes.max(1).next_power_of_two();
    let parts = if lanes <= FEW_LANES_MAX { few } else { 3 * CHUNKED_LANES_MAX };
    (limit / parts as u64).min(u64::from(u32::MAX)) as u32
}

/// How far `admitted` is ahead of `completed`; both may wrap round. A stale `admitted` may be behind: then nothing
/// is known to be live, and the swap that follows fails and looks again.
fn difference(admitted: u64, completed: u64) -> u64 {
    u64::try_from(admitted.wrapping_sub(completed).cast_signed()).unwrap_or(0)
}

#[cfg(all(test, not(any(batchline_loom, batchline_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn never_grants_beyond_the_limit() {
        let budget = Budget::new(10);
        assert_eq!(budget.take(7, 1), 7);
        assert_eq!(budget.take(7, 1), 3);
        assert_eq!(budget.take(1, 1), 0);
        budget.give_back(4);
        assert_eq!(budget.take(5, 5), 0, "all of it or nothing");
        assert_eq!(budget.take(4, 4), 4);
    }

    #[test]
    fn idle_lanes_strand_half_at_most() {
        for limit in [1, 10, 1000, 64_000, 1 << 40] {
            let chunk = |lanes| u64::from(Budget::chunk_for_many(limit, 1 << 24, lanes));
            let stranded: u64 = (1..=200).map(chunk).filter(|&chunk| chunk > 1).sum();
            assert!(stranded <= limit / 2, "limit {limit}");
        }
        assert_eq!(Budget::chunk(64_000, 1000, 1), 1000);
        assert_eq!(Budget::chunk(640, 10, 1), 10);
        assert_eq!(Budget::chunk(64_000, 1000, 2), 125);
        assert_eq!(Budget::chunk(64_000, 1000, 129), 1);
    }
}
