//! A window's settings: how long keys are remembered, how finely, and at most how many.

use super::generation::GENERATION_KEYS_MAX;
use crate::clock::nanoseconds;
use crate::error::BuildError;
use std::time::Duration;

const BUCKET_MIN: Duration = Duration::from_millis(1);
const WINDOW_MAX: Duration = Duration::from_secs(366 * 24 * 3600);
/// A window is at most so many buckets long: each is a place where a key may have to be looked for.
const BUCKETS_MAX: u32 = 4096;
const BUCKETS_DEFAULT: u32 = 16;
const KEYS_MAX_DEFAULT: usize = 1 << 20;
const KEYS_MAX: usize = 1 << 36;

/// How long keys are remembered, and what that may cost. A [`Duration`] turns into a window with the defaults.
///
/// A key put at time `t` is remembered until its bucket ends, plus the window: at least `window`, at most
/// `window + bucket`.
///
/// | setting | default | allowed |
/// | --- | --- | --- |
/// | `window` | | 1 ms to 366 days |
/// | `bucket` | a 16th of the window, but at least 1 ms | 1 ms to the window, at least a 4096th of it |
/// | `keys_max` | 2^20 | 1 to 2^36 |
/// | `at_cap` | `Refuse` | |
/// | `filter` | `Fastbloom` | |
/// | `false_positive_rate` | 0.01 | 0.0001 to 0.5 |
///
/// ```
/// use batchline::dedup::{AtCap, Dedup, Window};
/// use std::time::Duration;
/// let window = Window::new(Duration::from_secs(60))
///     .bucket(Duration::from_secs(1))
///     .keys_max(100_000)
///     .at_cap(AtCap::ForgetOldest);
/// let seen = Dedup::<u64>::new(window)?;
/// # let _ = seen;
/// # Ok::<(), batchline::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a window's settings do nothing by themselves"]
pub struct Window {
    pub(super) window: Duration,
    pub(super) bucket: Option<Duration>,
    pub(super) keys_max: usize,
    pub(super) at_cap: AtCap,
    pub(super) filter: Filter,
    pub(super) false_positive_rate: f64,
}

/// What happens to a new key when `keys_max` keys are remembered.
///
/// ```
/// assert_eq!(batchline::dedup::AtCap::default(), batchline::dedup::AtCap::Refuse);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AtCap {
    /// It is refused, until time has made room: no duplicate passes, but new items do not either. The default.
    #[default]
    Refuse,
    /// The oldest keys are forgotten early, at most a 16th of them at a time, and counted: their duplicates pass.
    ForgetOldest,
}

/// What tells most new keys from the remembered ones without a look at each bucket.
///
/// ```
/// assert_eq!(batchline::dedup::Filter::default(), batchline::dedup::Filter::Fastbloom);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filter {
    /// Nothing: every bucket is looked at. The best for a window of few buckets.
    None,
    /// Bloom filters of the crate `fastbloom`. The default.
    #[default]
    Fastbloom,
    /// Bloom filters of the crate `bloomfilter`, which hash once more (SipHash). With the feature of that name.
    #[cfg(feature = "bloomfilter")]
    Bloomfilter,
}

impl Window {
    /// Remembers keys for `window`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let window = batchline::dedup::Window::new(Duration::from_secs(60));
    /// # let _ = window;
    /// ```
    pub fn new(window: Duration) -> Self {
        Self {
            window,
            bucket: None,
            keys_max: KEYS_MAX_DEFAULT,
            at_cap: AtCap::default(),
            filter: Filter::default(),
            false_positive_rate: 0.01,
        }
    }

    /// How finely time is told: keys of one bucket are forgotten together, at most this late. Finer buckets cost
    /// time for keys that were seen long ago.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let window = batchline::dedup::Window::new(Duration::from_secs(60)).bucket(Duration::from_secs(1));
    /// # let _ = window;
    /// ```
    pub fn bucket(mut self, bucket: Duration) -> Self {
        self.bucket = Some(bucket);
        self
    }

    /// The most keys that are remembered: a hard cap. Keys spread over shards by their hash, each with its
    /// part of the cap, so it may be met up to 5 % early; below 8192 it is exact.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let window = batchline::dedup::Window::new(Duration::from_secs(60)).keys_max(10_000_000);
    /// # let _ = window;
    /// ```
    pub fn keys_max(mut self, keys_max: usize) -> Self {
        self.keys_max = keys_max;
        self
    }

    /// What happens to a new key at the cap.
    ///
    /// ```
    /// # use batchline::dedup::{AtCap, Window};
    /// # use std::time::Duration;
    /// let window = Window::new(Duration::from_secs(60)).at_cap(AtCap::ForgetOldest);
    /// # let _ = window;
    /// ```
    pub fn at_cap(mut self, at_cap: AtCap) -> Self {
        self.at_cap = at_cap;
        self
    }

    /// Which filter stands before the older buckets.
    ///
    /// ```
    /// # use batchline::dedup::{Filter, Window};
    /// # use std::time::Duration;
    /// let window = Window::new(Duration::from_secs(60)).filter(Filter::None);
    /// # let _ = window;
    /// ```
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// How often a filter may send a new key on a search in vain. A lower rate takes more memory: about 2 bytes
    /// per key at 0.01, 3 at 0.001.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let window = batchline::dedup::Window::new(Duration::from_secs(60)).false_positive_rate(0.001);
    /// # let _ = window;
    /// ```
    pub fn false_positive_rate(mut self, rate: f64) -> Self {
        self.false_positive_rate = rate;
        self
    }

