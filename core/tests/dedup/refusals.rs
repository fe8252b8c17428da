//! C40 and C45: what is refused releases its key, and whoever puts a duplicate is told so, by every way in.

use crate::support::modes::{MODES, Rig};
use crate::support::{Gate, OpenAtEnd, guarded, receive};
use crate::{assert_duplicate, ms, plain, window};
use batchline::{Batch, Batcher, Deadline, ItemOptions, Overflow, PutError, PutManyError};
use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

/// A batcher whose queue holds `items`.
fn small(items: usize) -> batchline::Builder<u64> {
    plain(items).queue_items_max(items)
}

#[test]
fn c45_every_way_to_put_tells_of_a_duplicate() {
    for mode in MODES {
        guarded("C45 ways", move || {
            let rig: Rig<u64> = mode.start_any(plain(8), |_| Ok(()));
            let batcher = &rig.batcher;
            batcher.put(1).unwrap();
            let soon = ItemOptions::new().linger(ms(1));
            let mut producer = batcher.producer();
            assert_duplicate(batcher.put(1), 1);
            assert_duplicate(batcher.try_put(1), 1);
            assert_duplicate(batcher.put_timeout(1, ms(1)), 1);
            assert_duplicate(batcher.put_with(1, soon), 1);
            assert_duplicate(producer.put(1), 1);
            assert_duplicate(producer.try_put(1), 1);
            assert_duplicate(producer.put_with(1, soon), 1);
            assert_eq!(batcher.submit(1).unwrap_err(), PutError::Duplicate(1));
            assert_eq!(batcher.submit_with(1, soon).unwrap_err(), PutError::Duplicate(1));
            assert_eq!(producer.submit(1).unwrap_err(), PutError::Duplicate(1));
            let (mut items, told) = (vec![1, 1], PutManyError::Duplicates { accepted: 0, duplicates: 2 });
            assert_eq!(batcher.put_many(&mut items), Err(told));
            assert_eq!(producer.put_many(&mut items), Err(told));
            assert_eq!(items, [1, 1]);
            let stats = batcher.stats();
            assert_eq!((stats.accepted, stats.duplicates, stats.refused, stats.joined), (1, 14, 14, 0));
            assert_eq!(batcher.window_stats().unwrap().duplicates, 14);
            drop(producer);
            rig.close();
        });
    }
}

#[test]
fn c40_a_put_that_found_no_room_releases_its_key() {
    for ordered in [false, true] {
        let batcher = small(2).ordered(ordered).build_poll().unwrap();
        batcher.put_many(&mut vec![1, 2]).unwrap();
        for _ in 0..3 {
            assert_eq!(batcher.try_put(3), Err(PutError::Full(3)));
            assert_eq!(batcher.put_timeout(3, ms(1)), Err(PutError::TimedOut(3)));
        }
        assert_eq!(batcher.window_stats().unwrap().keys, 2);
        drop(batcher.next_batch(Duration::ZERO).unwrap());
        batcher.put(3).unwrap();
        assert_duplicate(batcher.put(3), 3);
    }
}

#[test]
fn c40_a_submit_that_found_no_room_releases_its_key() {
    let batcher = small(1).overflow(Overflow::DropNewest).build_poll().unwrap();
    batcher.put(1).unwrap();
    assert_eq!(batcher.submit(2).unwrap_err(), PutError::Full(2));
    drop(batcher.next_batch(Duration::ZERO).unwrap());
    assert!(!batcher.submit(2).unwrap().is_done());
}

