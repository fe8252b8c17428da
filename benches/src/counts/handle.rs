//! What a batch costs by itself: batches of one item, so that each item opens, seals, is taken and is settled.

use super::polled::{build, builder, pull, verify};

/// A put, a batch and its end, per item.
pub(super) fn batch(items: u64) {
    let batcher = build(builder().batch_items_max(1));
    for item in 0..items {
        assert!(batcher.put(item).is_ok(), "the batcher is open and has room");
        pull(&batcher, 1);
    }
    verify(&batcher, items);
}
