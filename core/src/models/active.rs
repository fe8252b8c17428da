//! The active set: a lane that holds items has its bit set whenever no consumer is just looking at it.

use super::{check_within, engine, put};
use crate::engine::Engine;
use crate::sync::thread;
use loom::sync::Arc;

/// Every lane with items is active; then takes the rest, and returns how many items that was.
fn check_and_drain(engine: &Engine<u64, ()>) -> u64 {
    for lane in engine.lanes.iter().filter(|lane| lane.accepted() > lane.taken_items()) {
        assert!(engine.active.iter_from(0).any(|index| index == lane.index), "a lane was lost");
    }
    let mut taken = 0;
    while let Some(count) = take(engine) {
        taken += count;
    }
    taken
}

/// One look of a consumer for whatever waits, and the end of that batch.
fn take(engine: &Engine<u64, ()>) -> Option<u64> {
    let mut desk = engine.desk();
    let batch = engine.take_anything(&mut desk)?;
    let count = batch.len() as u64;
    engine.handle(&mut desk, batch, &mut |_| Ok(()));
    Some(count)
}

fn producer(engine: &Arc<Engine<u64, ()>>, items: u64) -> thread::JoinHandle<()> {
    let engine = engine.clone();
    thread::spawn(move || {
        let lane = engine.lanes.get(0);
        (0..items).for_each(|item| put(&engine, lane, item).unwrap());
    })
}

#[test]
fn a_lane_that_is_disarmed_while_it_opens_stays_active() {
    check_within(2, || {
        let engine = engine(4, |_| ());
        engine.acquire_lane();
        let producer = producer(&engine, 2);
        let taken = take(&engine).unwrap_or(0);
        producer.join().unwrap();
        assert_eq!(taken + check_and_drain(&engine), 2);
    });
}

#[test]
fn a_lane_that_rotates_while_it_is_left_stays_active() {
    // The batch has room for one item of lane 0, whose second item seals the slab meanwhile.
    check_within(2, || {
        let engine = engine(2, |settings| settings.queue_items_max = 8);
        let lane = engine.acquire_lane();
        put(&engine, lane, 0).unwrap();
        let other = engine.acquire_lane();
        put(&engine, other, 1).unwrap();
        let producer = producer(&engine, 1);
        let taken = take(&engine).unwrap_or(0);
        producer.join().unwrap();
        assert_eq!(taken + check_and_drain(&engine), 3);
    });
}
