//! The window of keys, on a clock that moves by hand: a bucket of time per 1280 keys, seventeen buckets at once.
//!
//! Maps are seeded at random. So many keys per bucket fall to a shard that its tables have one size whatever the seed;
//! what is left, lengths of probes and false alarms of filters, moves the counts by a few in a thousand.

use std::{hint::black_box, time::Duration};

use batchline::{
    Clock, VirtualClock,
    dedup::{Filter, TimePartitionedMap, Window},
    naive::{NaiveTimePartitionedMap, WindowMap},
};

const WINDOW: Duration = Duration::from_secs(16);
pub(super) const BUCKET: Duration = Duration::from_secs(1);
/// Keys that come in while one bucket lasts: 160 to each of 8 shards, far from 112 and 224, where tables grow.
pub(super) const BUCKET_KEYS: u64 = 1_280;
/// Keys that are remembered at a time: those of the window, and of the bucket that is open.
pub(super) const WINDOW_KEYS: u64 = 17 * BUCKET_KEYS;
/// Maps that are read in turn: each key of each has its own luck with the filters.
const MAPS: usize = 8;

/// The window of all cases; the cap is above what comes in, and never met.
pub(super) fn window(filter: Filter) -> Window {
    Window::new(WINDOW).bucket(BUCKET).keys_max(2 * WINDOW_KEYS as usize).filter(filter)
}

fn optimized(filter: Filter, time: &VirtualClock) -> TimePartitionedMap<u64, u64> {
    TimePartitionedMap::with_clock(window(filter), Clock::from(time)).expect("the settings are sound")
}

fn naive(time: &VirtualClock) -> NaiveTimePartitionedMap<u64, u64> {
    NaiveTimePartitionedMap::with_clock(WINDOW, BUCKET, Clock::from(time))
}

/// `insert` of new keys, by the naive twin.
pub(super) fn set_naive(keys: u64) {
    let time = VirtualClock::new();
    set(&naive(&time), &time, keys);
}

/// `insert` of new keys, with filters.
pub(super) fn set_optimized(keys: u64) {
    let time = VirtualClock::new();
    set(&optimized(Filter::Fastbloom, &time), &time, keys);
}

/// `insert` of new keys, without filters.
pub(super) fn set_no_filter(keys: u64) {
    let time = VirtualClock::new();
    set(&optimized(Filter::None, &time), &time, keys);
}

/// `get` of keys that are remembered, by the naive twin, whose seeds hardly matter.
pub(super) fn get_naive(keys: u64) {
    let time = VirtualClock::new();
    get(&[naive(&time)], &time, keys);
}

/// `get` of keys that are remembered, with filters.
pub(super) fn get_optimized(keys: u64) {
    let time = VirtualClock::new();
    let maps: Vec<_> = (0..MAPS).map(|_| optimized(Filter::Fastbloom, &time)).collect();
    get(&maps, &time, keys);
}

/// Keys that are all new, a bucket's worth at a time; old ones expire meanwhile.
fn set(map: &impl WindowMap<u64, u64>, time: &VirtualClock, keys: u64) {
    for bucket in 0..keys / BUCKET_KEYS {
        insert_bucket(map, bucket);
        time.advance(BUCKET);
    }
    assert_eq!(map.len() as u64, keys.min(WINDOW_KEYS - BUCKET_KEYS), "keys remembered at the end");
}

/// Keys that are all there, each as often, whatever bucket they are in: all of one map, then all of the next.
fn get(maps: &[impl WindowMap<u64, u64>], time: &VirtualClock, keys: u64) {
    for bucket in 0..WINDOW_KEYS / BUCKET_KEYS {
        maps.iter().for_each(|map| insert_bucket(map, bucket));
        if bucket + 1 < WINDOW_KEYS / BUCKET_KEYS {
            time.advance(BUCKET);
        }
    }
    for map in maps.iter().cycle().take((keys / WINDOW_KEYS) as usize) {
        get_all(map);
    }
}

fn get_all(map: &impl WindowMap<u64, u64>) {
    for key in 0..WINDOW_KEYS {
        assert_eq!(map.get(black_box(&key)), Some(key), "the value of a key of the window");
    }
}

fn insert_bucket(map: &impl WindowMap<u64, u64>, bucket: u64) {
    for key in bucket * BUCKET_KEYS..(bucket + 1) * BUCKET_KEYS {
        assert!(map.insert(key, key).is_ok(), "the key is new");
    }
}
