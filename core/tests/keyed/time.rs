//! What seals a batch of a key, on a virtual clock; and tickets.

use crate::support::{OpenAtEnd, guarded, receive};
use crate::{end, gated, ms, telling};
use batchline::{Batch, Batcher, Builder, Clock, ItemOptions, SealReason, TicketError, VirtualClock};
use std::thread;

fn on(time: &VirtualClock) -> Builder<u64> {
    Batcher::builder().clock(Clock::from(time))
}

#[test]
fn each_key_has_its_own_linger() {
    guarded("linger", || {
        let (time, (handler, seen)) = (VirtualClock::new(), telling());
        let batcher = on(&time).linger(ms(10)).keyed().build(handler).unwrap();
        batcher.put(&1, 1).unwrap();
        time.advance(ms(5));
        batcher.put(&2, 2).unwrap();
        time.advance(ms(5));
        assert_eq!(receive("key 1, at 10 ms", &seen), (1, vec![1], SealReason::Linger));
        // If key 2 were sealed before its time, it would come before this one.
        batcher.put_with(&3, 3, ItemOptions::new().linger(ms(1))).unwrap();
        time.advance(ms(1));
        assert_eq!(receive("key 3, at 11 ms", &seen), (3, vec![3], SealReason::Linger));
        time.advance(ms(4));
        assert_eq!(receive("key 2, at 15 ms", &seen), (2, vec![2], SealReason::Linger));
        end(&batcher);
    });
}

#[test]
fn an_item_with_a_shorter_linger_pulls_its_batch_forward() {
    for linger in [Some(ms(400)), None] {
        guarded("a pull", move || {
            let (time, (handler, seen)) = (VirtualClock::new(), telling());
            let builder = on(&time);
            let builder = linger.map_or_else(|| on(&time).no_linger(), |linger| builder.linger(linger));
            let batcher = builder.keyed().build(handler).unwrap();
            batcher.put(&1, 0).unwrap();
            batcher.put(&2, 0).unwrap();
            batcher.put_with(&1, 1, ItemOptions::new().linger(ms(1))).unwrap();
            batcher.put(&1, 2).unwrap();
            time.advance(ms(1));
            assert_eq!(receive("the pulled batch", &seen), (1, vec![0, 1, 2], SealReason::Linger));
            assert_eq!(batcher.stats().queued, 1, "key 2 still waits");
            end(&batcher);
        });
    }
}

#[test]
fn a_late_timer_never_seals_a_younger_batch() {
    guarded("a late timer", || {
        let (time, (handler, seen)) = (VirtualClock::new(), telling());
        let batcher = on(&time).batch_items_max(2).linger(ms(10)).keyed().build(handler).unwrap();
        (0..2).for_each(|item| batcher.put(&1, item).unwrap());
        assert_eq!(receive("a full batch", &seen), (1, vec![0, 1], SealReason::Size));
        time.advance(ms(5));
        batcher.put(&1, 2).unwrap();
        // The timer of the first batch comes at 10 ms; if it sealed the second, that would be seen first.
        time.advance(ms(5));
        batcher.put_with(&2, 3, ItemOptions::new().linger(ms(1))).unwrap();
        time.advance(ms(1));
        assert_eq!(receive("key 2", &seen), (2, vec![3], SealReason::Linger));
        time.advance(ms(4));
        assert_eq!(receive("the younger batch", &seen), (1, vec![2], SealReason::Linger));
        end(&batcher);
    });
}

#[test]
fn a_late_timer_of_an_evicted_key_does_not_touch_its_successor() {
    guarded("a late timer of another key", || {
        let (time, (handler, seen)) = (VirtualClock::new(), telling());
        let builder = on(&time).batch_items_max(2).linger(ms(10)).keyed().idle_keys_max(0);
        let batcher = builder.build(handler).unwrap();
        for key in 0..100 {
            (0..2).for_each(|item| batcher.put(&key, item).unwrap());
            assert_eq!(receive("a full batch", &seen).0, key);
        }
        crate::support::eventually("all are evicted", || batcher.keys() == 0);
        time.advance(ms(5));
        (100..200).for_each(|key| batcher.put(&key, 0).unwrap());
        time.advance(ms(5));
        batcher.put_with(&1000, 1, ItemOptions::new().linger(ms(1))).unwrap();
        time.advance(ms(1));
        assert_eq!(receive("the pulled batch", &seen), (1000, vec![1], SealReason::Linger));
        time.advance(ms(4));
        (0..100).for_each(|_| assert_eq!(receive("a batch", &seen).2, SealReason::Linger));
        end(&batcher);
    });
}

