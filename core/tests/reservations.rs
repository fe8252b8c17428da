//! Slots lent to be written in place, in every order of commits, discards and other puts.
#![cfg(not(any(batchline_loom, batchline_shuttle)))]

use batchline::{Batch, Batcher, Deadline, Overflow, PutError};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};

type Seen = Arc<Mutex<Vec<u64>>>;

fn batcher_of(batch_items_max: usize, seen: &Seen) -> Batcher<u64> {
    let seen = seen.clone();
    let builder = Batcher::builder().batch_items_max(batch_items_max).no_linger();
    builder.build(move |batch: &mut Batch<u64>| seen.lock().unwrap().extend(batch.iter())).unwrap()
}

fn write(slot: NonNull<u64>, item: u64) {
    // SAFETY: the slot is lent to this thread.
    unsafe { slot.write(item) };
}

fn commit(batcher: &Batcher<u64>, slot: NonNull<u64>) -> Result<(), PutError<u64>> {
    // SAFETY: the tests write each slot first.
    unsafe { batcher.commit_slot(slot) }.expect("the slot is reserved")
}

/// Closes, and gives what the handler saw.
fn seen_by(batcher: &Batcher<u64>, seen: &Seen) -> Vec<u64> {
    assert!(batcher.close(Deadline::never()).is_balanced());
    seen.lock().unwrap().clone()
}

#[test]
fn miri_committed_slots_lie_where_they_were_written() {
    let seen = Seen::default();
    let batcher = batcher_of(4, &seen);
    let mut before = None::<NonNull<u64>>;
    for item in 0..10 {
        let slot = batcher.reserve_slot().unwrap();
        write(slot, item);
        commit(&batcher, slot).unwrap();
        let is_next = before.is_some_and(|before| before.as_ptr().wrapping_add(1) == slot.as_ptr());
        assert_eq!(is_next, item % 4 != 0, "slots of a batch lie side by side");
        before = Some(slot);
    }
    assert_eq!(seen_by(&batcher, &seen), (0..10).collect::<Vec<_>>());
}

#[test]
fn miri_other_puts_go_round_a_reservation_and_keep_their_order() {
    let seen = Seen::default();
    let batcher = batcher_of(4, &seen);
    batcher.put(1).unwrap();
    let slot = batcher.reserve_slot().unwrap();
    assert!(batcher.reserve_slot().is_none(), "one at a time");
    write(slot, 4);
    batcher.put(2).unwrap();
    batcher.put_slice(&[3]).unwrap();
    assert_eq!(commit(&batcher, slot), Ok(()));
    batcher.put(5).unwrap();
    assert_eq!(seen_by(&batcher, &seen), [1, 2, 3, 4, 5]);
}

#[test]
fn miri_a_passed_reservation_outlives_its_slab() {
    let seen = Seen::default();
    let batcher = batcher_of(2, &seen);
    let slot = batcher.reserve_slot().unwrap();
    write(slot, 100);
    for item in 0..20 {
        batcher.put(item).unwrap();
    }
    batcher.flush().unwrap();
    assert_eq!(commit(&batcher, slot), Ok(()));
    let items = seen_by(&batcher, &seen);
    assert_eq!((items.len(), items[20]), (21, 100));
}

#[test]
fn miri_a_refused_commit_can_be_repeated() {
    let builder = Batcher::<u64>::builder().batch_items_max(2).queue_items_max(2).overflow(Overflow::Fail);
    let batcher = builder.build_poll().unwrap();
    batcher.put_slice(&[1, 2]).unwrap();
    let slot = batcher.reserve_slot().unwrap();
    write(slot, 3);
    assert_eq!(commit(&batcher, slot), Err(PutError::Full(3)));
    assert_eq!(batcher.put(4), Err(PutError::Full(4)));
    drop(batcher.next_batch(std::time::Duration::ZERO));
    assert_eq!(commit(&batcher, slot), Ok(()));
    batcher.put(5).unwrap();
    assert_eq!(batcher.close(Deadline::now()).items, [3, 5]);
    let slot = batcher.reserve_slot().unwrap();
    write(slot, 6);
    assert_eq!(commit(&batcher, slot), Err(PutError::Closed(6)));
    assert!(batcher.discard_slot(slot));
}

#[test]
fn miri_discarded_slots_are_used_again_and_only_by_their_thread() {
    let seen = Seen::default();
    let batcher = batcher_of(4, &seen);
    batcher.put(1).unwrap();
    let slot = batcher.reserve_slot().unwrap();
    write(slot, 7);
    let address = slot.as_ptr().addr();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let other = batcher.reserve_slot().unwrap();
            assert_ne!(other.as_ptr().addr(), address);
            assert!(batcher.discard_slot(other) && !batcher.discard_slot(other));
            // A reservation that is left behind goes with its thread.
            assert!(batcher.reserve_slot().is_some());
        });
    });
    assert!(batcher.discard_slot(slot));
    // SAFETY: it is no reservation any more, so nothing is read.
    assert!(unsafe { batcher.commit_slot(slot) }.is_none());
    assert_eq!(batcher.reserve_slot(), Some(slot), "nothing came in between");
    batcher.discard_slot(slot);
    std::thread::scope(|scope| drop(scope.spawn(|| batcher.put(2).unwrap())));
    let mut items = seen_by(&batcher, &seen);
    items.sort_unstable();
    assert_eq!(items, [1, 2]);
}

#[test]
fn an_ordered_batcher_lends_no_slots() {
    let batcher = Batcher::<u64>::builder().ordered(true).build_poll().unwrap();
    assert!(batcher.reserve_slot().is_none());
}

#[cfg(feature = "dedup")]
#[test]
fn weighed_and_deduplicated_items_are_committed_by_a_copy() {
    let builder = Batcher::<u64>::builder().weigher(|item| *item as usize).batch_bytes_max(9);
    let batcher = builder.dedup(std::time::Duration::from_secs(9), |item| *item).build_poll().unwrap();
    for (item, put) in [(4, Ok(())), (4, Err(PutError::Duplicate(4))), (6, Ok(()))] {
        let slot = batcher.reserve_slot().unwrap();
        write(slot, item);
        assert_eq!(commit(&batcher, slot), put);
        batcher.discard_slot(slot);
    }
    assert_eq!(batcher.close(Deadline::now()).items, [4, 6]);
}
