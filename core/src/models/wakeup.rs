//! Waking: a put that opens a batch, and a consumer that goes to sleep. Either the consumer sees the item or the put
//! sees the sleeper; were a wake-up lost, the consumer would sleep for ever, and loom would say so.
//!
//! Both run their whole production paths: `put` with its fast path and `open_batch`, `next` with `park`.

use super::{check, check_within, engine, lingering_engine, put};
use crate::clock::NEVER_NS;
use crate::dispatch::{Next, Role};
use crate::engine::Engine;
use crate::sync::thread;
use loom::sync::Arc;

/// Waits for batches until `count` items have come.
fn consume(engine: &Engine<u64, ()>, count: usize) -> Vec<u64> {
    let mut desk = engine.desk();
    let mut seen = Vec::new();
    while seen.len() < count {
        let Next::Batch(batch) = engine.next(&mut desk, Role::Worker, NEVER_NS) else { panic!("closed") };
        engine.handle(&mut desk, batch, &mut |batch| {
            seen.extend(batch.iter());
            Ok(())
        });
    }
    seen
}

fn a_sleeper_is_woken(engine: Arc<Engine<u64, ()>>, count: u64) {
    let producer = {
        let engine = engine.clone();
        thread::spawn(move || {
            let lane = engine.acquire_lane();
            (0..count).for_each(|item| put(&engine, lane, item).unwrap());
        })
    };
    let seen = consume(&engine, count as usize);
    producer.join().unwrap();
    assert_eq!(seen, (0..count).collect::<Vec<_>>());
    assert!(engine.stats().is_balanced());
}

#[test]
fn a_sleeper_on_demand_is_woken_by_one_item() {
    check(|| a_sleeper_is_woken(engine(4, |settings| settings.demand = true), 1));
}

#[test]
fn a_sleeper_on_demand_is_woken_by_each_item() {
    check_within(2, || a_sleeper_is_woken(engine(4, |settings| settings.demand = true), 2));
}

#[test]
fn a_sleeper_that_watches_the_clock_is_woken_by_one_item() {
    check(|| a_sleeper_is_woken(lingering_engine(4, 0, |_| ()), 1));
}

#[test]
fn a_sleeper_that_watches_the_clock_is_woken_by_each_item() {
    check_within(2, || a_sleeper_is_woken(lingering_engine(4, 0, |_| ()), 2));
}

#[test]
fn a_sleeper_is_woken_by_a_full_batch() {
    check_within(2, || a_sleeper_is_woken(engine(2, |_| ()), 2));
}

#[test]
fn a_linger_outlives_the_seal_of_the_batch_before() {
    // The third item opens a batch of its own, in a fresh slab, while the first two are being taken.
    check_within(1, || {
        let engine = lingering_engine(2, 0, |_| ());
        let lane = engine.acquire_lane();
        put(&engine, lane, 0).unwrap();
        let producer = {
            let engine = engine.clone();
            thread::spawn(move || {
                let lane = engine.lanes.get(0);
                (1..3).for_each(|item| put(&engine, lane, item).unwrap());
            })
        };
        let seen = consume(&engine, 3);
        producer.join().unwrap();
        assert_eq!(seen, [0, 1, 2]);
    });
}
