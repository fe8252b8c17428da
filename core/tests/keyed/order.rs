//! One key per batch, order per key, how many of a key at a time, and whose turn it is.

use crate::support::{Gate, OpenAtEnd, guarded, receive};
use crate::{end, gated, ms, plain, telling};
use batchline::{Batch, Batcher, Clock, Deadline, SealReason, VirtualClock};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;

#[test]
fn a_batch_holds_items_of_one_key_in_their_order() {
    guarded("one key per batch", || {
        let (handler, seen) = telling();
        let batcher = plain(4).keyed().build(handler).unwrap();
        for item in 0..30 {
            batcher.put(&(item as u32 % 3), item).unwrap();
        }
        batcher.flush().unwrap();
        let mut by_key: HashMap<u32, Vec<u64>> = HashMap::new();
        for (key, items, reason) in seen.try_iter() {
            assert!(items.iter().all(|item| item % 3 == u64::from(key)), "{key}: {items:?}");
            assert_eq!(reason, if items.len() == 4 { SealReason::Size } else { SealReason::Flush });
            by_key.entry(key).or_default().extend(items);
        }
        for key in 0..3 {
            assert_eq!(by_key[&key], Vec::from_iter((u64::from(key)..30).step_by(3)));
        }
        assert_eq!(batcher.stats().batches, 9, "of each key's ten items 4 + 4 + 2");
        end(&batcher);
    });
}

#[test]
fn several_workers_keep_the_order_of_each_key() {
    const ITEMS: u64 = 2000;
    guarded("order per key", || {
        let next: Arc<Vec<AtomicU64>> = Arc::new((0..8).map(|_| AtomicU64::new(0)).collect());
        let busy: Vec<AtomicUsize> = (0..8).map(|_| AtomicUsize::new(0)).collect();
        let expected = next.clone();
        let handler = move |key: &usize, batch: &mut Batch<u64>| {
            assert_eq!(busy[*key].fetch_add(1, SeqCst), 0, "two batches of key {key} at once");
            for &item in batch.iter() {
                assert_eq!(expected[*key].fetch_add(1, SeqCst), item, "key {key}");
            }
            busy[*key].fetch_sub(1, SeqCst);
        };
        let builder = Batcher::builder().batch_items_max(7).queue_items_max(64).workers(4).linger(ms(1));
        let batcher = builder.keyed().in_flight_per_key_max(1).build(handler).unwrap();
        thread::scope(|scope| {
            for key in 0..8 {
                let batcher = &batcher;
                scope.spawn(move || (0..ITEMS).for_each(|item| batcher.put(&key, item).unwrap()));
            }
        });
        end(&batcher);
        assert_eq!(batcher.stats().failed, 0);
        assert!(next.iter().all(|next| next.load(SeqCst) == ITEMS));
    });
}

/// How many batches of each key are in a handler, and the most there were.
#[derive(Default)]
struct Crowd(Mutex<HashMap<u32, (usize, usize)>>);

impl Crowd {
    fn enter(&self, key: u32) {
        let mut crowd = self.0.lock().unwrap();
        let (now, peak) = crowd.entry(key).or_default();
        *now += 1;
        *peak = (*peak).max(*now);
    }

    fn leave(&self, key: u32) {
        self.0.lock().unwrap().get_mut(&key).unwrap().0 -= 1;
    }
}

#[test]
fn no_more_batches_of_a_key_than_allowed_are_handled_at_a_time() {
    guarded("in flight per key", || {
        let (gate, crowd) = (Arc::new(Gate::default()), Arc::new(Crowd::default()));
        let (pass, count) = (gate.clone(), crowd.clone());
        let handler = move |key: &u32, _: &mut Batch<u64>| {
            count.enter(*key);
            pass.pass();
            count.leave(*key);
        };
        let batcher = plain(1).workers(4).keyed().in_flight_per_key_max(2).build(handler).unwrap();
        let _open = OpenAtEnd(&gate);
        (0..6).for_each(|item| batcher.put(&1, item).unwrap());
        gate.await_waiting(2);
        // A free worker that might have taken a third of key 1 takes this one instead.
        batcher.put(&2, 0).unwrap();
        gate.await_waiting(3);
        assert_eq!(batcher.stats().in_hand, 3);
        assert_eq!(batcher.stats().queued, 4);
        gate.open();
        end(&batcher);
        assert_eq!(*crowd.0.lock().unwrap(), HashMap::from([(1, (0, 2)), (2, (0, 1))]));
    });
}

