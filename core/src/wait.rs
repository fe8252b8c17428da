//! Waiting: a list of parked threads that costs one load when nobody waits.
//!
//! One mechanism serves workers without work, producers without room, and callers of `flush` and `close`.
//!
//! 1. A waiter *enlists* (its thread goes into the list, `count` goes up), issues a full fence, and looks
//!    again at what it waits for. Found: it *delists* and goes on. Not found: it parks.
//! 2. A waker changes the state, issues a full fence, and reads `count`. Zero: nobody to wake. Otherwise it
//!    takes a waiter off the list under the lock and unparks it outside the lock.
//!
//! The two fences pair: either the waiter sees the new state, or the waker sees the waiter. A waiter that
//! was taken off the list although it went on by itself passes its wake-up on (see `Enlisted::leave`), so a
//! wake-up is never spent on somebody who does not need it.
//!
//! The lock is held for a push or a pop and only when somebody sleeps; an unpark costs a thousand times more.
//! Dropped: a lock-free list of waiters (its cost would drown in the unpark), `Condvar` (175 ns per notify with
//! no waiter), one word per worker (does not serve pollers, of which there may be any number).

use crate::sync::{AtomicUsize, Mutex, fence, lock, thread};
use std::collections::VecDeque;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

#[derive(Default)]
pub(crate) struct WaitList {
    count: AtomicUsize,
    list: Mutex<Waiters>,
}

#[derive(Default)]
struct Waiters {
    enlisted: u64,
    queue: VecDeque<(u64, thread::Thread)>,
}

/// A place in the list.
pub(crate) struct Enlisted<'a> {
    list: &'a WaitList,
    id: u64,
}

impl WaitList {
    /// Enters the list. The caller must look again at what it waits for before it parks.
    pub(crate) fn enlist(&self) -> Enlisted<'_> {
        let id = {
            let mut list = lock(&self.list);
            list.enlisted += 1;
            let id = list.enlisted;
            list.queue.push_back((id, thread::current()));
            self.count.store(list.queue.len(), Relaxed);
            id
        };
        fence(SeqCst);
        Enlisted { list: self, id }
    }

    /// Whether anybody waits. The caller has issued a full fence after the change it wants to tell of.
    #[inline]
    pub(crate) fn is_waiting(&self) -> bool {
        self.count.load(Relaxed) > 0
    }

    pub(crate) fn wake_one(&self) {
        fence(SeqCst);
        if self.is_waiting() {
            self.pop_and_unpark();
        }
    }

    /// Wakes up to `waiters`, the first to come first.
    pub(crate) fn wake_some(&self, waiters: u64) {
        fence(SeqCst);
        let mut left = waiters;
        while left > 0 && self.is_waiting() && self.pop_and_unpark() {
            left -= 1;
        }
    }

    pub(crate) fn wake_all(&self) {
        fence(SeqCst);
        while self.is_waiting() && self.pop_and_unpark() {}
    }

    #[cold]
    fn pop_and_unpark(&self) -> bool {
        let first = {
            let mut list = lock(&self.list);
            let first = list.queue.pop_front();
            self.count.store(list.queue.len(), Relaxed);
            first
        };
        first.map(|(_, thread)| thread.unpark()).is_some()
    }

    /// Takes `id` off the list; false when a waker did so before.
    fn remove(&self, id: u64) -> bool {
        let mut list = lock(&self.list);
        let before = list.queue.len();
        list.queue.retain(|(waiter, _)| *waiter != id);
        self.count.store(list.queue.len(), Relaxed);
        list.queue.len() < before
    }
}

impl Enlisted<'_> {
    /// Leaves without having parked; a wake-up that came meanwhile goes to the next waiter.
    pub(crate) fn leave(self) {
        if !self.list.remove(self.id) {
            self.list.wake_one();
        }
    }

    /// Leaves after parking. True when a waker had called this waiter.
    pub(crate) fn parked(self) -> bool {
        !self.list.remove(self.id)
    }
}
