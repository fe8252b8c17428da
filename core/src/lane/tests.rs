//! Unit tests of slabs and lanes, small enough for Miri.

use super::reader::{Room, Run};
use super::{Lane, LaneProducer};
use crate::clock::Clock;
use crate::gate::Claim;
use crate::pool::Pool;
use crate::seal::SealReason;
use crate::slab::{Extra, Slab};
use std::sync::Arc;

type Slabs<T> = Pool<Slab<T, ()>>;

const CAPACITY: u32 = 4;

fn stand<T>(weighed: bool) -> (Lane<T, ()>, Slabs<T>) {
    let slabs = Pool::new();
    for _ in 0..4 {
        slabs.fill(|index| Slab::new(index, CAPACITY, weighed, false));
    }
    let lane = Lane::new(0, slabs.take().unwrap(), Clock::system());
    (lane, slabs)
}

fn put<T>(producer: &mut LaneProducer<'_, T, ()>, slabs: &Slabs<T>, item: T, weight: u64) {
    if producer.room_in_slab() == 0 {
        producer.seal(SealReason::Size, slabs.take().expect("a free slab"));
    }
    producer.add_credit(1);
    let extra = Extra { slot: 0, deadline_ns: weight, ticket: None };
    producer.write(item, weight, Claim::NONE, (weight % 2 == 1).then_some(extra));
}

fn take<T>(lane: &Lane<T, ()>, slabs: &Slabs<T>, items: u32, bytes: u64) -> Option<Run<T, ()>> {
    if !lane.try_claim() {
        return None;
    }
    let run = lane.take(slabs, Room::new(items, bytes), false);
    lane.release_claim();
    run
}

fn read<T>(slabs: &Slabs<T>, run: &Run<T, ()>) -> Vec<T> {
    for at in run.extras.0..run.extras.1 {
        let slot = run.slab().read_extra(at).slot;
        assert!((run.start..run.start + run.len).contains(&slot));
    }
    let items = (run.start..run.start + run.len).map(|slot| run.slab().read(slot)).collect();
    if run.slab().let_go() {
        slabs.give(run.slab());
    }
    items
}

#[test]
fn miri_parts_come_in_order_and_slabs_are_recycled() {
    let (lane, slabs) = stand::<String>(false);
    // SAFETY: the only producer of this lane.
    let mut producer = unsafe { lane.producer() };
    let mut seen = Vec::new();
    for round in 0..20 {
        put(&mut producer, &slabs, format!("{round}"), round);
        if round % 3 == 2 {
            let run = take(&lane, &slabs, 2, u64::MAX).unwrap();
            seen.extend(read(&slabs, &run));
        }
        if round % 5 == 4 {
            while let Some(run) = take(&lane, &slabs, u32::MAX, u64::MAX) {
                seen.extend(read(&slabs, &run));
            }
        }
    }
    assert_eq!(seen, (0..20).map(|round| format!("{round}")).collect::<Vec<_>>());
    assert_eq!((lane.accepted(), lane.taken_items(), lane.waiting()), (20, 20, 0));
}

#[test]
fn miri_weights_bound_a_part() {
    let (lane, slabs) = stand::<u64>(true);
    // SAFETY: the only producer of this lane.
    let mut producer = unsafe { lane.producer() };
    producer.set_fast(false);
    [5, 6, 100, 1].into_iter().for_each(|weight| put(&mut producer, &slabs, weight, weight));
    let mut parts = Vec::new();
    while let Some(run) = take(&lane, &slabs, u32::MAX, 12) {
        let bytes = run.bytes;
        parts.push((read(&slabs, &run), bytes));
    }
    assert_eq!(parts, [(vec![5, 6], 11), (vec![100], 100), (vec![1], 1)]);
}

#[test]
fn miri_what_is_undone_is_given_back() {
    let (lane, slabs) = stand::<String>(false);
    // SAFETY: the only producer of this lane.
    let mut producer = unsafe { lane.producer() };
    put(&mut producer, &slabs, "kept".into(), 1);
    put(&mut producer, &slabs, "undone".into(), 3);
    assert_eq!(producer.take_back(3).as_deref(), Some("undone"));
    let run = take(&lane, &slabs, u32::MAX, u64::MAX).unwrap();
    assert_eq!(read(&slabs, &run), ["kept"]);
    assert_eq!(producer.take_back(1), None);
}

#[test]
fn miri_what_is_left_is_dropped_with_the_lane() {
    let counted = Arc::new(());
    let (lane, slabs) = stand::<Arc<()>>(false);
    // SAFETY: the only producer of this lane.
    let mut producer = unsafe { lane.producer() };
    (0..6).for_each(|at| put(&mut producer, &slabs, counted.clone(), at));
    let run = take(&lane, &slabs, 3, u64::MAX).unwrap();
    drop(read(&slabs, &run));
    lane.drain(&slabs, |run| crate::close::dispose(&run));
    assert_eq!(Arc::strong_count(&counted), 1);
}

#[test]
fn miri_items_without_a_size_are_counted_and_dropped() {
    thread_local!(static DROPS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });
    struct Nothing;
    impl Drop for Nothing {
        fn drop(&mut self) {
            DROPS.set(DROPS.get() + 1);
        }
    }
    let (lane, slabs) = stand::<Nothing>(false);
    // SAFETY: the only producer of this lane.
    let mut producer = unsafe { lane.producer() };
    (0..6).for_each(|_| put(&mut producer, &slabs, Nothing, 1));
    let run = take(&lane, &slabs, u32::MAX, u64::MAX).unwrap();
    assert_eq!((run.len, DROPS.get()), (4, 0));
    drop(read(&slabs, &run));
    lane.drain(&slabs, |run| crate::close::dispose(&run));
    assert_eq!(DROPS.get(), 6);
}

#[test]
fn miri_a_consumer_follows_a_producer() {
    const ITEMS: u64 = if cfg!(miri) { 60 } else { 10_000 };
    let (lane, slabs) = stand::<Box<u64>>(false);
    (0..60).for_each(|_| slabs.fill(|index| Slab::new(index, CAPACITY, false, false)));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for item in 0..ITEMS {
                while item > lane.taken_items() + 100 {
                    std::thread::yield_now();
                }
                // SAFETY: this thread is the only producer of this lane.
                put(&mut unsafe { lane.producer() }, &slabs, Box::new(item), item);
            }
        });
        let mut seen = 0;
        while seen < ITEMS {
            let Some(run) = take(&lane, &slabs, 3, u64::MAX) else {
                std::thread::yield_now();
                continue;
            };
            for item in read(&slabs, &run) {
                assert_eq!(*item, seen);
                seen += 1;
            }
        }
    });
}
