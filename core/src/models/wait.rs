//! The list of waiters: nobody sleeps through a change, and a wake-up that was not needed goes on to the next.

use super::{check, check_within};
use crate::sync::{AtomicUsize, thread};
use crate::wait::WaitList;
use loom::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// What waiters wait for: each takes one permit.
#[derive(Default)]
struct Permits {
    free: AtomicUsize,
    waiting: WaitList,
}

impl Permits {
    fn give(&self) {
        self.free.fetch_add(1, Release);
        self.waiting.wake_one();
    }

    fn try_take(&self) -> bool {
        self.free.fetch_update(Acquire, Relaxed, |free| free.checked_sub(1)).is_ok()
    }

    /// As consumers wait: look, enlist, look again, park.
    fn take(&self) {
        while !self.try_take() {
            let enlisted = self.waiting.enlist();
            if self.free.load(Acquire) > 0 {
                enlisted.leave();
            } else {
                thread::park();
                enlisted.parked();
            }
        }
    }
}

#[test]
fn a_waiter_is_woken() {
    check(|| {
        let permits = Arc::new(Permits::default());
        let waiter = {
            let permits = permits.clone();
            thread::spawn(move || permits.take())
        };
        permits.give();
        waiter.join().unwrap();
        assert!(!permits.waiting.is_waiting());
    });
}

#[test]
fn a_wake_up_that_was_not_needed_goes_on() {
    check_within(2, || {
        let permits = Arc::new(Permits::default());
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let permits = permits.clone();
                thread::spawn(move || permits.take())
            })
            .collect();
        permits.give();
        permits.give();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
}

#[test]
fn all_are_woken() {
    check_within(2, || {
        let permits = Arc::new(Permits::default());
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let permits = permits.clone();
                thread::spawn(move || permits.take())
            })
            .collect();
        permits.free.fetch_add(2, Release);
        permits.waiting.wake_all();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
}
