//! What a window holds in memory follows from the keys that it remembers at once, and not from how many come and go.
//!
//! Measured by what the window says that it holds, in a time that stands still: nothing expires, so whatever is not
//! given back by the releases themselves stays, and shows.

use crate::{plain, window};
use batchline::dedup::{Dedup, Filter, Window};
use batchline::{Clock, VirtualClock};
use std::time::Duration;

/// Below 8192 there is one shard.
const KEYS_MAX: u64 = 8000;
/// How many times as many keys come and go.
const TIMES: u64 = 50;
/// Remembered all the time.
const LIVES_ON: u64 = u64::MAX;

const FILTERS: &[Filter] = &[
    Filter::None,
    Filter::Fastbloom,
    #[cfg(feature = "bloomfilter")]
    Filter::Bloomfilter,
];

fn settings() -> Window {
    window().keys_max(KEYS_MAX as usize)
}

fn standing_still(settings: Window) -> Dedup<u64> {
    let seen = Dedup::with_clock(settings, Clock::from(&VirtualClock::new())).unwrap();
    assert!(seen.is_new(LIVES_ON).unwrap());
    seen
}

/// Lets many keys come and go; after a few of them, the window must hold all that it will ever hold.
#[track_caller]
fn assert_bounded(filter: Filter, bytes: impl Fn() -> u64, mut come_and_go: impl FnMut(u64)) {
    (0..KEYS_MAX).for_each(&mut come_and_go);
    let first = bytes();
    (KEYS_MAX..TIMES * KEYS_MAX).for_each(come_and_go);
    let last = bytes();
    assert!(last <= first, "{filter:?}: {first} bytes became {last}, over {TIMES} times the cap");
}

#[test]
fn released_keys_leave_nothing_behind_while_one_key_lives_on() {
    for &filter in FILTERS {
        let seen = standing_still(settings().filter(filter));
        let bytes = || seen.stats().bytes;
        assert_bounded(filter, bytes, |key| drop(seen.claim(key).unwrap()));
        assert_eq!(seen.len(), 1);
    }
}

/// As above, with no moment at which nothing is claimed: each key is released when the next one is there.
#[test]
fn keys_that_are_released_late_leave_nothing_behind() {
    for &filter in FILTERS {
        let seen = standing_still(settings().filter(filter));
        let mut last = None;
        let bytes = || seen.stats().bytes;
        assert_bounded(filter, bytes, |key| last = Some(seen.claim(key).unwrap()));
        assert_eq!(seen.len(), 2);
    }
}

/// By the handler: each batch fails when the next one's keys are there.
#[test]
fn keys_of_failed_items_leave_nothing_behind() {
    for &filter in FILTERS {
        let time = VirtualClock::new();
        let builder = plain(64).clock(Clock::from(&time)).dedup(settings().filter(filter), |item| *item);
        let batcher = builder.build_poll().unwrap();
        batcher.put(LIVES_ON).unwrap();
        (0..63).for_each(|item| batcher.put(LIVES_ON - 64 + item).unwrap());
        drop(batcher.next_batch(Duration::ZERO).expect("a full batch"));
        let mut in_hand = None;
        let bytes = || batcher.window_stats().unwrap().bytes;
        assert_bounded(filter, bytes, |item| {
            batcher.put(item).unwrap();
            if item % 64 == 63 {
                let batch = batcher.next_batch(Duration::ZERO).expect("a full batch");
                if let Some(last) = in_hand.replace(batch) {
                    last.fail_all("the backend is away");
                }
            }
        });
        drop(in_hand);
        assert_eq!((batcher.stats().done, batcher.window_stats().unwrap().keys), (128, 128));
    }
}

#[test]
fn keys_that_are_committed_and_forgotten_leave_nothing_behind() {
    for &filter in FILTERS {
        let seen = standing_still(settings().filter(filter));
        let bytes = || seen.stats().bytes;
        assert_bounded(filter, bytes, |key| {
            seen.claim(key).unwrap().commit();
            assert!(seen.forget(&key));
        });
        assert_eq!(seen.len(), 1);
    }
}

/// The place of a key that is forgotten may be used again only if no claim can name it, so it is not while any claim is
/// out. Then places run out, 2^15 at a time, and those must not pile up.
#[test]
fn keys_that_are_forgotten_while_a_claim_is_out_do_not_pile_up() {
    const PLACES: u64 = 1 << 15;
    for &filter in FILTERS {
        let seen = standing_still(settings().filter(filter));
        let claim = seen.claim(LIVES_ON - 1).unwrap();
        let come_and_go = |key: u64| {
            seen.claim(key).unwrap().commit();
            assert!(seen.forget(&key));
        };
        // Until the places run out for the second time: the first ones go with the keys that are among them.
        (0..2 * PLACES).for_each(come_and_go);
        let first = seen.stats().bytes;
        (2 * PLACES..12 * PLACES).for_each(come_and_go);
        let last = seen.stats().bytes;
        // What is noted for each run of places is small; a run itself is no less than 8 bytes for each.
        assert!(last < first + 8 * PLACES, "{filter:?}: {first} bytes became {last}");
        claim.commit();
        assert_eq!(seen.len(), 2);
    }
}
