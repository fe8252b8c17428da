//! The numbers all contenders share: batch size, linger, bounds, callers; and how a load is split over producers.

use std::{ops::Range, time::Duration};

/// Items in a full batch.
pub const BATCH_ITEMS_MAX: usize = 1_000;
/// The hard bound on items that were put and not yet handled, and the capacity of every channel.
pub const QUEUE_ITEMS_MAX: usize = 64_000;
/// How long an item may wait in the `put` scenarios.
pub const PUT_LINGER: Duration = Duration::from_millis(10);
/// How long an item may wait in the `submit` scenario.
pub const SUBMIT_LINGER: Duration = Duration::from_millis(1);
/// Items in flight in the `submit` scenario: concurrent tasks, or the windows of all threads together.
pub const IN_FLIGHT_ITEMS: usize = 4_000;
/// Threads that submit, or worker threads of the async runtime.
pub const SUBMIT_THREADS: usize = 2;
/// The producer counts at which all peers take part.
pub const PRODUCER_COUNTS: [usize; 3] = [1, 2, 4];
/// The producer counts at which only a few do: more threads than cores.
pub const CROWD_COUNTS: [usize; 4] = [8, 16, 32, 64];

/// What the batchers of one scenario are set to, all of them alike.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Items in a full batch.
    pub batch_items_max: usize,
    /// The hard bound on items that were put and not yet handled.
    pub queue_items_max: usize,
    /// How long an item may wait.
    pub linger: Duration,
}

impl Shape {
    /// Batches of this many, and the bound and linger that all scenarios but `light` have.
    pub const fn batches_of(batch_items_max: usize) -> Self {
        Self { batch_items_max, queue_items_max: QUEUE_ITEMS_MAX, linger: PUT_LINGER }
    }
}

/// One run: this many items, put by this many threads.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Threads that put.
    pub producers: usize,
    /// Items over all producers.
    pub items: u64,
}

impl Load {
    /// The values that producer `index` puts; together the producers put `0..items`.
    pub fn share(self, index: usize) -> Range<u64> {
        let (index, producers) = (index as u64, self.producers as u64);
        self.items * index / producers..self.items * (index + 1) / producers
    }

    /// What the handlers' sums must come to.
    pub fn expected_sum(self) -> u64 {
        let sum = u128::from(self.items) * u128::from(self.items.saturating_sub(1)) / 2;
        // Handlers add with wrap-around, so the low 64 bits are what they reach.
        sum as u64
    }
}

#[cfg(test)]
mod tests {
    use super::Load;

    #[test]
    fn shares_cover_the_load_once() {
        let load = Load { producers: 4, items: 1_003 };
        let sum: u64 = (0..load.producers).flat_map(|index| load.share(index)).sum();
        assert_eq!(sum, load.expected_sum());
    }
}
