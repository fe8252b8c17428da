//! C43: rotation of generations and filters never lets a duplicate in and never hides a key.

use crate::support::guarded;
use crate::{ms, plain};
use batchline::dedup::{AtCap, Dedup, Filter, InsertError, TimePartitionedMap, Window};
use batchline::{Batch, Clock, VirtualClock};
use std::collections::HashMap;
use std::time::Duration;

const FILTERS: &[Filter] = &[
    Filter::None,
    Filter::Fastbloom,
    #[cfg(feature = "bloomfilter")]
    Filter::Bloomfilter,
];

/// Numbers that look like chance, the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A map and a plain set of what it must hold.
struct Pair {
    map: TimePartitionedMap<u64, u64>,
    time: VirtualClock,
    expires_ms: HashMap<u64, u64>,
    window_ms: u64,
    bucket_ms: u64,
}

impl Pair {
    fn new(settings: Window, window_ms: u64, bucket_ms: u64) -> Self {
        let time = VirtualClock::new();
        let map = TimePartitionedMap::with_clock(settings, Clock::from(&time)).unwrap();
        Self { map, time, expires_ms: HashMap::new(), window_ms, bucket_ms }
    }

    fn now_ms(&self) -> u64 {
        self.time.now().as_millis() as u64
    }

    fn insert(&mut self, key: u64) {
        let now_ms = self.now_ms();
        let is_there = self.expires_ms.get(&key).is_some_and(|expires_ms| *expires_ms > now_ms);
        match self.map.insert(key, key + 1) {
            Ok(()) => {
                assert!(!is_there, "key {key} came in twice");
                let expires_ms = (now_ms / self.bucket_ms + 1) * self.bucket_ms + self.window_ms;
                self.expires_ms.insert(key, expires_ms);
            }
            Err(InsertError::Present(..)) => assert!(is_there, "key {key} is not there, and was refused"),
            Err(error) => panic!("{error}"),
        }
    }

    /// Every key that must be there is found, and nothing else is.
    fn check_all(&mut self) {
        let now_ms = self.now_ms();
        self.expires_ms.retain(|_, expires_ms| *expires_ms > now_ms);
        for key in self.expires_ms.keys() {
            assert_eq!(self.map.get(key), Some(key + 1), "key {key} is hidden");
        }
        assert_eq!(self.map.len(), self.expires_ms.len());
    }
}

/// Bursts of many sizes, keys of every age, gaps longer than the window; `released` of a hundred are taken out again.
fn run(settings: Window, released: u64, rounds: u64) -> Pair {
    let (window_ms, bucket_ms) = (160, 10);
    let mut pair = Pair::new(settings, window_ms, bucket_ms);
    let (mut random, mut newest) = (Random(7), 1000);
    for round in 0..rounds {
        let burst = match random.below(20) {
            0 => 3000,
            1..4 => 400,
            _ => 30,
        };
        for _ in 0..burst {
            newest += 1;
            let key = if random.below(3) == 0 { newest - random.below(newest.min(20_000)) } else { newest };
            pair.insert(key);
            if random.below(100) < released && pair.map.remove(&key).is_some() {
                pair.expires_ms.remove(&key);
            }
        }
        pair.time.advance(ms(if random.below(40) == 0 { 400 } else { 1 + random.below(12) }));
        if round % 32 == 31 {
            pair.check_all();
        }
    }
    pair.check_all();
    pair
}

#[test]
fn c43_rotation_neither_lets_a_duplicate_in_nor_hides_a_key() {
    for &filter in FILTERS {
        for rate in [0.0001, 0.01, 0.5] {
            for (keys_max, released) in [(8000 * 4, 0), (1 << 20, 20)] {
                guarded("C43", move || {
                    let settings = Window::new(ms(160)).bucket(ms(10));
                    let settings = settings.filter(filter).false_positive_rate(rate).keys_max(keys_max);
                    run(settings, released, 400);
                });
            }
        }
    }
}

#[test]
fn c43_a_filter_keeps_its_rate_while_traffic_grows() {
    for &filter in FILTERS.iter().filter(|filter| **filter != Filter::None) {
        guarded("C43 rate", move || {
            let time = VirtualClock::new();
            let settings = Window::new(ms(160)).bucket(ms(10)).filter(filter).false_positive_rate(0.01);
            let seen = Dedup::with_clock(settings, Clock::from(&time)).unwrap();
            let mut key = 0_u64;
            for round in 0..64 {
                for _ in 0..100 * (round + 1) {
                    key += 1;
                    assert!(seen.is_new(key).unwrap());
                }
                time.advance(ms(10));
            }
            let stats = seen.stats();
            assert!(stats.filter_rejections > 100_000, "{stats:?}");
            assert!(stats.false_positive_rate() < 0.02, "{}", stats.false_positive_rate());
        });
    }
}

