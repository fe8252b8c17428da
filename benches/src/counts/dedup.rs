//! `put` in a build that has deduplication: without a window, where it must cost nothing, and through one.

use batchline::{Batcher, VirtualClock, dedup::Filter};

use super::{
    map::{BUCKET, BUCKET_KEYS, window},
    polled::{BATCH_ITEMS, build, builder_at, pull, verify},
    put,
};

/// The very loop of `put/batcher`.
pub(super) fn off(items: u64) {
    put::batcher(items);
}

/// Every key is new; time moves on bucket by bucket, so that old keys expire.
pub(super) fn on(items: u64) {
    let time = VirtualClock::new();
    let batcher = build(builder_at(&time).dedup(window(Filter::Fastbloom), |item: &u64| *item));
    let mut waiting = 0;
    for bucket in 0..items / BUCKET_KEYS {
        put_bucket(&batcher, bucket);
        time.advance(BUCKET);
        waiting += BUCKET_KEYS;
        while waiting >= BATCH_ITEMS {
            pull(&batcher, BATCH_ITEMS);
            waiting -= BATCH_ITEMS;
        }
    }
    verify(&batcher, items);
}

fn put_bucket(batcher: &Batcher<u64>, bucket: u64) {
    for item in bucket * BUCKET_KEYS..(bucket + 1) * BUCKET_KEYS {
        assert!(batcher.put(item).is_ok(), "the key is new, and there is room");
    }
}