#[test]
fn c40_a_dropped_item_releases_its_key_before_the_hook_tells() {
    guarded("C40 dropped", || {
        let slot = Arc::new(OnceLock::<Weak<Batcher<u64>>>::new());
        let (tell, told) = channel();
        let by_hook = slot.clone();
        let builder = small(1).overflow(Overflow::DropNewest).on_failure(move |_| {
            let batcher = by_hook.get().and_then(Weak::upgrade).expect("it is open");
            let _ = tell.send(batcher.try_put(2));
        });
        let batcher = Arc::new(builder.build_poll().unwrap());
        slot.set(Arc::downgrade(&batcher)).unwrap();
        batcher.put(1).unwrap();
        batcher.put(2).unwrap();
        assert_eq!(batcher.stats().dropped, 1);
        assert_eq!(receive("the hook", &told), Err(PutError::Full(2)), "and no duplicate");
        drop(batcher.next_batch(Duration::ZERO).unwrap());
        batcher.put(2).unwrap();
        assert_eq!(batcher.window_stats().unwrap().keys, 2);
    });
}

#[test]
fn c40_an_item_that_is_too_large_releases_its_key() {
    let builder = Batcher::builder().weigher(|item: &(u64, usize)| item.1).batch_bytes_max(10).no_linger();
    let batcher = builder.dedup(window(), |item: &(u64, usize)| item.0).build_poll().unwrap();
    for _ in 0..2 {
        let refused = batcher.put((1, 11));
        assert_eq!(refused, Err(PutError::TooLarge { item: (1, 11), bytes: 11, bytes_max: 10 }));
        assert!(matches!(batcher.submit((1, 11)), Err(PutError::TooLarge { .. })));
    }
    let mut items = vec![(2, 1), (1, 11), (3, 1)];
    assert_eq!(batcher.put_many(&mut items), Err(PutManyError::TooLarge { accepted: 1 }));
    assert_eq!(items, [(1, 11), (3, 1)]);
    batcher.put((1, 10)).unwrap();
    batcher.put((3, 1)).unwrap();
    assert_eq!(batcher.put((1, 10)), Err(PutError::Duplicate((1, 10))));
}

#[test]
fn c40_a_put_that_close_ends_is_refused_as_closed() {
    for ordered in [false, true] {
        guarded("C40 closed", move || {
            let batcher = Arc::new(small(1).ordered(ordered).build_poll().unwrap());
            batcher.put(1).unwrap();
            let other = batcher.clone();
            let blocked = std::thread::spawn(move || other.put(2));
            crate::support::eventually("the blocked put has claimed its key", || {
                batcher.window_stats().unwrap().keys == 2
            });
            assert_duplicate(batcher.put(2), 2);
            let receipt = batcher.close(Deadline::now());
            assert_eq!((receipt.items, blocked.join().unwrap()), (vec![1], Err(PutError::Closed(2))));
            crate::support::eventually("nothing is remembered", || batcher.window_stats().unwrap().keys == 0);
            assert_eq!(batcher.put(1), Err(PutError::Closed(1)));
            assert_eq!(batcher.stats().duplicates, 1);
        });
    }
}

#[test]
fn c40_a_put_that_its_own_handler_may_not_wait_for_releases_its_key() {
    guarded("C40 reentrant", || {
        let slot = Arc::new(OnceLock::<Weak<Batcher<u64>>>::new());
        let (tell, told) = channel();
        let (by_handler, gate) = (slot.clone(), Arc::new(Gate::default()));
        let pass = gate.clone();
        let _open = OpenAtEnd(&gate);
        let built = plain(1).queue_items_max(2).build(move |batch: &mut Batch<u64>| {
            if batch[0] == 1 {
                pass.pass();
                let batcher = by_handler.get().and_then(Weak::upgrade).expect("it is open");
                let _ = tell.send([batcher.put(3), batcher.put(3)]);
            }
        });
        let batcher = Arc::new(built.unwrap());
        slot.set(Arc::downgrade(&batcher)).unwrap();
        batcher.put(1).unwrap();
        gate.await_waiting(1);
        batcher.put(2).unwrap();
        gate.open();
        let refused = [Err(PutError::Reentrant(3)), Err(PutError::Reentrant(3))];
        assert_eq!(receive("the handler", &told), refused);
        batcher.put(3).unwrap();
        assert_duplicate(batcher.put(3), 3);
        batcher.close(Deadline::never());
    });
}
