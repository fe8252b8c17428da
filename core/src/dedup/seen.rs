//! The window on its own, for those who batch elsewhere: have I seen this key?

use super::map::{Inserted, TimePartitionedMap};
use super::stats::WindowStats;
use super::window::Window;
use crate::clock::Clock;
use crate::error::BuildError;
use crate::gate::Claim;
use crate::sync::AtomicUsize;
use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::Ordering::{AcqRel, Acquire};

/// Remembers keys for a window of time. Shared by `&self`; costs as [`TimePartitionedMap`].
///
/// Where a key stands for work that may fail, [`claim`](Self::claim) it, and commit the claim when the work is done: a
/// claim that is dropped releases its key. Otherwise [`is_new`](Self::is_new) is all there is to it.
///
/// ```
/// use batchline::dedup::{Dedup, NotClaimed};
/// use std::time::Duration;
/// # fn charge(_: &str) -> Result<(), std::io::Error> { Ok(()) }
///
/// let seen = Dedup::<String>::new(Duration::from_secs(3600))?;
/// for id in ["a", "b", "a"] {
///     match seen.claim(id.to_string()) {
///         Ok(claim) => {
///             charge(id)?;
///             claim.commit();
///         }
///         Err(NotClaimed::Duplicate(id)) => println!("{id} was charged before, or is being charged"),
///         Err(full) => return Err(full.into()),
///     }
/// }
/// assert_eq!(seen.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Dedup<K> {
    map: TimePartitionedMap<K, ()>,
    /// Claims that are neither committed nor dropped.
    claims: AtomicUsize,
}

/// Why a key was not claimed. The key is inside.
///
/// ```
/// use batchline::dedup::{Dedup, NotClaimed};
/// let seen = Dedup::<u64>::new(std::time::Duration::from_secs(60))?;
/// seen.claim(7)?.commit();
/// assert!(matches!(seen.claim(7), Err(NotClaimed::Duplicate(7))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotClaimed<K> {
    /// The key is remembered, or claimed by somebody else.
    Duplicate(K),
    /// `keys_max` keys are remembered, and the policy is to refuse.
    WindowFull(K),
}

impl<K> fmt::Debug for NotClaimed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NotClaimed({self})")
    }
}

impl<K> fmt::Display for NotClaimed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Duplicate(_) => "the key was seen within the window",
            Self::WindowFull(_) => {
                "keys_max keys are remembered; raise it, shorten the window, or use AtCap::ForgetOldest"
            }
        })
    }
}

impl<K> std::error::Error for NotClaimed<K> {}

impl<K: Hash + Eq> Dedup<K> {
    /// An empty window over the system's clock.
    ///
    /// # Errors
    /// The first setting that cannot work, with what is allowed.
    ///
    /// ```
    /// # use batchline::dedup::Dedup;
    /// let seen = Dedup::<u64>::new(std::time::Duration::from_secs(60))?;
    /// # let _ = seen;
    /// # Ok::<(), batchline::BuildError>(())
    /// ```
    pub fn new(window: impl Into<Window>) -> Result<Self, BuildError> {
        Self::with_clock(window, Clock::system())
    }

    /// An empty window over a clock of the caller's.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    ///
    /// ```
    /// use batchline::{Clock, VirtualClock, dedup::Dedup};
    /// use std::time::Duration;
    /// let time = VirtualClock::new();
    /// let seen = Dedup::with_clock(Duration::from_secs(60), Clock::from(&time))?;
    /// assert!(seen.is_new(1)?);
    /// time.advance(Duration::from_secs(64));
    /// assert!(seen.is_new(1)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_clock(window: impl Into<Window>, clock: Clock) -> Result<Self, BuildError> {
        Ok(Self { map: TimePartitionedMap::with_clock(window, clock)?, claims: AtomicUsize::new(0) })
    }

    /// Whether this is the first time within the window; from now on it is not.
    ///
    /// # Errors
    /// At the cap, under `AtCap::Refuse`: the key is new, and could not be remembered.
    ///
    /// ```
    /// # use batchline::dedup::Dedup;
    /// let seen = Dedup::new(std::time::Duration::from_secs(60))?;
    /// assert!(seen.is_new("a")?);
    /// assert!(!seen.is_new("a")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn is_new(&self, key: K) -> Result<bool, NotClaimed<K>> {
        match self.enter(key) {
            Inserted::Claimed(_) => Ok(true),
            Inserted::Present(..) => Ok(false),
            Inserted::Full(key, ()) => Err(NotClaimed::WindowFull(key)),
        }
    }

    /// Claims a key: it is a duplicate for everybody else, until the claim is dropped, or for the window once the
    /// claim is committed. The window runs from the claim.
    ///
    /// # Errors
    /// The key, and why it was not claimed.
    ///
    /// ```
    /// # use batchline::dedup::Dedup;
    /// let seen = Dedup::<u64>::new(std::time::Duration::from_secs(60))?;
    /// let claim = seen.claim(7)?;
    /// assert!(seen.claim(7).is_err());
    /// drop(claim);
    /// seen.claim(7)?.commit();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn claim(&self, key: K) -> Result<KeyClaim<'_, K>, NotClaimed<K>> {
        // Counted before the key is there: whoever finds the key finds the claim counted.
        let counted = ClaimCount::new(&self.claims);
        match self.enter(key) {
            Inserted::Claimed(claim) => Ok(KeyClaim { dedup: self, claim, _counted: counted }),
            Inserted::Present(key, (), ()) => Err(NotClaimed::Duplicate(key)),
            Inserted::Full(key, ()) => Err(NotClaimed::WindowFull(key)),
        }
    }

    #[inline]
    fn enter(&self, key: K) -> Inserted<K, (), ()> {
        self.map.insert_or(self.map.now_ns(), key, (), |(), _| ())
    }

    /// Whether a key is remembered.
    ///
    /// ```
    /// # use batchline::dedup::Dedup;
    /// let seen = Dedup::<String>::new(std::time::Duration::from_secs(60))?;
    /// assert!(!seen.contains("a"));
    /// # Ok::<(), batchline::BuildError>(())
    /// ```
    pub fn contains<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.map.contains(key)
    }

    /// Forgets a key before its time; false when it was not remembered. If it was claimed, that claim means nothing any
    /// more: dropping or committing it changes nothing.
    ///
    /// The key is dropped now. Its place, about 14 bytes and the key's own size, comes back when nothing in its
    /// generation is remembered any more, at the latest when the window has passed.
    ///
    /// ```
    /// # use batchline::dedup::Dedup;
    /// let seen = Dedup::<u64>::new(std::time::Duration::from_secs(60))?;
    /// seen.claim(7)?.commit();
    /// assert!(seen.forget(&7) && !seen.forget(&7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn forget<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        // Its entry's number may be given again only if no claim can name it.
        self.map.take(key, || self.claims.load(Acquire) == 0).is_some()
    }
}

