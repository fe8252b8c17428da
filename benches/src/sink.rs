//! The handler of the `put` scenario: adds the numbers up, and later proves that none was lost or repeated.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::load::{BATCH_ITEMS_MAX, Load};

/// Where every contender's batches end.
#[derive(Debug, Default)]
pub struct Sink {
    sum: AtomicU64,
    items: AtomicU64,
    batches: AtomicU64,
}

impl Sink {
    /// Handles one batch.
    pub fn handle(&self, batch: &[u64]) {
        assert!(batch.len() <= BATCH_ITEMS_MAX, "a batch of {} items is over the maximum", batch.len());
        let sum = batch.iter().fold(0_u64, |sum, item| sum.wrapping_add(*item));
        self.sum.fetch_add(sum, Ordering::Relaxed);
        self.items.fetch_add(batch.len() as u64, Ordering::Relaxed);
        self.batches.fetch_add(1, Ordering::Relaxed);
    }

    /// Panics unless the batches held the whole load, exactly once; returns how many batches there were.
    pub fn verify(&self, load: Load) -> u64 {
        assert_eq!(self.items.load(Ordering::SeqCst), load.items, "items handled, items put");
        assert_eq!(self.sum.load(Ordering::SeqCst), load.expected_sum(), "sum handled, sum put");
        self.batches.load(Ordering::SeqCst)
    }
}
