//! The batcher of the counted cases: no thread, no time; full batches are pulled by the thread that puts.

use std::{hint::black_box, time::Duration};

use batchline::{Batcher, Builder, Clock, VirtualClock};

use crate::load::{BATCH_ITEMS_MAX, PUT_LINGER, QUEUE_ITEMS_MAX};

/// Items in a full batch.
pub(super) const BATCH_ITEMS: u64 = BATCH_ITEMS_MAX as u64;

/// The settings of the timed scenarios, on a clock that stands still.
pub(super) fn builder() -> Builder<u64> {
    builder_at(&VirtualClock::new())
}

/// The same on a clock that the case moves.
pub(super) fn builder_at(time: &VirtualClock) -> Builder<u64> {
    Batcher::builder()
        .batch_items_max(BATCH_ITEMS_MAX)
        .queue_items_max(QUEUE_ITEMS_MAX)
        .linger(PUT_LINGER)
        .clock(Clock::from(time))
}

/// A batcher of these settings, in a place the optimiser knows nothing of: as behind a user's `Arc`.
pub(super) fn build(builder: Builder<u64>) -> Box<Batcher<u64>> {
    black_box(Box::new(builder.build_poll().expect("the settings are sound")))
}

/// Takes the one sealed batch and settles it; panics unless it holds `items`.
#[inline(never)]
pub(super) fn pull(batcher: &Batcher<u64>, items: u64) {
    let batch = batcher.next_batch(Duration::ZERO).expect("the last put sealed a batch");
    assert_eq!(black_box(&batch[..]).len() as u64, items, "items in the sealed batch");
}

/// Panics unless all `items` were put, and are done.
pub(super) fn verify(batcher: &Batcher<u64>, items: u64) {
    let stats = batcher.stats();
    assert_eq!((stats.accepted, stats.done, stats.live), (items, items, 0), "accepted, done, live");
}