    pub(super) fn check(&self) -> Result<Plan, BuildError> {
        let bucket = self.bucket.unwrap_or((self.window / BUCKETS_DEFAULT).max(BUCKET_MIN));
        if !(BUCKET_MIN..=WINDOW_MAX).contains(&self.window) {
            let allowed = format_args!("{BUCKET_MIN:?} to {WINDOW_MAX:?}");
            return Err(BuildError::new("window", format_args!("{:?}", self.window), allowed));
        }
        let bucket_min = BUCKET_MIN.max(self.window.div_f64(f64::from(BUCKETS_MAX)));
        if !(bucket_min..=self.window).contains(&bucket) {
            let allowed = format_args!("{bucket_min:?} to {:?}, the window", self.window);
            return Err(BuildError::new("bucket", format_args!("{bucket:?}"), allowed));
        }
        if !(1..=KEYS_MAX).contains(&self.keys_max) {
            return Err(BuildError::new("keys_max", self.keys_max, format_args!("1 to {KEYS_MAX}")));
        }
        if !(0.0001..=0.5).contains(&self.false_positive_rate) {
            return Err(BuildError::new("false_positive_rate", self.false_positive_rate, "0.0001 to 0.5"));
        }
        Ok(Plan::new(self, bucket))
    }
}

impl From<Duration> for Window {
    fn from(window: Duration) -> Self {
        Self::new(window)
    }
}

/// Checked settings, as a shard needs them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) window_ns: u64,
    pub(super) bucket_ns: u64,
    pub(super) shards: usize,
    /// Per shard.
    pub(super) keys_max: usize,
    /// At so many keys a generation is followed by another one even in the same bucket.
    pub(super) generation_keys_max: usize,
    /// A filter covers about so many generations.
    pub(super) span_generations: u32,
    pub(super) at_cap: AtCap,
    pub(super) filter: Filter,
    pub(super) false_positive_rate: f64,
}

/// Keys per shard at the cap below which another shard would make the cap too uneven.
const SHARD_KEYS_MIN: usize = 4096;
/// Keys per shard at the cap from which there are more shards than 64: a generation holds 2^15 keys.
const SHARD_KEYS_MAX: usize = 1 << 17;
const SHARDS: usize = 64;
const SHARDS_MAX: usize = 4096;
/// Into how many filters the window is cut. More would cost a new key more; fewer would send a duplicate of an old
/// key through more generations.
const SPANS: u64 = 4;

impl Plan {
    fn new(window: &Window, bucket: Duration) -> Self {
        // At most 64, unless they would get too large.
        let shards = (window.keys_max / SHARD_KEYS_MIN).clamp(1, SHARDS);
        let shards = shards.max(window.keys_max / SHARD_KEYS_MAX).min(SHARDS_MAX);
        let shards = 1 << shards.ilog2();
        let keys_max = window.keys_max / shards;
        let (window_ns, bucket_ns) = (nanoseconds(window.window), nanoseconds(bucket));
        let generations = window_ns.div_ceil(bucket_ns) + 1;
        Self {
            window_ns,
            bucket_ns,
            shards,
            keys_max,
            generation_keys_max: match window.at_cap {
                AtCap::Refuse => GENERATION_KEYS_MAX,
                AtCap::ForgetOldest => keys_max.div_ceil(16).min(GENERATION_KEYS_MAX),
            },
            span_generations: generations.div_ceil(SPANS) as u32,
            at_cap: window.at_cap,
            filter: window.filter,
            false_positive_rate: window.false_positive_rate,
        }
    }

    /// When a key that comes in now is forgotten: when its bucket ends, plus the window.
    pub(super) fn expires_ns(&self, now_ns: u64) -> u64 {
        (now_ns / self.bucket_ns + 1).saturating_mul(self.bucket_ns).saturating_add(self.window_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused_by_name() {
        let second = Duration::from_secs(1);
        let field = |window: Window| window.check().unwrap_err().field();
        assert_eq!(field(Window::new(Duration::ZERO)), "window");
        assert_eq!(field(Window::new(Duration::MAX)), "window");
        assert_eq!(field(Window::new(second).bucket(Duration::from_micros(100))), "bucket");
        assert_eq!(field(Window::new(second).bucket(2 * second)), "bucket");
        assert_eq!(field(Window::new(5000 * second).bucket(second)), "bucket");
        assert_eq!(field(Window::new(second).keys_max(0)), "keys_max");
        assert_eq!(field(Window::new(second).false_positive_rate(f64::NAN)), "false_positive_rate");
        assert_eq!(field(Window::new(second).false_positive_rate(1.0)), "false_positive_rate");
    }

    #[test]
    fn a_small_cap_has_one_shard_and_is_exact() {
        let plan = Window::new(Duration::from_secs(1)).keys_max(8191).check().unwrap();
        assert_eq!((plan.shards, plan.keys_max), (1, 8191));
        let plan = Window::new(Duration::from_secs(1)).check().unwrap();
        assert_eq!((plan.shards, plan.keys_max), (64, 1 << 14));
    }
}
