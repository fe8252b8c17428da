//! Arming: a batch that is opened while a consumer takes. Its first item may be gone before the lane is armed; then the
//! lane stands armed and empty, the next put is a plain store, and somebody must watch its time all the same.
//!
//! Both sides run their whole production paths. Time moves on once, after the last put; a consumer that sleeps without
//! a time to wake at sleeps for ever, and loom calls that a deadlock.

use super::{check_within, lingering_engine, put};
use crate::clock::{Clock, NEVER_NS, VirtualClock};
use crate::dispatch::{Next, Role};
use crate::engine::Engine;
use crate::lane::reader::{Room, Run};
use crate::sync::thread;
use loom::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

const LINGER_NS: u64 = 10;
const LINGER: Duration = Duration::from_nanos(LINGER_NS);

/// An engine with one lane.
fn timed_engine(time: &VirtualClock, batch_items_max: u32) -> Arc<Engine<u64, ()>> {
    let engine = lingering_engine(batch_items_max, LINGER_NS, |settings| settings.clock = Clock::from(time));
    engine.acquire_lane();
    engine
}

/// Puts one item into the one lane.
fn put_one(engine: &Engine<u64, ()>, item: u64) {
    put(engine, engine.lanes.get(0), item).unwrap();
}

/// Handles batches until `count` items were taken by anybody.
fn consume(engine: &Engine<u64, ()>, count: u64) {
    let mut desk = engine.desk();
    while engine.lanes.get(0).taken_items() < count {
        let Next::Batch(batch) = engine.next(&mut desk, Role::Worker, NEVER_NS) else { return };
        engine.handle(&mut desk, batch, &mut |_| Ok(()));
    }
}

#[test]
fn an_item_behind_one_taken_while_its_batch_opened_is_watched() {
    check_within(2, || {
        let time = VirtualClock::new();
        let engine = timed_engine(&time, 4);
        // Due at once, so the consumer takes it; item 1 may open its batch in the middle of that.
        put_one(&engine, 0);
        time.advance(LINGER);
        let producer = {
            let engine = engine.clone();
            thread::spawn(move || {
                (1..3).for_each(|item| put_one(&engine, item));
                time.advance(LINGER);
            })
        };
        consume(&engine, 3);
        producer.join().unwrap();
        let stats = engine.stats();
        assert!(stats.is_balanced() && stats.done == 3, "{stats:?}");
    });
}

#[test]
fn a_batch_is_not_due_before_its_own_linger() {
    check_within(2, || {
        let time = VirtualClock::new();
        let engine = timed_engine(&time, 2);
        // A seal leaves the lane active, with the time of the batch before; only its own keeps item 2 back.
        (0..2).for_each(|item| put_one(&engine, item));
        consume(&engine, 2);
        time.advance(LINGER);
        let producer = {
            let engine = engine.clone();
            thread::spawn(move || put_one(&engine, 2))
        };
        let early = engine.try_next(&mut engine.desk(), Role::Worker);
        assert!(early.is_none(), "taken by the time of the batch before");
        producer.join().unwrap();
    });
}

/// What is left of a consumer's take when it has claimed and disarmed the lane: as `gather` and `leave` go on.
fn finish_take(engine: &Engine<u64, ()>) -> Option<Run<u64, ()>> {
    let lane = engine.lanes.get(0);
    let run = lane.take(&engine.slabs, Room::new(4, u64::MAX), false);
    if lane.accepted() > lane.taken_items() {
        engine.note_due(engine.due(lane).0);
        engine.active.set(0);
    }
    lane.release_claim();
    run
}

/// Lets the consumer go when all `count` items were taken: then there is nothing to sleep for.
fn release_when_all_is_taken(engine: &Engine<u64, ()>, count: u64) {
    if engine.lanes.get(0).taken_items() == count {
        engine.orphaned.store(true, SeqCst);
        engine.bell.wake_all();
    }
}

#[test]
fn an_item_behind_one_that_another_consumer_took_is_watched() {
    check_within(2, || {
        let time = VirtualClock::new();
        let engine = timed_engine(&time, 4);
        // Another consumer is in the middle of a take: it has disarmed the lane, and item 0 opens a batch at once.
        assert!(engine.lanes.get(0).try_claim());
        put_one(&engine, 0);
        let other = {
            let engine = engine.clone();
            thread::spawn(move || finish_take(&engine))
        };
        let producer = {
            let engine = engine.clone();
            thread::spawn(move || {
                put_one(&engine, 1);
                time.advance(LINGER);
                let run = other.join().unwrap();
                release_when_all_is_taken(&engine, 2);
                run
            })
        };
        consume(&engine, 2);
        let run = producer.join().unwrap();
        assert_eq!(engine.lanes.get(0).taken_items(), 2);
        run.iter().for_each(|run| engine.release_slab(run));
    });
}
