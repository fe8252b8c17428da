//! The cap on the number of keys: refused as told, never exceeded, or the oldest forgotten and counted.

use crate::support::guarded;
use crate::{BUCKET, WINDOW, plain, window};
use batchline::dedup::{AtCap, Dedup, InsertError, NotClaimed, TimePartitionedMap};
use batchline::{Clock, PutError, PutManyError, VirtualClock};
use std::time::Duration;

const CAPS: [usize; 5] = [1, 2, 3, 100, 10_000];

#[test]
fn a_full_window_refuses_what_is_new_and_still_knows_what_it_holds() {
    for cap in CAPS {
        let time = VirtualClock::new();
        let map = TimePartitionedMap::with_clock(window().keys_max(cap), Clock::from(&time)).unwrap();
        let mut held = Vec::new();
        for key in 0..3 * cap as u64 {
            match map.insert(key, ()) {
                Ok(()) => held.push(key),
                Err(error) => assert_eq!(error, InsertError::Full(key, ())),
            }
            assert!(map.len() <= cap);
            if key % 1000 == 999 {
                time.advance(Duration::from_millis(100));
            }
        }
        assert!(held.len() <= cap && held.len() >= cap - cap / 20, "{} of {cap}", held.len());
        assert!(cap >= 8192 || held.iter().copied().eq(0..cap as u64), "below 8192 the cap is exact");
        assert!(held.iter().all(|key| map.insert(*key, ()) == Err(InsertError::Present(*key, ()))));
        let stats = map.stats();
        assert_eq!((stats.keys, stats.refused), (held.len() as u64, (3 * cap - held.len()) as u64));
        assert_eq!(stats.forgotten, 0);
        time.advance(WINDOW + BUCKET);
        assert!((0..cap as u64 / 2).all(|key| map.insert(key, ()).is_ok()), "time has made room");
    }
}

#[test]
fn a_full_window_of_a_batcher_returns_the_item_and_counts() {
    for cap in [1, 2, 3, 100] {
        let time = VirtualClock::new();
        let builder = plain(1000).clock(Clock::from(&time)).dedup(window().keys_max(cap), |item| *item);
        let batcher = builder.build_poll().unwrap();
        (0..cap as u64).for_each(|item| batcher.put(item).unwrap());
        assert_eq!(batcher.put(1000), Err(PutError::WindowFull(1000)));
        assert_eq!(batcher.try_put(1000), Err(PutError::WindowFull(1000)));
        assert_eq!(batcher.submit(1000).unwrap_err(), PutError::WindowFull(1000));
        assert_eq!(batcher.put(0), Err(PutError::Duplicate(0)));
        let mut items = vec![0, 1000, 0, 1001];
        assert_eq!(batcher.put_many(&mut items), Err(PutManyError::WindowFull { accepted: 0 }));
        assert_eq!(items, [0, 1000, 0, 1001]);
        let (stats, kept) = (batcher.stats(), batcher.window_stats().unwrap());
        assert_eq!((stats.accepted, stats.duplicates), (cap as u64, 2));
        assert_eq!(stats.refused, 3 + 2 + 3, "three puts, two duplicates, three left in the vector");
        assert_eq!((kept.keys, kept.refused), (cap as u64, 4));
        time.advance(WINDOW + BUCKET);
        batcher.put(1000).unwrap();
    }
}

#[test]
fn a_released_key_makes_room_at_the_cap() {
    let seen = Dedup::<u64>::new(window().keys_max(2)).unwrap();
    let (first, second) = (seen.claim(1).unwrap(), seen.claim(2).unwrap());
    assert!(matches!(seen.claim(3), Err(NotClaimed::WindowFull(3))));
    drop(first);
    let third = seen.claim(3).unwrap();
    assert!(matches!(seen.is_new(4), Err(NotClaimed::WindowFull(4))));
    second.commit();
    third.commit();
    assert_eq!(seen.len(), 2);
}

/// At most a 16th of the cap at once, rounded up per shard.
fn forgets_only_the_oldest(cap: usize, keys_per_bucket: u64) {
    let time = VirtualClock::new();
    let settings = window().keys_max(cap).at_cap(AtCap::ForgetOldest);
    let seen = Dedup::<u64>::with_clock(settings, Clock::from(&time)).unwrap();
    let (step_max, mut forgotten, mut expired_below) = (cap.div_ceil(16) as u64, 0, 0);
    for key in 0..6 * cap as u64 {
        if key > 0 && key % keys_per_bucket == 0 {
            time.advance(BUCKET);
            expired_below = (key / keys_per_bucket).saturating_sub(12) * keys_per_bucket;
        }
        assert!(seen.is_new(key).unwrap(), "key {key} is new");
        let stats = seen.stats();
        assert!(stats.keys <= cap as u64 && stats.forgotten - forgotten <= step_max, "{key}: {stats:?}");
        forgotten = stats.forgotten;
        assert_eq!(stats.refused, 0);
    }
    let all = 6 * cap as u64;
    assert!(cap > 100 || (0..all).map(|key| seen.contains(&key)).is_sorted(), "only the oldest are gone");
    let kept = seen.len() as u64;
    assert!(kept + 2 * step_max + 2 >= (cap as u64).min(all - expired_below), "{kept} of {cap} are left");
}

#[test]
fn a_window_that_forgets_forgets_only_the_oldest_and_counts_them() {
    for cap in CAPS {
        for keys_per_bucket in [u64::MAX, 7, cap as u64] {
            if cap == 10_000 && keys_per_bucket == 7 {
                continue;
            }
            guarded("forgetting", move || forgets_only_the_oldest(cap, keys_per_bucket));
        }
    }
}

#[test]
fn a_claim_that_was_forgotten_at_the_cap_releases_nothing_of_others() {
    let settings = window().keys_max(1).at_cap(AtCap::ForgetOldest);
    let batcher = plain(1).dedup(settings, |item| *item).build_poll().unwrap();
    batcher.put(1).unwrap();
    let first = batcher.next_batch(Duration::ZERO).unwrap();
    batcher.put(2).unwrap();
    batcher.put(1).unwrap();
    first.fail_all("late");
    assert_eq!(batcher.put(1), Err(PutError::Duplicate(1)), "the second claim of 1 stands");
    assert_eq!(batcher.window_stats().unwrap().forgotten, 2);
}
