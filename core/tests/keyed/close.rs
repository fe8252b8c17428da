//! Close and drop: nothing accepted is lost, nothing hangs.

use crate::support::items::Drops;
use crate::support::{Gate, OpenAtEnd, assert_balanced, eventually, guarded, outcomes};
use crate::{end, gated, plain, telling};
use batchline::{Batch, Batcher, Deadline, FailureKind, FlushError, KeyedBatcher, PutError, TicketError};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;

#[test]
fn close_drains_every_key() {
    guarded("close", || {
        let (handler, seen) = telling();
        let batcher = plain(10).workers(3).keyed().build(handler).unwrap();
        (0..1000).for_each(|item| batcher.put(&(item as u32 % 77), item).unwrap());
        let receipt = batcher.close(Deadline::never());
        assert_eq!((receipt.accepted, receipt.done, receipt.items.len()), (1000, 1000, 0));
        let mut items: Vec<_> = seen.try_iter().flat_map(|(_, items, _)| items).collect();
        items.sort_unstable();
        assert_eq!(items, Vec::from_iter(0..1000));
        end(&batcher);
        assert_eq!(batcher.put(&1, 9), Err(PutError::Closed(9)));
        assert_eq!(batcher.try_put(&1, 9), Err(PutError::Closed(9)));
        assert!(matches!(batcher.submit(&1, 9), Err(PutError::Closed(9))));
        assert_balanced(&batcher.stats());
    });
}

#[test]
fn the_deadline_hands_back_what_waits_with_its_key() {
    guarded("close with a stuck handler", || {
        let (handler, _seen, gate) = gated(1);
        let batcher = plain(2).keyed().build(handler).unwrap();
        let _open = OpenAtEnd(&gate);
        (0..2).for_each(|item| batcher.put(&0, item).unwrap());
        gate.await_waiting(1);
        (2..7).for_each(|item| batcher.put(&0, item).unwrap());
        (7..10).for_each(|item| batcher.put(&5, item).unwrap());
        let ticket = batcher.submit(&6, 10).unwrap();
        let cancelled = batcher.submit(&6, 11).unwrap();
        assert!(cancelled.cancel());
        let receipt = batcher.close(Deadline::now());
        assert!(receipt.timed_out && receipt.is_balanced());
        assert_eq!((receipt.accepted, receipt.handed_back, receipt.cancelled), (12, 9, 1));
        assert_eq!((receipt.still_running, receipt.done), (2, 0));
        let of_key =
            |key| receipt.items.iter().filter(move |(other, _)| *other == key).map(|(_, item)| *item);
        assert_eq!(of_key(0).collect::<Vec<_>>(), [2, 3, 4, 5, 6]);
        assert_eq!(of_key(5).collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!(of_key(6).collect::<Vec<_>>(), [10]);
        assert!(matches!(ticket.wait(), Err(TicketError::HandedBack)));
        gate.open();
        eventually("the stuck handler ends", || batcher.stats().live == 0);
        assert_eq!((batcher.stats().done, outcomes(&batcher.stats())), (2, 12));
        assert_eq!(batcher.stats().batches, 1, "what was handed back was no batch");
        assert_balanced(&batcher.stats());
    });
}

#[test]
fn a_second_close_waits_for_the_first() {
    guarded("two closes", || {
        let (handler, _seen, gate) = gated(1);
        let batcher = plain(1).queue_items_max(1 << 16).keyed().build(handler).unwrap();
        let _open = OpenAtEnd(&gate);
        batcher.put(&0, 0).unwrap();
        gate.await_waiting(1);
        batcher.put(&1, 1).unwrap();
        thread::scope(|scope| {
            let closes: Vec<_> = (0..3).map(|_| scope.spawn(|| batcher.close(Deadline::never()))).collect();
            // Until then these are accepted, one by one.
            let more = (0..).find(|_| batcher.put(&1, 9) == Err(PutError::Closed(9))).unwrap();
            assert!(closes.iter().all(|close| !close.is_finished()));
            gate.open();
            for close in closes {
                let receipt = close.join().unwrap();
                assert!(receipt.is_balanced() && !receipt.timed_out, "{receipt:?}");
                assert_eq!((receipt.done, receipt.still_running), (2 + more, 0));
            }
        });
        end(&batcher);
    });
}

#[test]
fn a_second_close_does_not_hand_back_twice() {
    guarded("close again", || {
        let (handler, _seen, gate) = gated(1);
        let batcher = plain(1).keyed().build(handler).unwrap();
        let _open = OpenAtEnd(&gate);
        batcher.put(&0, 0).unwrap();
        gate.await_waiting(1);
        (1..4).for_each(|item| batcher.put(&0, item).unwrap());
        assert_eq!(batcher.close(Deadline::now()).items, [(0, 1), (0, 2), (0, 3)]);
        let again = batcher.close(Deadline::now());
        assert!(again.items.is_empty() && again.is_balanced());
        assert_eq!((again.handed_back, again.still_running), (3, 1));
        gate.open();
        eventually("the handler ends", || batcher.stats().live == 0);
        assert_balanced(&batcher.stats());
    });
}

fn race(deadline: Deadline, stuck: bool) {
    let (gate, drops) = (Arc::new(Gate::default()), Drops::new(80));
    let pass = gate.clone();
    if !stuck {
        gate.open();
    }
    let builder = Batcher::builder().batch_items_max(2).queue_items_max(4).no_linger();
    let batcher = builder.keyed().build(move |_: &usize, _: &mut Batch<_>| pass.pass()).unwrap();
    let _open = OpenAtEnd(&gate);
    let (accepted, start) = (AtomicU64::new(0), Barrier::new(5));
    let receipt = thread::scope(|scope| {
        for thread in 0..4 {
            let (batcher, accepted, start, drops) = (&batcher, &accepted, &start, &drops);
            scope.spawn(move || {
                start.wait();
                for id in thread * 20..(thread + 1) * 20 {
                    match batcher.put(&(id % 3), drops.item(id)) {
                        Ok(()) => _ = accepted.fetch_add(1, SeqCst),
                        Err(PutError::Closed(item)) => assert_eq!((item.id, drops.of(id)), (id, 0)),
                        Err(other) => panic!("refused for another reason: {other}"),
                    }
                }
            });
        }
        start.wait();
        if stuck {
            // Four are live and nobody finishes one: whoever puts next is blocked.
            eventually("the queue is full", || batcher.stats().live == 4);
        }
        batcher.close(deadline)
    });
    gate.open();
    eventually("all have an outcome", || batcher.stats().live == 0);
    assert!(receipt.is_balanced(), "{receipt:?}");
    assert_eq!(receipt.accepted, accepted.load(SeqCst));
    assert_eq!(receipt.handed_back, receipt.items.len() as u64);
    assert_balanced(&batcher.stats());
    drop(receipt);
    drop(batcher);
    drops.assert_each_once();
}

#[test]
fn a_put_blocked_at_close_returns_its_item() {
    guarded("put against close", || {
        (0..100).for_each(|_| race(Deadline::now(), true));
        (0..100).for_each(|_| race(Deadline::never(), false));
        (0..100).for_each(|_| race(Deadline::now(), false));
    });
}

#[test]
fn a_close_under_sustained_traffic_ends() {
    guarded("close under traffic", || {
        for _ in 0..20 {
            let builder = Batcher::builder().batch_items_max(8).queue_items_max(64).workers(2);
            let batcher = builder.keyed().build(|_: &u64, _: &mut Batch<u64>| ()).unwrap();
            let receipt = thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| (0..).find(|n| batcher.put(&(n % 9), *n).is_err()));
                }
                eventually("traffic", || batcher.stats().done > 200);
                batcher.close(Deadline::never())
            });
            assert!(receipt.is_balanced() && !receipt.timed_out && receipt.items.is_empty());
            assert_eq!(receipt.accepted, receipt.done);
            assert_balanced(&batcher.stats());
        }
    });
}