#[test]
fn with_demand_a_free_worker_takes_at_once_and_a_busy_one_lets_batches_grow() {
    guarded("demand", || {
        let (time, (handler, seen, gate)) = (VirtualClock::new(), gated(1));
        let batcher = on(&time).demand(true).keyed().build(handler).unwrap();
        let _open = OpenAtEnd(&gate);
        batcher.put(&0, 0).unwrap();
        assert_eq!(receive("at once", &seen), (0, vec![0], SealReason::Demand));
        gate.await_waiting(1);
        for item in 0..5 {
            batcher.put(&1, item).unwrap();
            batcher.put(&2, item).unwrap();
        }
        gate.open();
        let mut grown = [receive("a batch", &seen), receive("a batch", &seen)];
        grown.sort_unstable_by_key(|(key, ..)| *key);
        assert_eq!(grown, [1, 2].map(|key| (key, vec![0, 1, 2, 3, 4], SealReason::Demand)));
        assert_eq!(time.timers(), 0);
        end(&batcher);
    });
}

#[test]
fn a_batch_of_one_waits_for_nothing() {
    guarded("batches of one", || {
        let (time, (handler, seen)) = (VirtualClock::new(), telling());
        let builder = on(&time).batch_items_max(1).linger(ms(3_600_000));
        let batcher = builder.keyed().build(handler).unwrap();
        for item in 0..10 {
            batcher.put(&1, item).unwrap();
            assert_eq!(receive("at once", &seen), (1, vec![item], SealReason::Size));
        }
        end(&batcher);
    });
}

#[test]
fn a_deadline_pulls_the_seal_to_its_half() {
    guarded("half the deadline", || {
        let (time, (handler, seen)) = (VirtualClock::new(), telling());
        let batcher = on(&time).no_linger().keyed().build(handler).unwrap();
        let ticket = batcher.submit_with(&1, 1, ItemOptions::new().deadline(ms(20))).unwrap();
        time.advance(ms(10));
        assert_eq!(receive("half way", &seen), (1, vec![1], SealReason::Linger));
        assert!(ticket.wait().is_ok());
        end(&batcher);
    });
}

#[test]
fn cancelled_and_expired_items_never_reach_the_handler_and_hurt_nobody() {
    guarded("cancel and expire", || {
        let (time, (handler, seen, gate)) = (VirtualClock::new(), gated(1));
        let builder = on(&time).batch_items_max(10).linger(ms(1)).on_failure(|_| {});
        let batcher = builder.keyed().build(handler).unwrap();
        let _open = OpenAtEnd(&gate);
        batcher.put(&0, 0).unwrap();
        time.advance(ms(1));
        gate.await_waiting(1);
        let good = batcher.submit(&1, 1).unwrap();
        let cancelled = batcher.submit(&1, 2).unwrap();
        let expired = batcher.submit_with(&1, 3, ItemOptions::new().deadline(ms(20))).unwrap();
        let alone = batcher.submit(&2, 4).unwrap();
        assert!(cancelled.cancel() && cancelled.cancel() && alone.cancel());
        time.advance(ms(20));
        gate.open();
        assert!(good.wait().is_ok());
        assert!(matches!(cancelled.wait(), Err(TicketError::Cancelled)));
        assert!(matches!(alone.wait(), Err(TicketError::Cancelled)));
        assert!(matches!(expired.wait(), Err(TicketError::Expired)));
        end(&batcher);
        let items: Vec<_> = seen.try_iter().map(|(key, items, _)| (key, items)).collect();
        assert_eq!(items, [(0, vec![0]), (1, vec![1])]);
        let stats = batcher.stats();
        assert_eq!((stats.done, stats.cancelled, stats.expired), (2, 2, 1));
    });
}

#[test]
fn a_ticket_gets_the_reply_of_its_own_item() {
    guarded("replies", || {
        let builder = Batcher::<u64>::builder().replies::<u64>().batch_items_max(8).workers(2);
        let handler = |key: &u64, batch: &mut Batch<u64, u64>| {
            (0..batch.len()).for_each(|index| batch.reply(index, batch[index] * 1000 + key));
        };
        let batcher = builder.linger(ms(1)).keyed().build(handler).unwrap();
        let tickets: Vec<_> =
            (0..100).map(|item| (item, batcher.submit(&(item % 7), item).unwrap())).collect();
        for (item, ticket) in tickets {
            assert_eq!(ticket.wait().unwrap(), item * 1000 + item % 7);
        }
        end(&batcher);
    });
}

#[test]
fn no_timer_is_lost_when_batches_of_a_key_fill_and_open_at_once() {
    const ROUNDS: usize = 3000;
    guarded("timers under load", || {
        let builder = Batcher::builder().batch_items_max(2).linger(ms(0)).workers(2);
        let batcher = builder.keyed().build(|_: &u32, _: &mut Batch<usize>| ()).unwrap();
        thread::scope(|scope| {
            for thread in 0..3 {
                let batcher = &batcher;
                // Nobody flushes: a batch whose timer is lost leaves its putter waiting.
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        let key = (round / 8 % 2) as u32;
                        batcher.submit(&key, thread).unwrap().wait().unwrap();
                    }
                });
            }
        });
        assert_eq!(batcher.stats().done, 3 * ROUNDS as u64);
        end(&batcher);
    });
}
