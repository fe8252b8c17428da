//! Records that the core drops at a put are told of by who puts them: the core only says how many.

use crate::failures::Failures;
use std::cell::Cell;

thread_local! {
    /// Whose drops this thread counts, and how many there were.
    static WATCHED: Cell<Option<(usize, u64)>> = const { Cell::new(None) };
}

fn id_of(failures: &Failures) -> usize {
    std::ptr::from_ref(failures) as usize
}

/// Puts, and says how many records were dropped, which are then not reported.
pub(crate) fn watched<A>(failures: &Failures, put: impl FnOnce() -> A) -> (A, u64) {
    // A put may run a handler, which puts again.
    let outer = WATCHED.replace(Some((id_of(failures), 0)));
    let ended = put();
    let dropped = WATCHED.replace(outer).map_or(0, |(_, dropped)| dropped);
    (ended, dropped)
}

/// Counts dropped records; false if nobody on this thread will tell of them.
pub(crate) fn note(failures: &Failures, items: u64) -> bool {
    match WATCHED.get() {
        Some((id, dropped)) if id == id_of(failures) => {
            WATCHED.set(Some((id, dropped + items)));
            true
        }
        _ => false,
    }
}