#[test]
fn a_flush_that_waits_is_told_of_the_close() {
    guarded("flush against close", || {
        let (handler, _seen, gate) = gated(1);
        let batcher = plain(1).keyed().build(handler).unwrap();
        let _open = OpenAtEnd(&gate);
        batcher.put(&0, 0).unwrap();
        gate.await_waiting(1);
        thread::scope(|scope| {
            let flush = scope.spawn(|| batcher.flush());
            assert!(batcher.close(Deadline::now()).timed_out);
            eventually("the flush gives up", || flush.is_finished());
            assert_eq!(flush.join().unwrap(), Err(FlushError::Closed));
        });
        gate.open();
        eventually("the handler ends", || batcher.stats().live == 0);
    });
}

#[test]
fn dropping_the_batcher_handles_what_waits() {
    guarded("drop", || {
        let (handler, seen) = telling();
        let batcher = plain(10).workers(2).keyed().build(handler).unwrap();
        (0..100).for_each(|item| batcher.put(&(item as u32 % 7), item).unwrap());
        let ticket = batcher.submit(&3, 100).unwrap();
        drop(batcher);
        assert!(ticket.wait().is_ok());
        let mut items: Vec<_> = seen.iter().flat_map(|(_, items, _)| items).collect();
        items.sort_unstable();
        assert_eq!(items, Vec::from_iter(0..=100), "and the handler was dropped: the channel ended");
    });
}

#[test]
fn dropping_the_batcher_tells_of_what_it_had_to_abandon() {
    guarded("drop with a stuck handler", || {
        let (gate, drops, lost) = (Arc::new(Gate::default()), Drops::new(8), Arc::new(AtomicU64::new(0)));
        let (pass, count) = (gate.clone(), lost.clone());
        let builder = Batcher::builder().batch_items_max(1).drop_deadline(std::time::Duration::ZERO);
        let builder = builder.on_failure(move |report| {
            assert!(matches!(report.kind, FailureKind::Abandoned), "{report}");
            count.fetch_add(report.items, SeqCst);
        });
        let batcher = builder.keyed().build(move |_: &u32, _: &mut Batch<_>| pass.pass()).unwrap();
        let _open = OpenAtEnd(&gate);
        drops.items().into_iter().for_each(|item| batcher.put(&1, item).unwrap());
        gate.await_waiting(1);
        drop(batcher);
        assert_eq!((lost.load(SeqCst), drops.total()), (7, 7));
        gate.open();
        eventually("the last item is dropped", || drops.total() == 8);
        drops.assert_each_once();
    });
}

#[test]
fn closing_leaves_no_thread_and_no_item_behind() {
    guarded("create and close", || {
        let drops = Drops::new(400);
        for round in 0..20 {
            let batcher: KeyedBatcher<usize, _> =
                Batcher::builder().workers(3).keyed().build(|_: &usize, _: &mut Batch<_>| ()).unwrap();
            (0..20).for_each(|id| batcher.put(&(id % 4), drops.item(round * 20 + id)).unwrap());
            end(&batcher);
            let done = 20 * (round as u32 + 1);
            assert_eq!(drops.total(), done, "close returns when every item is gone");
        }
        drops.assert_each_once();
    });
}
