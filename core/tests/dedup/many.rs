//! C41: `put_many` goes through the window like `put`.

use crate::support::modes::{MODES, Rig};
use crate::support::{assert_balanced, guarded};
use crate::{assert_duplicate, plain, window};
use batchline::{Batcher, Deadline, Overflow, PutManyError};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Splits items into those that are new and those whose key came before.
fn split(items: &[u64], seen: &mut HashSet<u64>) -> (Vec<u64>, Vec<u64>) {
    items.iter().partition(|item| seen.insert(**item))
}

#[test]
fn c41_duplicates_and_only_those_stay_in_the_vector_in_order() {
    for mode in MODES {
        guarded("C41", move || {
            let handled = Arc::new(Mutex::new(Vec::new()));
            let by_handler = handled.clone();
            let rig: Rig<u64> = mode.start_any(plain(7), move |items| {
                by_handler.lock().unwrap().extend_from_slice(items);
                Ok(())
            });
            let (mut seen, mut expected, mut refused, mut state) = (HashSet::new(), Vec::new(), 0, 1_u64);
            for round in 0..40 {
                let mut next = || {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 33) % 400
                };
                let mut items: Vec<u64> = (0..round).map(|_| next()).collect();
                let (new, duplicates) = split(&items, &mut seen);
                let told = match duplicates.len() {
                    0 => Ok(new.len()),
                    count => Err(PutManyError::Duplicates { accepted: new.len(), duplicates: count }),
                };
                assert_eq!(rig.batcher.put_many(&mut items), told);
                assert_eq!(items, duplicates);
                refused += duplicates.len() as u64;
                expected.extend(new);
            }
            rig.batcher.flush().unwrap();
            let mut handled = std::mem::take(&mut *handled.lock().unwrap());
            if !mode.has_one_consumer() {
                handled.sort_unstable();
                expected.sort_unstable();
            }
            assert_eq!(handled, expected, "{mode:?}");
            let stats = rig.batcher.stats();
            assert_eq!((stats.duplicates, stats.refused), (refused, refused));
            assert_eq!(stats.accepted, seen.len() as u64);
            rig.close();
        });
    }
}

#[test]
fn c41_a_full_queue_in_the_middle_leaves_the_rest_behind_the_duplicates() {
    let batcher = plain(3).queue_items_max(3).overflow(Overflow::Fail).build_poll().unwrap();
    let mut items = vec![1, 1, 2, 2, 1, 3, 4, 4, 1, 5];
    assert_eq!(batcher.put_many(&mut items), Err(PutManyError::Full { accepted: 3 }));
    assert_eq!(items, [1, 2, 1, 4, 4, 1, 5], "the duplicates, then the first without room, and the rest");
    let stats = batcher.stats();
    assert_eq!((stats.accepted, stats.duplicates, stats.refused), (3, 3, 3 + 4));
    drop(batcher.next_batch(Duration::ZERO).unwrap());
    let told = PutManyError::Duplicates { accepted: 2, duplicates: 5 };
    assert_eq!(batcher.put_many(&mut items), Err(told));
    assert_eq!(items, [1, 2, 1, 4, 1]);
}

#[test]
fn c41_a_full_queue_that_drops_keeps_the_duplicates_and_frees_the_dropped() {
    let builder = plain(3).queue_items_max(3).overflow(Overflow::DropNewest);
    let batcher = builder.build_poll().unwrap();
    let mut items = vec![1, 1, 2, 3, 4, 5];
    let result = batcher.put_many(&mut items);
    assert!(matches!(result, Err(PutManyError::Duplicates { duplicates: 1, .. })), "{result:?}");
    assert_eq!((&items[..], batcher.stats().dropped, batcher.stats().accepted), (&[1][..], 2, 3));
    drop(batcher.next_batch(Duration::ZERO).unwrap());
    assert_eq!(batcher.put_many(&mut vec![4, 5]), Ok(2));
}

#[test]
fn c41_a_closed_batcher_takes_nothing_and_calls_nothing_a_duplicate() {
    let batcher = plain(3).build_poll().unwrap();
    batcher.put(1).unwrap();
    batcher.close(Deadline::now());
    let mut items = vec![1, 2, 2];
    assert_eq!(batcher.put_many(&mut items), Err(PutManyError::Closed { accepted: 0 }));
    assert_eq!(items, [1, 2, 2]);
    assert_eq!((batcher.stats().refused, batcher.stats().duplicates), (3, 0));
    assert_balanced(&batcher.stats());
}

#[test]
fn c41_a_close_in_the_middle_leaves_the_rest_in_the_vector() {
    for round in 0..60 {
        guarded("C41 close", move || {
            let batcher = Arc::new(plain(4).queue_items_max(8).build_poll().unwrap());
            let other = batcher.clone();
            let putter = std::thread::spawn(move || {
                let mut items: Vec<u64> = (0..40).map(|item| item / 2).collect();
                (other.put_many(&mut items), items)
            });
            (0..round).for_each(|_| std::thread::yield_now());
            let receipt = batcher.close(Deadline::now());
            let (result, items) = putter.join().unwrap();
            let accepted = result.unwrap_err().accepted();
            assert_eq!(receipt.items.len(), accepted);
            assert!(receipt.items.iter().copied().eq(0..accepted as u64), "{:?}", receipt.items);
            assert_eq!(items.len() + accepted, 40);
            let mut all: Vec<u64> = receipt.items.into_iter().chain(items).collect();
            all.sort_unstable();
            assert!(all.into_iter().eq((0..40).map(|item| item / 2)), "nothing is lost, nothing twice");
        });
    }
}

#[test]
fn c41_a_key_function_that_panics_in_the_middle_loses_nothing() {
    let calls = Arc::new(AtomicU64::new(0));
    let by_window = calls.clone();
    let builder = Batcher::<u64>::builder().batch_items_max(100).no_linger();
    let builder = builder.dedup(window(), move |item: &u64| {
        if by_window.fetch_add(1, SeqCst) == 4 {
            resume_unwind(Box::new("on purpose"));
        }
        *item
    });
    let batcher = builder.build_poll().unwrap();
    let mut items = vec![1, 1, 2, 2, 3, 4];
    assert!(catch_unwind(AssertUnwindSafe(|| batcher.put_many(&mut items))).is_err());
    assert_eq!(items, [1, 2, 3, 4], "the duplicates, the one whose key panicked, and the rest");
    let told = PutManyError::Duplicates { accepted: 2, duplicates: 2 };
    assert_eq!(batcher.put_many(&mut items), Err(told));
    assert_duplicate(batcher.put(3), 3);
    assert_eq!(batcher.close(Deadline::now()).items, [1, 2, 3, 4]);
}
