//! Batches in flight: what was taken before a turn has its outcome when the older half is empty.

use super::check;
use crate::inflight::InFlight;
use crate::sync::{AtomicBool, thread};
use loom::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

#[derive(Default)]
struct Taker {
    taken: AtomicBool,
    done: AtomicBool,
}

impl Taker {
    /// What a consumer does with a batch.
    fn run(&self, inflight: &InFlight) {
        let half = inflight.enter();
        self.taken.store(true, Release);
        self.done.store(true, Relaxed);
        inflight.exit(half);
    }

    /// What a flush does once it sees its items taken; it asks instead of waiting.
    fn check_barrier(&self, inflight: &InFlight) {
        let taken = self.taken.load(Acquire);
        let older = inflight.turn();
        if taken && inflight.is_half_empty(older) {
            assert!(self.done.load(Relaxed), "a batch in flight was overlooked");
        }
    }
}

#[test]
fn a_turn_waits_for_what_was_taken_before() {
    check(|| {
        let shared = Arc::new((InFlight::new(), Taker::default()));
        let other = shared.clone();
        let thread = thread::spawn(move || other.1.run(&other.0));
        shared.1.check_barrier(&shared.0);
        thread.join().unwrap();
        assert!(shared.0.is_empty());
    });
}

#[test]
fn a_turn_ignores_what_comes_later_and_misses_nothing_with_two_takers() {
    check(|| {
        let shared = Arc::new((InFlight::new(), [Taker::default(), Taker::default()]));
        let threads: Vec<_> = (0..2)
            .map(|index| {
                let other = shared.clone();
                thread::spawn(move || other.1[index].run(&other.0))
            })
            .collect();
        shared.1[0].check_barrier(&shared.0);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(shared.0.is_empty());
    });
}

#[test]
fn empty_means_that_nothing_taken_is_without_outcome() {
    check(|| {
        let shared = Arc::new((InFlight::new(), Taker::default()));
        let other = shared.clone();
        let thread = thread::spawn(move || other.1.run(&other.0));
        if shared.1.taken.load(Acquire) && shared.0.is_empty() {
            assert!(shared.1.done.load(Relaxed));
        }
        thread.join().unwrap();
    });
}
