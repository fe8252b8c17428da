//! Flush: a barrier over all keys.

use crate::support::{OpenAtEnd, guarded, receive};
use crate::{end, gated, ms, plain, telling};
use batchline::{Batch, Batcher, Clock, Deadline, FlushError, KeyedBatcher, SealReason, VirtualClock};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::thread;

#[test]
fn without_a_linger_only_the_flush_seals_what_is_open() {
    guarded("flush", || {
        let (handler, seen) = telling();
        let batcher = plain(100).keyed().build(handler).unwrap();
        for round in 0..10 {
            (0..5).for_each(|key| batcher.put(&key, round).unwrap());
            assert_eq!(batcher.stats().queued, 5);
            batcher.flush().unwrap();
            let mut batches: Vec<_> = seen.try_iter().collect();
            batches.sort_unstable_by_key(|(key, ..)| *key);
            assert_eq!(batches, (0..5).map(|key| (key, vec![round], SealReason::Flush)).collect::<Vec<_>>());
        }
        batcher.flush().unwrap();
        assert_eq!(batcher.stats().batches, 50, "an empty flush seals nothing");
        end(&batcher);
    });
}

#[test]
fn a_flush_overrides_the_linger() {
    guarded("flush against linger", || {
        let (time, (handler, seen)) = (VirtualClock::new(), telling());
        let builder = Batcher::builder().clock(Clock::from(&time)).linger(ms(3_600_000));
        let batcher = builder.keyed().build(handler).unwrap();
        batcher.put(&1, 1).unwrap();
        batcher.flush().unwrap();
        assert_eq!(seen.try_recv(), Ok((1, vec![1], SealReason::Flush)));
        assert!(time.now().is_zero());
        end(&batcher);
    });
}

#[test]
fn everything_put_before_a_flush_was_handled_when_it_returns() {
    guarded("the barrier", || {
        let handled: Arc<Vec<AtomicU64>> = Arc::new((0..4).map(|_| AtomicU64::new(0)).collect());
        let count = handled.clone();
        let handler = move |_: &u64, batch: &mut Batch<usize>| {
            for &thread in batch.iter() {
                count[thread].fetch_add(1, SeqCst);
            }
        };
        let builder = Batcher::builder().batch_items_max(5).queue_items_max(50).workers(3).no_linger();
        let batcher = builder.keyed().in_flight_per_key_max(2).idle_keys_max(0).build(handler).unwrap();
        thread::scope(|scope| {
            for thread in 0..4 {
                let (batcher, handled) = (&batcher, &handled);
                scope.spawn(move || {
                    for put in 1..=2000 {
                        batcher.put(&(put % 11), thread).unwrap();
                        if put % 37 == 0 {
                            batcher.flush().unwrap();
                            assert_eq!(handled[thread].load(SeqCst), put);
                        }
                    }
                });
            }
        });
        end(&batcher);
        assert_eq!(batcher.stats().done, 8000);
    });
}

#[test]
fn items_put_during_a_flush_do_not_prolong_it_for_ever() {
    guarded("flush under traffic", || {
        let stop = AtomicBool::new(false);
        let builder = Batcher::builder().batch_items_max(4).queue_items_max(64).workers(2).linger(ms(1));
        let batcher = builder.keyed().build(|_: &u64, _: &mut Batch<u64>| ()).unwrap();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    (0..).take_while(|_| !stop.load(SeqCst)).for_each(|n| batcher.put(&(n % 7), n).unwrap())
                });
            }
            let flushed = (0..100).try_for_each(|_| batcher.flush_timeout(crate::support::PATIENCE / 3));
            stop.store(true, SeqCst);
            assert_eq!(flushed, Ok(()));
        });
        end(&batcher);
    });
}

#[test]
fn a_flush_that_times_out_has_sealed_all_the_same() {
    guarded("flush with a timeout", || {
        let (handler, seen, gate) = gated(1);
        let batcher = plain(10).keyed().build(handler).unwrap();
        let _open = OpenAtEnd(&gate);
        batcher.put(&0, 0).unwrap();
        assert_eq!(batcher.flush_timeout(ms(0)), Err(FlushError::TimedOut));
        gate.await_waiting(1);
        batcher.put(&0, 1).unwrap();
        batcher.put(&5, 2).unwrap();
        assert_eq!(batcher.flush_timeout(ms(0)), Err(FlushError::TimedOut));
        batcher.put(&5, 3).unwrap();
        gate.open();
        let expected = [(0, vec![0]), (5, vec![2]), (0, vec![1])];
        for (key, items) in expected {
            assert_eq!(receive("a sealed batch", &seen), (key, items, SealReason::Flush));
        }
        assert_eq!(batcher.stats().queued, 1);
        end(&batcher);
    });
}

type Own = Arc<OnceLock<KeyedBatcher<u32, u64>>>;

#[test]
fn inside_a_handler_flush_and_close_do_not_deadlock_and_a_put_works() {
    guarded("inside a handler", || {
        let (own, told): (Own, _) = (Own::default(), Arc::new(AtomicU64::new(0)));
        let (batcher, count) = (own.clone(), told.clone());
        let handler = move |key: &u32, _: &mut Batch<u64>| {
            if *key == 1 {
                let batcher = batcher.get().unwrap();
                assert_eq!(batcher.flush(), Err(FlushError::InHandler));
                batcher.put(&2, 20).unwrap();
                batcher.put(&1, 10).unwrap();
                let receipt = batcher.close(Deadline::never());
                assert!(receipt.timed_out && receipt.is_balanced() && receipt.items.is_empty());
                assert!(batcher.put(&3, 30).is_err());
                count.fetch_add(1, SeqCst);
            }
        };
        let batcher = plain(2).keyed().build(handler).unwrap();
        own.set(batcher).unwrap();
        let batcher = own.get().unwrap();
        batcher.put(&1, 1).unwrap();
        batcher.put(&1, 2).unwrap();
        // The handler's own puts are sealed by its close, and go through the handler again.
        crate::support::eventually("all is handled", || batcher.stats().live == 0);
        end(batcher);
        assert_eq!(told.load(SeqCst), 1, "the second time the batcher is closed, and the put panics");
    });
}

#[test]
fn flush_after_close_says_so_at_once() {
    let (handler, _seen) = telling();
    let batcher = plain(2).keyed().build(handler).unwrap();
    end(&batcher);
    assert_eq!(batcher.flush(), Err(FlushError::Closed));
    assert_eq!(batcher.flush_timeout(ms(0)), Err(FlushError::Closed));
}