impl<K> Dedup<K> {
    /// Keys that are remembered.
    ///
    /// ```
    /// # use batchline::dedup::Dedup;
    /// assert_eq!(Dedup::<u64>::new(std::time::Duration::from_secs(60))?.len(), 0);
    /// # Ok::<(), batchline::BuildError>(())
    /// ```
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether none is.
    ///
    /// ```
    /// # use batchline::dedup::Dedup;
    /// assert!(Dedup::<u64>::new(std::time::Duration::from_secs(60))?.is_empty());
    /// # Ok::<(), batchline::BuildError>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Forgets everything, and gives the memory back.
    ///
    /// ```
    /// # use batchline::dedup::Dedup;
    /// Dedup::<u64>::new(std::time::Duration::from_secs(60))?.clear();
    /// # Ok::<(), batchline::BuildError>(())
    /// ```
    pub fn clear(&self) {
        self.map.clear();
    }

    /// Forgets what has expired, as each call does for the keys near its own; for a quiet time.
    ///
    /// ```
    /// # use batchline::dedup::Dedup;
    /// Dedup::<u64>::new(std::time::Duration::from_secs(60))?.sweep();
    /// # Ok::<(), batchline::BuildError>(())
    /// ```
    pub fn sweep(&self) {
        self.map.sweep();
    }

    /// The counters now.
    ///
    /// ```
    /// # use batchline::dedup::Dedup;
    /// assert_eq!(Dedup::<u64>::new(std::time::Duration::from_secs(60))?.stats().keys, 0);
    /// # Ok::<(), batchline::BuildError>(())
    /// ```
    pub fn stats(&self) -> WindowStats {
        self.map.stats()
    }
}

impl<K> fmt::Debug for Dedup<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dedup").field("map", &self.map).finish()
    }
}

/// A claimed key: see [`Dedup::claim`]. Dropped, it releases the key.
///
/// ```
/// # use batchline::dedup::Dedup;
/// let seen = Dedup::<u64>::new(std::time::Duration::from_secs(60))?;
/// let claim = seen.claim(7)?;
/// claim.commit();
/// assert!(seen.contains(&7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a claim that is dropped releases its key"]
pub struct KeyClaim<'a, K: Hash + Eq> {
    dedup: &'a Dedup<K>,
    claim: Claim,
    _counted: ClaimCount<'a>,
}

/// One among the claims that are out.
struct ClaimCount<'a>(&'a AtomicUsize);

impl<'a> ClaimCount<'a> {
    fn new(claims: &'a AtomicUsize) -> Self {
        claims.fetch_add(1, AcqRel);
        Self(claims)
    }
}

impl Drop for ClaimCount<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, AcqRel);
    }
}

impl<K: Hash + Eq> KeyClaim<'_, K> {
    /// The work is done: the key stays remembered until its window ends.
    ///
    /// ```
    /// # use batchline::dedup::Dedup;
    /// # let seen = Dedup::<u64>::new(std::time::Duration::from_secs(60))?;
    /// seen.claim(7)?.commit();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn commit(self) {
        let committed = std::mem::ManuallyDrop::new(self);
        committed.dedup.claims.fetch_sub(1, AcqRel);
    }
}

impl<K: Hash + Eq> Drop for KeyClaim<'_, K> {
    fn drop(&mut self) {
        self.dedup.map.release(self.claim);
    }
}

impl<K: Hash + Eq> fmt::Debug for KeyClaim<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyClaim")
    }
}