#[test]
fn c43_a_generation_that_is_full_is_followed_by_another_in_the_same_bucket() {
    guarded("C43 split", || {
        for &filter in FILTERS {
            // One shard, or two, whose keys of one bucket are more than a generation holds.
            let time = VirtualClock::new();
            let settings =
                Window::new(Duration::from_secs(60)).bucket(Duration::from_secs(60)).filter(filter);
            let map = TimePartitionedMap::with_clock(settings.keys_max(1 << 17), Clock::from(&time)).unwrap();
            (0..100_000_u64).for_each(|key| map.insert(key, ()).unwrap());
            assert!((0..100_000).all(|key| map.contains(&key)) && map.len() == 100_000);
            assert!((0..1000).all(|key| map.insert(key * 97, ()).is_err()));
            time.advance(Duration::from_secs(120));
            assert!(map.is_empty() && map.insert(1, ()).is_ok());
        }
    });
}

/// What is held must follow what is remembered.
fn assert_modest(what: &str, bytes: u64) {
    assert!(bytes < 4 << 20, "{what}: {bytes} bytes for no key at all");
}

/// A filter that keys were put into and taken out of is used again, and not followed by a larger one.
#[test]
fn c43_filters_do_not_grow_with_keys_that_were_released() {
    guarded("C43 released claims", || {
        let time = VirtualClock::new();
        let settings = Window::new(ms(160)).bucket(ms(10)).keys_max(4000);
        let seen = Dedup::with_clock(settings, Clock::from(&time)).unwrap();
        let mut key = 0_u64;
        for _ in 0..400 {
            for _ in 0..5000 {
                key += 1;
                drop(seen.claim(key).unwrap());
            }
            time.advance(ms(10));
        }
        assert_eq!(seen.len(), 0);
        // At most a window's worth of keys may ever have been in the filters at once: 85,000, of 2 bytes each.
        assert!(seen.stats().bytes < 1 << 20, "{} bytes for no key at all", seen.stats().bytes);
    });
}

/// The same, of a batcher whose backend is away.
#[test]
fn c43_a_backend_that_is_away_for_long_does_not_cost_memory() {
    guarded("C43 failing batches", || {
        let time = VirtualClock::new();
        let settings = Window::new(ms(160)).bucket(ms(10)).keys_max(4000);
        let builder = plain(100).clock(Clock::from(&time)).dedup(settings, |item| *item);
        let batcher = builder.build_poll().unwrap();
        let mut item = 0_u64;
        for _ in 0..400 {
            for _ in 0..30 {
                batcher.put_many(&mut (item..item + 100).collect()).unwrap();
                batcher.next_batch(Duration::ZERO).unwrap().fail_all("away");
                item += 100;
            }
            time.advance(ms(10));
        }
        let stats = batcher.window_stats().unwrap();
        assert_eq!(stats.keys, 0);
        assert!(stats.bytes < 1 << 20, "{} bytes for no key at all", stats.bytes);
    });
}

#[test]
fn c43_clearing_again_and_again_gives_the_memory_back() {
    let seen = Dedup::<u64>::new(Duration::from_secs(60)).unwrap();
    for _ in 0..20 {
        (0..5000).for_each(|key| assert!(seen.is_new(key).unwrap()));
        seen.clear();
        assert!(seen.is_empty());
        assert_modest("after a clear", seen.stats().bytes);
    }
}

#[test]
fn c43_filters_stay_right_while_the_oldest_are_forgotten() {
    for &filter in FILTERS {
        guarded("C43 at the cap", move || {
            let time = VirtualClock::new();
            let settings = Window::new(ms(160)).bucket(ms(10)).filter(filter).keys_max(1000);
            let seen = Dedup::with_clock(settings.at_cap(AtCap::ForgetOldest), Clock::from(&time)).unwrap();
            for key in 0..60_000_u64 {
                assert!(seen.is_new(key).unwrap());
                // What came last is remembered: at most a 16th of the cap, and what expired, may be gone.
                let recent = key.saturating_sub(key % 50);
                assert!(seen.contains(&recent) && !seen.is_new(recent).unwrap(), "{recent} of {key}");
                if key % 300 == 0 {
                    time.advance(ms(10));
                }
            }
            assert!(seen.len() <= 1000);
        });
    }
}

#[test]
fn c43_a_batcher_remembers_through_every_rotation() {
    for &filter in FILTERS {
        guarded("C43 batcher", move || {
            let time = VirtualClock::new();
            let settings = Window::new(ms(160)).bucket(ms(10)).filter(filter);
            let builder = plain(64).clock(Clock::from(&time)).dedup(settings, |item| *item);
            let batcher = builder.build(|_: &mut Batch<u64>| ()).unwrap();
            for round in 0..200_u64 {
                let mut items: Vec<u64> = (round * 50..round * 50 + 100).collect();
                let _ = batcher.put_many(&mut items);
                let duplicates = if round == 0 { 0 } else { 50 };
                assert_eq!(items.len(), duplicates, "round {round}: half was put the round before");
                time.advance(ms(7));
            }
            batcher.flush().unwrap();
            assert_eq!(batcher.stats().done, 50 * 201);
        });
    }
}
