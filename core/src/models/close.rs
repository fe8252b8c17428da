//! Close against put: each item is handled, handed back by the close, or given back by its put; exactly one of them.

use super::{check_within, engine, put};
use crate::clock::NEVER_NS;
use crate::dispatch::{Next, Role};
use crate::engine::Engine;
use crate::error::PutError;
use crate::ledger::Receipt;
use crate::options::Deadline;
use crate::sync::thread;
use loom::sync::Arc;

/// Puts items until the batcher is closed; returns those that were accepted.
fn producer(engine: &Arc<Engine<u64, ()>>, items: std::ops::Range<u64>) -> thread::JoinHandle<Vec<u64>> {
    let engine = engine.clone();
    thread::spawn(move || {
        let lane = engine.lanes.get(0);
        let mut accepted = Vec::new();
        for item in items {
            match put(&engine, lane, item) {
                Ok(()) => accepted.push(item),
                Err(error) => assert_eq!(error, PutError::Closed(item)),
            }
        }
        accepted
    })
}

fn assert_adds_up(engine: &Engine<u64, ()>, receipt: &Receipt<u64>, accepted: &[u64], handled: &[u64]) {
    let outcomes: Vec<_> = handled.iter().chain(&receipt.items).copied().collect();
    assert_eq!(outcomes, accepted);
    assert!(receipt.is_balanced(), "{receipt:?}");
    assert_eq!((receipt.accepted, receipt.still_running), (accepted.len() as u64, 0), "{receipt:?}");
    assert!(engine.lanes.iter().all(|lane| lane.accepted() == lane.taken_items()), "an item was left behind");
}

#[test]
fn a_first_put_is_handed_back_or_given_back() {
    check_within(2, || {
        let engine = engine(4, |_| ());
        engine.acquire_lane();
        let producer = producer(&engine, 0..1);
        let receipt = engine.close(Deadline::now());
        let accepted = producer.join().unwrap();
        assert_adds_up(&engine, &receipt, &accepted, &[]);
    });
}

#[test]
fn a_put_into_an_open_batch_is_handed_back_or_given_back() {
    check_within(2, || {
        let engine = engine(4, |_| ());
        let lane = engine.acquire_lane();
        put(&engine, lane, 0).unwrap();
        let producer = producer(&engine, 1..3);
        let receipt = engine.close(Deadline::now());
        let mut accepted = vec![0];
        accepted.extend(producer.join().unwrap());
        assert_adds_up(&engine, &receipt, &accepted, &[]);
    });
}

#[test]
fn a_put_that_seals_is_handed_back_or_given_back() {
    check_within(2, || {
        let engine = engine(1, |settings| settings.queue_items_max = 2);
        engine.acquire_lane();
        let producer = producer(&engine, 0..2);
        let receipt = engine.close(Deadline::now());
        let accepted = producer.join().unwrap();
        assert_adds_up(&engine, &receipt, &accepted, &[]);
    });
}

#[test]
fn a_close_without_a_deadline_waits_for_its_worker() {
    check_within(1, || {
        let engine = engine(4, |_| ());
        engine.acquire_lane();
        let worker = {
            let engine = engine.clone();
            thread::spawn(move || {
                let (mut desk, mut seen) = (engine.desk(), Vec::new());
                while let Next::Batch(batch) = engine.next(&mut desk, Role::Worker, NEVER_NS) {
                    engine.handle(&mut desk, batch, &mut |batch| {
                        seen.extend(batch.iter());
                        Ok(())
                    });
                }
                seen
            })
        };
        let producer = producer(&engine, 0..1);
        let receipt = engine.close(Deadline::never());
        let accepted = producer.join().unwrap();
        assert_adds_up(&engine, &receipt, &accepted, &worker.join().unwrap());
        assert!(!receipt.timed_out);
    });
}
