//! `put` by its several ways, into batches of 1000 that are pulled when they are full.

use batchline::{Batcher, Builder};

use super::polled::{BATCH_ITEMS, build, builder, pull, verify};

/// Items of one `put_many`.
const MANY_ITEMS: u64 = 64;

/// `Batcher::put`, through a shared reference.
pub(super) fn batcher(items: u64) {
    put_all(items, builder());
}

/// The same into the one lane of an ordered batcher.
pub(super) fn ordered(items: u64) {
    put_all(items, builder().ordered(true));
}

fn put_all(items: u64, builder: Builder<u64>) {
    let batcher = build(builder);
    put_each(&batcher, items);
    verify(&batcher, items);
}

/// One loop for all settings: they differ by what `put` does, not by how it was compiled.
#[inline(never)]
fn put_each(batcher: &Batcher<u64>, items: u64) {
    for batch in 0..items / BATCH_ITEMS {
        for item in 0..BATCH_ITEMS {
            assert!(batcher.put(batch + item).is_ok(), "the batcher is open and has room");
        }
        pull(batcher, BATCH_ITEMS);
    }
}

/// `Producer::put`, into a lane of its own.
pub(super) fn producer(items: u64) {
    let batcher = build(builder());
    let mut producer = batcher.producer();
    for batch in 0..items / BATCH_ITEMS {
        for item in 0..BATCH_ITEMS {
            assert!(producer.put(batch + item).is_ok(), "the batcher is open and has room");
        }
        pull(&batcher, BATCH_ITEMS);
    }
    verify(&batcher, items);
}

/// `Batcher::put_many` of 64 at a time; the batches are cut from them at 1000.
pub(super) fn many(items: u64) {
    let batcher = build(builder());
    let mut vector = Vec::with_capacity(MANY_ITEMS as usize);
    let source: Vec<u64> = (0..MANY_ITEMS).collect();
    let mut waiting = 0;
    for _ in 0..items / MANY_ITEMS {
        vector.extend_from_slice(&source);
        assert_eq!(batcher.put_many(&mut vector).ok(), Some(source.len()), "all of them had room");
        waiting += MANY_ITEMS;
        if waiting >= BATCH_ITEMS {
            waiting -= BATCH_ITEMS;
            pull(&batcher, BATCH_ITEMS);
        }
    }
    verify(&batcher, items);
}
