//! Puts of slices: copies go in, and the slice stays as it was.
#![cfg(not(any(batchline_loom, batchline_shuttle)))]

use batchline::{Batch, Batcher, Deadline, Overflow, PutManyError};
use std::sync::{Arc, Mutex};

type Seen = Arc<Mutex<Vec<u64>>>;

fn recording(seen: &Seen) -> impl Fn(&mut Batch<u64>) + Send + Sync + use<> {
    let seen = seen.clone();
    move |batch| seen.lock().unwrap().extend(batch.iter())
}

#[test]
fn miri_a_slice_over_many_slabs_arrives_once_and_in_order() {
    let seen = Seen::default();
    let batcher = Batcher::builder().batch_items_max(7).build(recording(&seen)).unwrap();
    let items: Vec<u64> = (0..100).collect();
    assert_eq!(batcher.put_slice(&items), Ok(100));
    assert_eq!(batcher.producer().put_slice(&items[..3]), Ok(3));
    assert_eq!(batcher.put_slice(&[]), Ok(0));
    assert!(batcher.close(Deadline::never()).is_balanced());
    let mut seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 103);
    seen.sort_unstable();
    assert_eq!(seen[..6], [0, 0, 1, 1, 2, 2]);
}

#[test]
fn miri_what_a_full_queue_refuses_is_told_and_stays_in_the_slice() {
    let builder = Batcher::<u64>::builder().batch_items_max(4).queue_items_max(4).overflow(Overflow::Fail);
    let batcher = builder.build_poll().unwrap();
    let items = [1, 2, 3, 4, 5, 6];
    assert_eq!(batcher.put_slice(&items), Err(PutManyError::Full { accepted: 4 }));
    assert_eq!(items, [1, 2, 3, 4, 5, 6]);
    let receipt = batcher.close(Deadline::now());
    assert_eq!(receipt.items, [1, 2, 3, 4]);
    assert_eq!(batcher.stats().refused, 2);
    assert_eq!(batcher.put_slice(&items), Err(PutManyError::Closed { accepted: 0 }));
}

#[test]
fn miri_dropping_the_newest_of_a_slice_drops_copies() {
    let builder =
        Batcher::<u64>::builder().batch_items_max(2).queue_items_max(2).overflow(Overflow::DropNewest);
    let batcher = builder.build_poll().unwrap();
    assert_eq!(batcher.put_slice(&[1, 2, 3]), Ok(2));
    assert_eq!(batcher.stats().dropped, 1);
}

#[cfg(feature = "dedup")]
#[test]
fn weighed_and_deduplicated_slices_are_only_read() {
    let seen = Seen::default();
    let batcher = Batcher::builder()
        .weigher(|item: &u64| *item as usize)
        .batch_bytes_max(10)
        .dedup(std::time::Duration::from_secs(60), |item| *item)
        .build(recording(&seen))
        .unwrap();
    let items = [5, 6, 5, 7, 6];
    assert_eq!(batcher.put_slice(&items), Err(PutManyError::Duplicates { accepted: 3, duplicates: 2 }));
    assert_eq!(items, [5, 6, 5, 7, 6]);
    assert!(batcher.close(Deadline::never()).is_balanced());
    assert_eq!(*seen.lock().unwrap(), [5, 6, 7]);
}
