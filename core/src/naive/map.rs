//! The naive window: a list of hash maps, one per bucket of time, behind one lock, all searched for every key.

use super::WindowMap;
use crate::clock::{Clock, nanoseconds};
use crate::dedup::{InsertError, TimePartitionedMap};
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A map whose entries expire, the plain way: the same promises as [`TimePartitionedMap`], without shards, filters,
/// an order of search, or memory that is used again. No cap.
///
/// ```
/// use batchline::naive::NaiveTimePartitionedMap;
/// use std::time::Duration;
/// let map = NaiveTimePartitionedMap::<u64, &str>::new(Duration::from_secs(60), Duration::from_secs(1));
/// map.insert(1, "one")?;
/// assert_eq!(map.get(&1), Some("one"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct NaiveTimePartitionedMap<K, V> {
    clock: Clock,
    window_ns: u64,
    bucket_ns: u64,
    buckets: Mutex<Vec<Bucket<K, V>>>,
}

struct Bucket<K, V> {
    expires_ns: u64,
    entries: HashMap<K, V>,
}

impl<K: Hash + Eq, V> NaiveTimePartitionedMap<K, V> {
    /// An empty map over the system's clock. A bucket of zero counts as a nanosecond.
    ///
    /// ```
    /// # use batchline::naive::NaiveTimePartitionedMap;
    /// # use std::time::Duration;
    /// let map = NaiveTimePartitionedMap::<u64, ()>::new(Duration::from_secs(60), Duration::from_secs(1));
    /// # let _ = map;
    /// ```
    pub fn new(window: Duration, bucket: Duration) -> Self {
        Self::with_clock(window, bucket, Clock::system())
    }

    /// An empty map over a clock of the caller's.
    ///
    /// ```
    /// # use batchline::{Clock, naive::NaiveTimePartitionedMap};
    /// # use std::time::Duration;
    /// let (window, bucket) = (Duration::from_secs(60), Duration::from_secs(1));
    /// let map = NaiveTimePartitionedMap::<u64, ()>::with_clock(window, bucket, Clock::system());
    /// # let _ = map;
    /// ```
    pub fn with_clock(window: Duration, bucket: Duration, clock: Clock) -> Self {
        let (window_ns, bucket_ns) = (nanoseconds(window), nanoseconds(bucket).max(1));
        Self { clock, window_ns, bucket_ns, buckets: Mutex::new(Vec::new()) }
    }

    /// The buckets, without those that have expired.
    fn buckets(&self, now_ns: u64) -> MutexGuard<'_, Vec<Bucket<K, V>>> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.retain(|bucket| bucket.expires_ns > now_ns);
        buckets
    }

    /// As [`TimePartitionedMap::insert`].
    ///
    /// # Errors
    /// Key and value, when the key is there.
    ///
    /// ```
    /// # use batchline::naive::NaiveTimePartitionedMap;
    /// # use std::time::Duration;
    /// # let map = NaiveTimePartitionedMap::new(Duration::from_secs(60), Duration::from_secs(1));
    /// map.insert(1, ())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn insert(&self, key: K, value: V) -> Result<(), InsertError<K, V>> {
        let now_ns = self.clock.now_ns();
        let mut buckets = self.buckets(now_ns);
        if buckets.iter().any(|bucket| bucket.entries.contains_key(&key)) {
            return Err(InsertError::Present(key, value));
        }
        let expires_ns = (now_ns / self.bucket_ns + 1) * self.bucket_ns + self.window_ns;
        match buckets.iter_mut().find(|bucket| bucket.expires_ns == expires_ns) {
            Some(bucket) => {
                bucket.entries.insert(key, value);
            }
            None => buckets.push(Bucket { expires_ns, entries: HashMap::from([(key, value)]) }),
        }
        Ok(())
    }

    /// As [`TimePartitionedMap::get`].
    ///
    /// ```
    /// # use batchline::naive::NaiveTimePartitionedMap;
    /// # use std::time::Duration;
    /// # let map = NaiveTimePartitionedMap::<u64, ()>::new(Duration::from_secs(60), Duration::from_secs(1));
    /// assert_eq!(map.get(&1), None);
    /// ```
    pub fn get(&self, key: &K) -> Option<V>
    where
        V: Clone,
    {
        let buckets = self.buckets(self.clock.now_ns());
        buckets.iter().find_map(|bucket| bucket.entries.get(key).cloned())
    }

    /// As [`TimePartitionedMap::remove`].
    ///
    /// ```
    /// # use batchline::naive::NaiveTimePartitionedMap;
    /// # use std::time::Duration;
    /// # let map = NaiveTimePartitionedMap::<u64, ()>::new(Duration::from_secs(60), Duration::from_secs(1));
    /// assert_eq!(map.remove(&1), None);
    /// ```
    pub fn remove(&self, key: &K) -> Option<V> {
        self.buckets(self.clock.now_ns()).iter_mut().find_map(|bucket| bucket.entries.remove(key))
    }

    /// As [`TimePartitionedMap::len`].
    ///
    /// ```
    /// # use batchline::naive::NaiveTimePartitionedMap;
    /// # use std::time::Duration;
    /// # let map = NaiveTimePartitionedMap::<u64, ()>::new(Duration::from_secs(60), Duration::from_secs(1));
    /// assert_eq!(map.len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.buckets(self.clock.now_ns()).iter().map(|bucket| bucket.entries.len()).sum()
    }

    /// As [`TimePartitionedMap::is_empty`].
    ///
    /// ```
    /// # use batchline::naive::NaiveTimePartitionedMap;
    /// # use std::time::Duration;
    /// # let map = NaiveTimePartitionedMap::<u64, ()>::new(Duration::from_secs(60), Duration::from_secs(1));
    /// assert!(map.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Hash + Eq, V: Clone> WindowMap<K, V> for NaiveTimePartitionedMap<K, V> {
    fn insert(&self, key: K, value: V) -> Result<(), InsertError<K, V>> {
        Self::insert(self, key, value)
    }

    fn get(&self, key: &K) -> Option<V> {
        Self::get(self, key)
    }

    fn remove(&self, key: &K) -> Option<V> {
        Self::remove(self, key)
    }

    fn len(&self) -> usize {
        Self::len(self)
    }
}

impl<K: Hash + Eq, V: Clone> WindowMap<K, V> for TimePartitionedMap<K, V> {
    fn insert(&self, key: K, value: V) -> Result<(), InsertError<K, V>> {
        Self::insert(self, key, value)
    }

    fn get(&self, key: &K) -> Option<V> {
        Self::get(self, key)
    }

    fn remove(&self, key: &K) -> Option<V> {
        Self::remove(self, key)
    }

    fn len(&self) -> usize {
        Self::len(self)
    }
}

impl<K, V> fmt::Debug for NaiveTimePartitionedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NaiveTimePartitionedMap")
    }
}
