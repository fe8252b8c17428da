//! The lock of an ordered lane: one holder at a time, and the next sees what the last one wrote.

use super::check;
use crate::ordered::OrderedGuard;
use crate::sync::{AtomicBool, UnsafeCell, thread};
use loom::sync::Arc;

struct Lane {
    held: AtomicBool,
    written: UnsafeCell<u32>,
}

impl Lane {
    fn write(&self) {
        let _guard = OrderedGuard::lock(&self.held);
        // SAFETY: the lock is held; loom checks that nobody else is here.
        self.written.with_mut(|written| unsafe { *written += 1 });
    }
}

#[test]
fn one_holder_at_a_time() {
    check(|| {
        let lane = Arc::new(Lane { held: AtomicBool::new(false), written: UnsafeCell::new(0) });
        let other = lane.clone();
        let thread = thread::spawn(move || other.write());
        lane.write();
        thread.join().unwrap();
        // SAFETY: the other thread is gone.
        assert_eq!(lane.written.with(|written| unsafe { *written }), 2);
    });
}
