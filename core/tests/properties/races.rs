//! Races that the random programs found, and found too seldom: each repeated until it would show.

use crate::support::{assert_balanced, eventually, guarded};
use batchline::{Batch, Batcher, Deadline, Dispatch, PutError};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

/// No put may be accepted after a close has returned: nobody would be left to handle it.
///
/// Puts until one is refused after the close has returned; how many were accepted.
fn put_on(batcher: &Batcher<u64>, is_closed: &AtomicBool) -> u64 {
    let mut accepted = 0;
    loop {
        let was_closed = is_closed.load(SeqCst);
        match batcher.put(0) {
            Ok(()) => {
                assert!(!was_closed, "a put was accepted after a close had returned");
                accepted += 1;
            }
            Err(error) => {
                assert!(matches!(error, PutError::Closed(0)), "{error}");
                if was_closed {
                    return accepted;
                }
            }
        }
    }
}

fn close_under_traffic(ordered: bool, deadline: Deadline) {
    let builder = Batcher::builder().batch_items_max(64).queue_items_max(16_384).ordered(ordered);
    let batcher = builder.build(|_: &mut Batch<u64>| thread::yield_now()).unwrap();
    let is_closed = AtomicBool::new(false);
    let (accepted, receipt) = thread::scope(|scope| {
        let putters: Vec<_> = (0..3).map(|_| scope.spawn(|| put_on(&batcher, &is_closed))).collect();
        eventually("traffic", || batcher.stats().done > 60);
        let receipt = batcher.close(deadline);
        is_closed.store(true, SeqCst);
        (putters.into_iter().map(|putter| putter.join().unwrap()).sum::<u64>(), receipt)
    });
    eventually("every item has its outcome", || batcher.stats().live == 0);
    assert_balanced(&batcher.stats());
    assert_eq!((receipt.accepted, batcher.stats().accepted), (accepted, accepted));
    assert_eq!(batcher.stats().done + receipt.items.len() as u64, accepted);
}

#[test]
fn no_put_is_accepted_after_a_close_has_returned() {
    guarded("puts after the close", || {
        // A deadline that cuts the drain off somewhere in its middle, wherever that is.
        for round in 0..100 {
            close_under_traffic(round % 2 == 0, Deadline::after(Duration::from_micros(round / 2)));
        }
        (0..10).for_each(|round| close_under_traffic(round % 2 == 0, Deadline::never()));
    });
}

/// One puts and handles the batches it fills, the other flushes; nobody comes after them.
fn flush_beside_a_putter(rounds: usize, ordered: bool) {
    let builder = Batcher::builder().batch_items_max(4).queue_items_max(6).no_linger().ordered(ordered);
    let batcher = builder.dispatch(Dispatch::Caller).build(|_: &mut Batch<u64>| ()).unwrap();
    let start = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..rounds {
                start.wait();
                // More than there is room for: it handles batches to make way.
                batcher.put_many(&mut (1..=11).collect()).unwrap();
            }
        });
        for _ in 0..rounds {
            start.wait();
            batcher.put(0).unwrap();
            batcher.flush().unwrap();
        }
    });
    let receipt = batcher.close(Deadline::never());
    assert_eq!((receipt.accepted, receipt.done), (12 * rounds as u64, 12 * rounds as u64));
    assert_balanced(&batcher.stats());
}

#[test]
fn a_flush_in_caller_mode_does_not_wait_for_somebody_who_has_gone() {
    guarded("a flush beside a putter", || {
        flush_beside_a_putter(30_000, false);
        flush_beside_a_putter(30_000, true);
    });
}
