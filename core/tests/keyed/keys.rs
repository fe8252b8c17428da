//! The life of a key: new, busy, idle, evicted; and keys whose own code misbehaves.

use crate::support::items::Drops;
use crate::support::{OpenAtEnd, eventually, guarded, receive};
use crate::{end, gated, ms, plain, telling};
use batchline::{Batch, Batcher, Builder, Dispatch, Overflow, SealReason};
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

#[test]
fn idle_keys_are_evicted_and_dropped() {
    for kept in [0, 32] {
        guarded("eviction", move || {
            let counted = Arc::new(());
            let builder = Batcher::builder().batch_items_max(2).queue_items_max(2000).no_linger();
            let builder = builder.keyed::<(u32, Arc<()>)>().idle_keys_max(kept);
            let batcher = builder.build(|_: &(u32, Arc<()>), _: &mut Batch<u64>| ()).unwrap();
            for key in 0..1000 {
                batcher.put(&(key, counted.clone()), 0).unwrap();
            }
            assert_eq!(batcher.keys(), 1000, "busy keys are all known");
            batcher.flush().unwrap();
            eventually("idle keys are evicted", || batcher.keys() <= kept);
            eventually("evicted keys are dropped", || Arc::strong_count(&counted) <= kept + 1);
            batcher.put(&(7, counted.clone()), 1).unwrap();
            end(&batcher);
            assert_eq!(batcher.stats().done, 1001);
            drop(batcher);
            assert_eq!(Arc::strong_count(&counted), 1, "nobody keeps a key");
        });
    }
}

#[test]
fn keys_with_items_are_kept_however_many_idle_ones_there_are() {
    guarded("busy keys", || {
        let (handler, _seen) = telling();
        let batcher = plain(2).queue_items_max(2000).keyed().idle_keys_max(0).build(handler).unwrap();
        (0..10).for_each(|key| batcher.put(&key, 0).unwrap());
        (10..500).for_each(|key| (0..2).for_each(|item| batcher.put(&key, item).unwrap()));
        eventually("only the open ones are left", || batcher.keys() == 10);
        assert_eq!(batcher.stats().queued, 10);
        end(&batcher);
    });
}

#[test]
fn an_idle_key_that_is_kept_is_found_again() {
    guarded("kept", || {
        let (handler, seen) = telling();
        let batcher = plain(100).keyed().idle_keys_max(1600).build(handler).unwrap();
        for round in 0..20 {
            (0..10).for_each(|key| batcher.put(&key, round).unwrap());
            batcher.flush().unwrap();
            assert_eq!(batcher.keys(), 10);
            let mut keys: Vec<_> = seen.try_iter().map(|(key, items, _)| (key, items)).collect();
            keys.sort_unstable();
            assert_eq!(keys, (0..10).map(|key| (key, vec![round])).collect::<Vec<_>>());
        }
        end(&batcher);
    });
}

/// Batches of two, and a linger that no test waits for.
fn hourly() -> Builder<u64> {
    Batcher::builder().batch_items_max(2).linger(ms(3_600_000))
}

#[test]
fn one_open_key_more_than_allowed_seals_the_batch_that_is_due_first() {
    guarded("open keys", || {
        let (handler, seen) = telling();
        let batcher = hourly().keyed().open_keys_max(3).build(handler).unwrap();
        for key in 0..20 {
            batcher.put(&key, u64::from(key)).unwrap();
            if key >= 3 {
                let oldest = key - 3;
                let expected = (oldest, vec![u64::from(oldest)], SealReason::Demand);
                assert_eq!(receive("the oldest batch", &seen), expected);
            }
        }
        assert_eq!(batcher.stats().queued, 3);
        end(&batcher);
    });
}

#[test]
fn batches_that_were_sealed_long_ago_do_not_count_as_open_keys() {
    guarded("open keys, after full batches", || {
        let (handler, seen) = telling();
        let batcher = hourly().keyed().open_keys_max(2).build(handler).unwrap();
        // Ten batches that are opened, filled, and gone.
        for key in 100..110 {
            (0..2).for_each(|item| batcher.put(&key, item).unwrap());
            assert_eq!(receive("a full batch", &seen).0, key);
        }
        batcher.put(&1, 0).unwrap();
        batcher.put(&2, 0).unwrap();
        batcher.put(&3, 0).unwrap();
        assert_eq!(receive("the oldest open batch", &seen), (1, vec![0], SealReason::Demand));
        assert_eq!(batcher.stats().queued, 2);
        end(&batcher);
    });
}

#[test]
fn batches_that_a_flush_sealed_do_not_count_as_open_keys() {
    guarded("open keys, after flushes", || {
        let (handler, seen) = telling();
        let batcher = hourly().keyed().open_keys_max(2).build(handler).unwrap();
        for round in 0..5 {
            batcher.put(&1, round).unwrap();
            batcher.flush().unwrap();
            assert_eq!(receive("a flushed batch", &seen), (1, vec![round], SealReason::Flush));
        }
        (1..=3).for_each(|key| batcher.put(&key, 0).unwrap());
        assert_eq!(receive("the oldest open batch", &seen), (1, vec![0], SealReason::Demand));
        end(&batcher);
    });
}

/// A key whose comparison, copy or drop panics while it is armed.
#[derive(Debug)]
struct Mine {
    id: u32,
    armed: Arc<[AtomicBool; 3]>,
}

const EQ: usize = 0;
const CLONE: usize = 1;
const DROP: usize = 2;

impl Mine {
    fn step(&self, on: usize) {
        if self.armed[on].load(SeqCst) && !thread::panicking() {
            resume_unwind(Box::new("on purpose"));
        }
    }

