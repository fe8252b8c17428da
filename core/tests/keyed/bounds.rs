//! The budget that all keys share: items and bytes.

use crate::support::{Gate, OpenAtEnd, eventually, guarded};
use crate::{end, gated, ms, plain, telling};
use batchline::{
    Batch, Batcher, Builder, Clock, FailureKind, Overflow, Oversize, PutError, SealReason, VirtualClock,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::thread;

fn tiny() -> Builder<u64> {
    plain(2).queue_items_max(4)
}

#[test]
fn a_full_queue_fails_the_put_and_returns_the_item_whatever_the_key() {
    guarded("fail", || {
        let (handler, _seen, gate) = gated(1);
        let batcher = tiny().overflow(Overflow::Fail).keyed().build(handler).unwrap();
        let _open = OpenAtEnd(&gate);
        (0..2).for_each(|item| batcher.put(&0, item).unwrap());
        gate.await_waiting(1);
        batcher.put(&1, 2).unwrap();
        batcher.put(&2, 3).unwrap();
        for key in [0, 1, 2, 3] {
            assert_eq!(batcher.put(&key, 9), Err(PutError::Full(9)));
            assert_eq!(batcher.try_put(&key, 9), Err(PutError::Full(9)));
            assert!(matches!(batcher.submit(&key, 9), Err(PutError::Full(9))));
        }
        assert_eq!(batcher.stats().refused, 12);
        gate.open();
        batcher.flush().unwrap();
        (4..8).for_each(|item| batcher.put(&7, item).unwrap());
        end(&batcher);
        assert_eq!((batcher.stats().accepted, batcher.stats().done), (8, 8));
    });
}

#[test]
fn drop_newest_counts_and_tells_and_a_submitter_is_told_itself() {
    guarded("drop newest", || {
        let ((handler, _seen, gate), dropped) = (gated(1), Arc::new(AtomicU64::new(0)));
        let count = dropped.clone();
        let builder = tiny().overflow(Overflow::DropNewest).on_failure(move |report| {
            assert!(matches!(report.kind, FailureKind::Dropped), "{report}");
            count.fetch_add(report.items, SeqCst);
        });
        let batcher = builder.keyed().build(handler).unwrap();
        let _open = OpenAtEnd(&gate);
        (0..2).for_each(|item| batcher.put(&0, item).unwrap());
        gate.await_waiting(1);
        (2..10).for_each(|item| batcher.put(&1, item).unwrap());
        assert!(matches!(batcher.submit(&1, 10), Err(PutError::Full(10))));
        assert_eq!((batcher.stats().accepted, batcher.stats().dropped), (4, 6));
        assert_eq!(dropped.load(SeqCst), 6);
        gate.open();
        end(&batcher);
        assert_eq!(batcher.stats().done, 4);
    });
}

#[test]
fn a_put_waits_for_room_as_long_as_it_was_told() {
    guarded("block for", || {
        let (time, (handler, _seen, gate)) = (VirtualClock::new(), gated(1));
        let builder = tiny().clock(Clock::from(&time)).overflow(Overflow::BlockFor(ms(50)));
        let batcher = builder.keyed().build(handler).unwrap();
        let _open = OpenAtEnd(&gate);
        (0..4).for_each(|item| batcher.put(&0, item).unwrap());
        gate.await_waiting(1);
        thread::scope(|scope| {
            let put = scope.spawn(|| batcher.put(&1, 9));
            eventually("the putter sleeps", || time.timers() == 1);
            time.advance(ms(49));
            assert_eq!(time.timers(), 1, "it is not time yet");
            time.advance(ms(1));
            assert_eq!(put.join().unwrap(), Err(PutError::TimedOut(9)));
        });
        gate.open();
        end(&batcher);
        assert_eq!((batcher.stats().accepted, batcher.stats().refused), (4, 1));
    });
}

#[test]
fn open_batches_of_many_keys_make_room_for_a_put_that_waits() {
    for overflow in [Overflow::Block, Overflow::BlockFor(crate::support::PATIENCE)] {
        guarded("room out of open batches", move || {
            let (handler, seen) = telling();
            let builder = plain(4).queue_items_max(4).overflow(overflow);
            let batcher = builder.keyed().build(handler).unwrap();
            // No batch is ever full: without help the fifth put would wait for ever.
            (0..100).for_each(|key| batcher.put(&key, 0).unwrap());
            assert!(seen.try_iter().all(|(_, items, reason)| items == [0] && reason == SealReason::Demand));
            assert!(batcher.stats().batches_for(SealReason::Demand) >= 96);
            end(&batcher);
            assert_eq!(batcher.stats().done, 100);
        });
    }
}

#[test]
fn a_blocked_put_gets_the_room_there_is_while_another_keys_handler_is_stuck() {
    guarded("room beside a stuck key", || {
        let gates: [Arc<Gate>; 2] = Default::default();
        let [stuck, short] = gates.clone();
        let handler = move |key: &u32, _: &mut Batch<u64>| match key {
            0 => stuck.pass(),
            1 => short.pass(),
            _ => {}
        };
        let builder = plain(90).queue_items_max(100).workers(3).keyed();
        let batcher = builder.build(handler).unwrap();
        let (_open0, _open1) = (OpenAtEnd(&gates[0]), OpenAtEnd(&gates[1]));
        (0..90).for_each(|item| batcher.put(&0, item).unwrap());
        gates[0].await_waiting(1);
        (0..10).for_each(|item| batcher.put(&1, item).unwrap());
        thread::scope(|scope| {
            let (tell, put) = channel();
            let batcher = &batcher;
            // The put presses for room, so the open batch of key 1 goes to its handler.
            scope.spawn(move || drop(tell.send(batcher.put(&2, 0))));
            gates[1].await_waiting(1);
            gates[1].open();
            let waited = put.recv_timeout(crate::support::PATIENCE / 3);
            gates[0].open();
            assert_eq!(waited, Ok(Ok(())), "ten places are free, and the put sleeps on");
        });
        end(&batcher);
    });
}

fn weighed(batch: usize) -> Builder<u64> {
    plain(100).weigher(|item| *item as usize).batch_bytes_max(batch)
}

#[test]
fn no_batch_weighs_more_than_it_may() {
    guarded("bytes", || {
        let (handler, seen) = telling();
        let batcher = weighed(10).workers(2).keyed().build(handler).unwrap();
        for item in 0..300 {
            batcher.put(&(item as u32 % 3), item * 7 % 11).unwrap();
        }
        batcher.flush().unwrap();
        let (mut items, mut by_bytes) = (0, 0);
        for (_, batch, reason) in seen.try_iter() {
            assert!(batch.iter().sum::<u64>() <= 10, "{batch:?}");
            items += batch.len();
            by_bytes += u64::from(reason == SealReason::Bytes);
        }
        assert_eq!(items, 300);
        assert!(by_bytes >= 100, "{by_bytes} batches were sealed by their weight");
        assert_eq!(by_bytes, batcher.stats().batches_for(SealReason::Bytes));
        end(&batcher);
    });
}

#[test]
fn the_weight_of_all_keys_together_is_bounded() {
    guarded("queue bytes", || {
        let (handler, _seen) = telling();
        let builder = weighed(10).queue_bytes_max(25).overflow(Overflow::Fail);
        let batcher = builder.keyed().build(handler).unwrap();
        batcher.put(&1, 9).unwrap();
        batcher.put(&2, 9).unwrap();
        assert_eq!(batcher.put(&3, 8), Err(PutError::Full(8)));
        batcher.put(&3, 7).unwrap();
        assert_eq!(batcher.put(&4, 1), Err(PutError::Full(1)));
        batcher.put(&4, 0).unwrap();
        assert_eq!(batcher.stats().bytes_live, 25);
        batcher.flush().unwrap();
        assert_eq!(batcher.stats().bytes_live, 0);
        end(&batcher);
        assert_eq!(batcher.stats().done, 4);
    });
}

#[test]
fn an_item_too_heavy_for_any_batch_is_refused_or_goes_alone() {
    guarded("oversize", || {
        let (handler, _seen) = telling();
        let batcher = weighed(10).keyed().build(handler).unwrap();
        let refused = PutError::TooLarge { item: 11, bytes: 11, bytes_max: 10 };
        assert_eq!(batcher.put(&1, 11), Err(refused));
        end(&batcher);
        let (handler, seen) = telling();
        let batcher = weighed(10).oversize(Oversize::Alone).keyed().build(handler).unwrap();
        [3, 50, 4, 50, 50].into_iter().for_each(|item| batcher.put(&1, item).unwrap());
        batcher.flush().unwrap();
        let batches: Vec<_> = seen.try_iter().map(|(_, items, _)| items).collect();
        assert_eq!(batches, [[3], [50], [4], [50], [50]]);
        end(&batcher);
    });
}

#[test]
fn an_item_too_heavy_for_any_batch_goes_alone_also_after_weightless_ones() {
    guarded("oversize after weightless", || {
        let (handler, seen) = telling();
        let batcher = weighed(10).oversize(Oversize::Alone).keyed().build(handler).unwrap();
        [0, 0, 50, 0].into_iter().for_each(|item| batcher.put(&1, item).unwrap());
        batcher.flush().unwrap();
        let batches: Vec<_> = seen.try_iter().map(|(_, items, _)| items).collect();
        assert_eq!(batches, [vec![0, 0], vec![50], vec![0]]);
        end(&batcher);
    });
}

#[test]
fn the_bound_on_items_holds_at_every_moment() {
    guarded("the bound", || {
        let (live, peak) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (leaving, count) = (live.clone(), peak.clone());
        let handler = move |_: &u64, batch: &mut Batch<u64>| {
            count.fetch_max(leaving.load(SeqCst), SeqCst);
            leaving.fetch_sub(batch.len() as u64, SeqCst);
        };
        let builder = Batcher::builder().batch_items_max(3).queue_items_max(10).workers(3).linger(ms(1));
        let batcher = builder.keyed().build(handler).unwrap();
        thread::scope(|scope| {
            for thread in 0..4 {
                let (batcher, live) = (&batcher, &live);
                scope.spawn(move || {
                    for item in 0..1000 {
                        batcher.put(&(item % 13), thread).unwrap();
                        live.fetch_add(1, SeqCst);
                    }
                });
            }
        });
        end(&batcher);
        // Counted after the put, so it may run below zero and wrap, but never above the bound.
        let peak = peak.load(SeqCst);
        assert!(peak <= 10 || peak > u64::MAX / 2, "{peak} items were live");
        assert_eq!(batcher.stats().done, 4000);
    });
}
