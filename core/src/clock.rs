//! Time as the engine sees it: nanoseconds since the batcher was built, read from the system or from a test.

use crate::sync::{AtomicU64, Mutex, lock, thread};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

/// "Never", as a point in time.
pub(crate) const NEVER_NS: u64 = u64::MAX;

/// Where a batcher reads the time.
///
/// The default is the system's monotonic clock. Tests give a [`VirtualClock`], so that a linger of an hour
/// passes in no time and nothing in the test sleeps to be right.
///
/// ```
/// use batchline::{Batch, Batcher, Clock, VirtualClock};
/// use std::time::Duration;
///
/// let time = VirtualClock::new();
/// let batcher = Batcher::<u64>::builder()
///     .clock(Clock::from(&time))
///     .linger(Duration::from_secs(3600))
///     .build_poll()?;
/// batcher.put(1)?;
/// assert!(batcher.next_batch(Duration::ZERO).is_none());
/// time.advance(Duration::from_secs(3600));
/// assert_eq!(batcher.next_batch(Duration::ZERO).unwrap()[..], [1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System(Instant),
    Virtual(VirtualClock),
}

impl Clock {
    /// The system's monotonic clock.
    ///
    /// ```
    /// let clock = batchline::Clock::system();
    /// # let _ = clock;
    /// ```
    pub fn system() -> Self {
        Self(Source::System(Instant::now()))
    }

    pub(crate) fn now_ns(&self) -> u64 {
        match &self.0 {
            // A model must run the same way each time, so its time stands still.
            Source::System(_) if cfg!(batchline_loom) => 1,
            Source::System(epoch) => nanoseconds(epoch.elapsed()),
            Source::Virtual(clock) => clock.now_ns(),
        }
    }

    /// How many clocks share this virtual time: tells the models whether a ticket's home was freed.
    #[cfg(all(test, batchline_loom))]
    pub(crate) fn holders(time: &VirtualClock) -> usize {
        Arc::strong_count(&time.0)
    }

    /// Parks this thread until it is unparked or `until_ns` has come. May return early, as parking may.
    pub(crate) fn park_until(&self, until_ns: u64) {
        match &self.0 {
            _ if until_ns == NEVER_NS => thread::park(),
            Source::System(_) => park_for(until_ns.saturating_sub(self.now_ns())),
            Source::Virtual(clock) => clock.park_until(until_ns),
        }
    }
}

#[cfg(not(any(batchline_loom, batchline_shuttle)))]
fn park_for(time_ns: u64) {
    if time_ns > 0 {
        thread::park_timeout(Duration::from_nanos(time_ns));
    }
}

// The model checkers have no time; a timed wait there is a chance to run for the others.
#[cfg(any(batchline_loom, batchline_shuttle))]
fn park_for(_time_ns: u64) {
    thread::yield_now();
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl From<&VirtualClock> for Clock {
    fn from(clock: &VirtualClock) -> Self {
        Self(Source::Virtual(clock.clone()))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System(_) => "Clock::System",
            Source::Virtual(_) => "Clock::Virtual",
        })
    }
}

/// A clock that stands still until a test advances it. Clones share the same time.
///
/// ```
/// use std::time::Duration;
/// let time = batchline::VirtualClock::new();
/// time.advance(Duration::from_millis(5));
/// assert_eq!(time.now(), Duration::from_millis(5));
/// ```
#[derive(Clone, Default)]
pub struct VirtualClock(Arc<Timeline>);

#[derive(Default)]
struct Timeline {
    /// Moved on under the lock of the sleepers; read without.
    now_ns: AtomicU64,
    sleepers: Mutex<Vec<(u64, thread::Thread)>>,
}

impl VirtualClock {
    /// A clock at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// The time since the clock was made.
    ///
    /// ```
    /// assert!(batchline::VirtualClock::new().now().is_zero());
    /// ```
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.now_ns())
    }

    /// Moves time on and wakes every thread whose time has come.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let time = batchline::VirtualClock::new();
    /// time.advance(Duration::from_secs(1));
    /// ```
    pub fn advance(&self, by: Duration) {
        let mut sleepers = lock(&self.0.sleepers);
        let now_ns = self.now_ns().saturating_add(nanoseconds(by));
        self.0.now_ns.store(now_ns, SeqCst);
        sleepers.retain(|(until_ns, thread)| {
            let is_due = *until_ns <= now_ns;
            if is_due {
                thread.unpark();
            }
            !is_due
        });
    }

    /// How many threads sleep until a set time: zero when no timer is armed.
    ///
    /// ```
    /// assert_eq!(batchline::VirtualClock::new().timers(), 0);
    /// ```
    pub fn timers(&self) -> usize {
        lock(&self.0.sleepers).len()
    }

    fn now_ns(&self) -> u64 {
        self.0.now_ns.load(SeqCst)
    }

    fn park_until(&self, until_ns: u64) {
        let me = thread::current();
        {
            let mut sleepers = lock(&self.0.sleepers);
            if self.now_ns() >= until_ns {
                return;
            }
            sleepers.push((until_ns, me.clone()));
        }
        thread::park();
        lock(&self.0.sleepers).retain(|(_, thread)| thread.id() != me.id());
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VirtualClock").field(&self.now()).finish()
    }
}

/// A duration in nanoseconds; one beyond 584 years is [`NEVER_NS`].
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(NEVER_NS)
}