    fn arm(&self, on: usize, armed: bool) {
        self.armed[on].store(armed, SeqCst);
    }
}

impl PartialEq for Mine {
    fn eq(&self, other: &Self) -> bool {
        self.step(EQ);
        self.id == other.id
    }
}

impl Eq for Mine {}

impl Hash for Mine {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl Clone for Mine {
    fn clone(&self) -> Self {
        self.step(CLONE);
        Self { id: self.id, armed: self.armed.clone() }
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        self.step(DROP);
    }
}

fn mines() -> impl Fn(u32) -> Mine {
    let armed = Arc::new([const { AtomicBool::new(false) }; 3]);
    move |id| Mine { id, armed: armed.clone() }
}

#[test]
fn a_key_whose_comparison_or_copy_panics_loses_nothing_and_takes_no_room() {
    for on in [EQ, CLONE] {
        guarded("a panicking key", move || {
            let (mine, drops) = (mines(), Drops::new(30));
            let builder = Batcher::builder().batch_items_max(4).queue_items_max(4).overflow(Overflow::Fail);
            let batcher = builder.no_linger().keyed().build(|_: &Mine, _: &mut Batch<_>| ()).unwrap();
            let known = mine(1);
            batcher.put(&known, drops.item(0)).unwrap();
            // A new key is copied, a known one is compared.
            let key = if on == EQ { &known } else { &mine(2) };
            for item in 1..20 {
                key.arm(on, true);
                let put = catch_unwind(AssertUnwindSafe(|| batcher.put(key, drops.item(item))));
                key.arm(on, false);
                assert!(put.is_err(), "no panic in put {item}, but {:?}", put.map(|put| put.map_err(drop)));
                assert_eq!(drops.of(item), 1);
            }
            assert_eq!(batcher.stats().accepted, 1);
            (20..23).for_each(|item| batcher.put(&mine(item as u32 % 3), drops.item(item)).unwrap());
            end(&batcher);
            assert_eq!(batcher.stats().done, 4);
            assert_eq!(drops.total(), 23);
        });
    }
}

#[test]
fn a_submit_whose_key_panics_leaves_the_batcher_usable() {
    guarded("a panicking key at submit", || {
        let mine = mines();
        let builder = Batcher::builder().batch_items_max(2).queue_items_max(2).overflow(Overflow::Fail);
        let batcher = builder.keyed().build(|_: &Mine, _: &mut Batch<u64>| ()).unwrap();
        batcher.submit(&mine(1), 0).unwrap().wait().unwrap();
        for _ in 0..10 {
            let key = mine(1);
            key.arm(EQ, true);
            let submit = catch_unwind(AssertUnwindSafe(|| batcher.submit(&key, 1).map(drop)));
            key.arm(EQ, false);
            assert!(submit.is_err(), "no panic, but {submit:?}");
        }
        batcher.submit(&mine(1), 2).unwrap().wait().unwrap();
        end(&batcher);
    });
}

#[test]
fn a_key_whose_drop_panics_does_not_stop_its_worker() {
    guarded("a key that panics when it is dropped", || {
        let mine = mines();
        let builder = Batcher::builder().demand(true).drop_deadline(ms(0)).keyed().idle_keys_max(0);
        let batcher = builder.build(|_: &Mine, _: &mut Batch<u64>| ()).unwrap();
        let key = mine(1);
        key.arm(DROP, true);
        batcher.submit(&key, 0).unwrap().wait().unwrap();
        eventually("the key is evicted", || batcher.keys() == 0);
        let second = batcher.submit(&key, 1).unwrap().wait_timeout(crate::support::PATIENCE / 3);
        key.arm(DROP, false);
        assert!(matches!(second, Ok(Ok(()))), "the worker lives on: {second:?}");
        end(&batcher);
    });
}

#[test]
fn nonsense_is_refused_with_the_name_of_the_field() {
    let field = |builder: batchline::KeyedBuilder<u32, u64>| {
        builder.build(|_: &u32, _: &mut Batch<u64>| ()).expect_err("nonsense").field()
    };
    let builder = Batcher::<u64>::builder;
    assert_eq!(field(builder().keyed().in_flight_per_key_max(0)), "in_flight_per_key_max");
    assert_eq!(field(builder().keyed().open_keys_max(0)), "open_keys_max");
    assert_eq!(field(builder().ordered(true).keyed()), "ordered");
    assert_eq!(field(builder().tick(ms(1)).keyed()), "tick");
    assert_eq!(field(builder().dispatch(Dispatch::Caller).keyed()), "dispatch");
    assert_eq!(field(builder().overflow(Overflow::RunInCaller).keyed()), "overflow");
    assert_eq!(field(builder().batch_items_max(0).keyed()), "batch_items_max");
    assert_eq!(field(builder().workers(0).keyed()), "workers");
}

#[test]
fn a_key_may_be_evicted_while_another_of_its_shard_is_busy() {
    guarded("eviction beside a busy key", || {
        let (handler, seen, gate) = gated(1);
        let batcher = plain(1).workers(2).keyed().idle_keys_max(0).build(handler).unwrap();
        let _open = OpenAtEnd(&gate);
        batcher.put(&0, 0).unwrap();
        gate.await_waiting(1);
        (0..200).for_each(|item| batcher.put(&(1 + item as u32 % 40), item).unwrap());
        (0..201).for_each(|_| drop(receive("a batch", &seen)));
        eventually("the others are evicted", || batcher.keys() == 1);
        gate.open();
        eventually("it is evicted as well", || batcher.keys() == 0);
        end(&batcher);
    });
}