#[test]
fn a_busy_key_with_a_long_line_does_not_hold_up_a_slow_one() {
    for in_flight_max in [1, 2] {
        guarded("fairness", move || {
            let (handler, seen, gate) = gated(1);
            let builder = plain(1).queue_items_max(200).keyed().in_flight_per_key_max(in_flight_max);
            let batcher = builder.build(handler).unwrap();
            let _open = OpenAtEnd(&gate);
            batcher.put(&0, 0).unwrap();
            gate.await_waiting(1);
            (1..100).for_each(|item| batcher.put(&0, item).unwrap());
            (5..10).for_each(|slow| batcher.put(&slow, 0).unwrap());
            gate.open();
            let order: Vec<u32> = (0..105).map(|_| receive("a batch", &seen).0).collect();
            // One batch of the busy key may stand in line before the others, whatever waits behind it.
            let slow: Vec<u32> = order.iter().copied().filter(|key| *key != 0).collect();
            assert_eq!(slow, [5, 6, 7, 8, 9], "slow keys are in the order of their puts");
            let last = order.iter().rposition(|key| *key != 0).unwrap();
            assert!(last <= 6, "a slow key came as number {last}: {:?}", &order[..10]);
            end(&batcher);
        });
    }
}

#[test]
fn keys_take_turns() {
    guarded("turns", || {
        let (handler, seen, gate) = gated(1);
        let batcher = plain(1).keyed().build(handler).unwrap();
        let _open = OpenAtEnd(&gate);
        batcher.put(&0, 0).unwrap();
        gate.await_waiting(1);
        for key in 1..=3 {
            (0..4).for_each(|item| batcher.put(&key, item).unwrap());
        }
        gate.open();
        let order: Vec<_> = (0..13).map(|_| receive("a batch", &seen)).map(|(key, ..)| key).collect();
        assert_eq!(order, [0, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]);
        end(&batcher);
    });
}

#[test]
fn a_busy_key_does_not_make_another_key_late() {
    guarded("the linger under load", || {
        let (time, (handler, seen, gate)) = (VirtualClock::new(), gated(1));
        let builder = Batcher::builder().clock(Clock::from(&time)).batch_items_max(2).linger(ms(10));
        let batcher = builder.keyed().build(handler).unwrap();
        let _open = OpenAtEnd(&gate);
        (0..2).for_each(|item| batcher.put(&0, item).unwrap());
        gate.await_waiting(1);
        (2..40).for_each(|item| batcher.put(&0, item).unwrap());
        batcher.put(&7, 0).unwrap();
        time.advance(ms(10));
        gate.open();
        let order: Vec<_> = (0..21).map(|_| receive("a batch", &seen)).collect();
        let at = order.iter().position(|(key, ..)| *key == 7).unwrap();
        assert!(at <= 2, "it was due, and came as number {at}");
        assert_eq!(order[at].2, SealReason::Linger);
        end(&batcher);
    });
}

/// Which item of which thread a key must see next, and how many it saw.
#[derive(Default)]
struct Line {
    last: HashMap<u64, u64>,
    seen: u64,
}

#[test]
fn many_threads_and_many_keys_each_item_once_and_in_order() {
    const THREADS: u64 = 200;
    const KEYS: u64 = 50;
    const ITEMS: u64 = 100;
    guarded("200 threads, 50 keys", || {
        let lines: Arc<Vec<Mutex<Line>>> = Arc::new((0..KEYS).map(|_| Mutex::default()).collect());
        let of_key = lines.clone();
        let handler = move |key: &u64, batch: &mut Batch<(u64, u64)>| {
            let mut line = of_key[*key as usize].try_lock().expect("one batch of a key at a time");
            for &(thread, item) in batch.iter() {
                let before = line.last.insert(thread, item);
                assert!(before.is_none_or(|before| before < item), "{before:?} before {item}");
                line.seen += 1;
            }
        };
        let builder = Batcher::builder().batch_items_max(16).queue_items_max(256).workers(4).linger(ms(1));
        let batcher = builder.keyed().open_keys_max(20).idle_keys_max(16).build(handler).unwrap();
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let batcher = &batcher;
                let put = move |item| batcher.put(&((thread + item * 7) % KEYS), (thread, item)).unwrap();
                scope.spawn(move || (0..ITEMS).for_each(put));
            }
        });
        let receipt = batcher.close(Deadline::never());
        assert_eq!((receipt.accepted, receipt.done), (THREADS * ITEMS, THREADS * ITEMS));
        end(&batcher);
        // Strictly growing and complete in number: each exactly once.
        assert_eq!(lines.iter().map(|line| line.lock().unwrap().seen).sum::<u64>(), THREADS * ITEMS);
    });
}
