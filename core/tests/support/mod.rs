//! What the black-box tests share: a watchdog around everything that may hang, the ways to dispatch, the ledger's
//! check, and items that count their drops.

#![allow(dead_code, reason = "each test file uses a part of this")]

pub(crate) mod items;
pub(crate) mod modes;

use batchline::Stats;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};
use std::{panic, thread};

/// How long anything may take before it counts as hung. Nothing waits for it to pass.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The five outcomes together.
pub(crate) fn outcomes(stats: &Stats) -> u64 {
    stats.done + stats.failed + stats.cancelled + stats.expired + stats.handed_back
}

/// At rest, at the end: every accepted item has exactly one outcome.
#[track_caller]
pub(crate) fn assert_balanced(stats: &Stats) {
    assert!(stats.is_balanced(), "the ledger does not add up: {stats:?}");
    assert_eq!(stats.accepted, outcomes(stats), "items without an outcome: {stats:?}");
    assert_eq!((stats.live, stats.queued, stats.in_hand, stats.bytes_live), (0, 0, 0, 0), "{stats:?}");
}

/// Runs a whole test under a watchdog: a hang is a failure, and a panic passes on.
#[track_caller]
pub(crate) fn guarded<A: Send + 'static>(what: &str, body: impl FnOnce() -> A + Send + 'static) -> A {
    let (done, waiting) = channel();
    let thread = thread::spawn(move || {
        let _ = done.send(body());
    });
    match waiting.recv_timeout(PATIENCE) {
        Ok(value) => {
            thread.join().expect("the body has returned");
            value
        }
        Err(RecvTimeoutError::Timeout) => panic!("{what}: hung"),
        Err(RecvTimeoutError::Disconnected) => panic::resume_unwind(thread.join().unwrap_err()),
    }
}

/// Receives, or fails the test.
#[track_caller]
pub(crate) fn receive<A>(what: &str, receiver: &Receiver<A>) -> A {
    receiver.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// Waits for `holds` to become true, or fails the test.
#[track_caller]
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "never came about: {what}");
        thread::yield_now();
    }
}

/// A door that handlers wait at until the test opens it.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct GateState {
    open: bool,
    waiting: usize,
}

impl Gate {
    pub(crate) fn open(&self) {
        self.state.lock().unwrap().open = true;
        self.changed.notify_all();
    }

    /// Waits for the gate to open.
    pub(crate) fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.waiting += 1;
        self.changed.notify_all();
        let (mut state, timeout) =
            self.changed.wait_timeout_while(state, 2 * PATIENCE, |state| !state.open).unwrap();
        state.waiting -= 1;
        assert!(!timeout.timed_out(), "nobody opened the gate");
    }

    /// Waits until `count` threads stand at the gate.
    #[track_caller]
    pub(crate) fn await_waiting(&self, count: usize) {
        let state = self.state.lock().unwrap();
        let (_state, timeout) =
            self.changed.wait_timeout_while(state, PATIENCE, |state| state.waiting < count).unwrap();
        assert!(!timeout.timed_out(), "{count} threads never came to the gate");
    }
}

/// Opens its gate when the test ends, also when it fails, so that nothing stays stuck.
#[derive(Debug)]
pub(crate) struct OpenAtEnd<'a>(pub(crate) &'a Gate);

impl Drop for OpenAtEnd<'_> {
    fn drop(&mut self) {
        self.0.open();
    }
}
