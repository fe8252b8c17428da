//! The budget: never more out than the limit, and a producer that waits for room gets it.

use super::{check, check_within, engine, put};
use crate::budget::Budget;
use crate::clock::NEVER_NS;
use crate::dispatch::{Next, Role};
use crate::sync::{AtomicU64, thread};
use loom::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

struct Watched {
    budget: Budget,
    out: AtomicU64,
}

impl Watched {
    fn take_and_give(&self, want: u64, least: u64) {
        let granted = self.budget.take(want, least);
        assert!(granted == 0 || granted >= least && granted <= want);
        let out = self.out.fetch_add(granted, SeqCst) + granted;
        assert!(out <= self.budget.limit(), "{out} are out");
        self.out.fetch_sub(granted, SeqCst);
        self.budget.give_back(granted);
    }
}

#[test]
fn never_more_than_the_limit() {
    check(|| {
        let watched = Arc::new(Watched { budget: Budget::new(3), out: AtomicU64::new(0) });
        let other = watched.clone();
        let thread = thread::spawn(move || other.take_and_give(2, 1));
        watched.take_and_give(2, 1);
        watched.take_and_give(3, 3);
        thread.join().unwrap();
        assert_eq!(watched.budget.room(), 3);
    });
}

#[test]
fn a_producer_that_waits_for_room_gets_it() {
    check_within(2, || {
        let engine = engine(1, |settings| {
            settings.queue_items_max = 1;
            settings.demand = true;
        });
        let producer = {
            let engine = engine.clone();
            thread::spawn(move || {
                let lane = engine.acquire_lane();
                (0..2).for_each(|item| put(&engine, lane, item).unwrap());
            })
        };
        let mut desk = engine.desk();
        for item in 0..2 {
            let Next::Batch(batch) = engine.next(&mut desk, Role::Worker, NEVER_NS) else { panic!("closed") };
            engine.handle(&mut desk, batch, &mut |batch| {
                assert_eq!(batch[..], [item]);
                Ok(())
            });
        }
        drop(desk);
        producer.join().unwrap();
        assert!(engine.stats().is_balanced());
    });
}
