//! The maps that contend: the naive one, and ours with each of its filters; all with 60 buckets, on a virtual clock.

use std::time::Duration;

use batchline::{
    Clock, VirtualClock,
    dedup::{Filter, TimePartitionedMap, Window},
    naive::{NaiveTimePartitionedMap, WindowMap},
};

use super::key::Key;

/// The naive twin.
pub const NAIVE: &str = "naive";
/// Ours with its default filter; the one that is held against the naive twin.
pub const FASTBLOOM: &str = "batchline-fastbloom";
/// Ours without a filter.
pub const NO_FILTER: &str = "batchline-no-filter";
/// Ours with the filter of the crate `bloomfilter`.
#[cfg(feature = "bloomfilter")]
pub const BLOOMFILTER: &str = "batchline-bloomfilter";

/// Buckets of a window.
pub const BUCKETS: u64 = 60;
/// One bucket.
pub const BUCKET: Duration = Duration::from_secs(1);
/// The window.
pub const WINDOW: Duration = Duration::from_secs(BUCKETS);
/// Far more than are ever put, so that no cap shows.
const KEYS_MAX: usize = 1 << 23;

/// A map of the keys alone, as deduplication has it.
pub trait Subject<K>: WindowMap<K, ()> + Sized + 'static {
    /// An empty map.
    fn open(clock: Clock) -> Self;

    /// Bytes that it holds, where it tells.
    fn held_bytes(&self) -> Option<u64>;
}

impl<K: Key> Subject<K> for NaiveTimePartitionedMap<K, ()> {
    fn open(clock: Clock) -> Self {
        Self::with_clock(WINDOW, BUCKET, clock)
    }

    fn held_bytes(&self) -> Option<u64> {
        None
    }
}

/// Which filter a map of ours has.
pub trait Filtered: 'static {
    /// The filter.
    const FILTER: Filter;
}

/// No filter.
#[derive(Debug)]
pub struct Unfiltered;

impl Filtered for Unfiltered {
    const FILTER: Filter = Filter::None;
}

/// The default.
#[derive(Debug)]
pub struct Fastbloom;

impl Filtered for Fastbloom {
    const FILTER: Filter = Filter::Fastbloom;
}

/// The other crate's.
#[cfg(feature = "bloomfilter")]
#[derive(Debug)]
pub struct Bloomfilter;

#[cfg(feature = "bloomfilter")]
impl Filtered for Bloomfilter {
    const FILTER: Filter = Filter::Bloomfilter;
}

/// Our map with one filter.
#[derive(Debug)]
pub struct Ours<K, F> {
    map: TimePartitionedMap<K, ()>,
    filter: std::marker::PhantomData<fn() -> F>,
}

/// The window that all maps have.
pub fn window(filter: Filter) -> Window {
    Window::new(WINDOW).bucket(BUCKET).keys_max(KEYS_MAX).filter(filter)
}

impl<K: Key, F: Filtered> Subject<K> for Ours<K, F> {
    fn open(clock: Clock) -> Self {
        let map = TimePartitionedMap::with_clock(window(F::FILTER), clock).expect("the settings are sound");
        Self { map, filter: std::marker::PhantomData }
    }

    fn held_bytes(&self) -> Option<u64> {
        Some(self.map.stats().bytes)
    }
}

impl<K: Key, F: Filtered> WindowMap<K, ()> for Ours<K, F> {
    #[inline]
    fn insert(&self, key: K, value: ()) -> Result<(), batchline::dedup::InsertError<K, ()>> {
        self.map.insert(key, value)
    }

    #[inline]
    fn get(&self, key: &K) -> Option<()> {
        self.map.get(key)
    }

    #[inline]
    fn remove(&self, key: &K) -> Option<()> {
        self.map.remove(key)
    }

    fn len(&self) -> usize {
        self.map.len()
    }
}

/// A map on a clock of its own.
pub fn on_virtual_clock<K, M: Subject<K>>() -> (M, VirtualClock) {
    let time = VirtualClock::new();
    (M::open(Clock::from(&time)), time)
}
