//! The choices a builder or a single put offers.

use crate::clock::nanoseconds;
use std::time::Duration;

/// What a put does when the queue is full.
///
/// ```
/// use batchline::{Batcher, Overflow};
/// let builder = Batcher::<u64>::builder().overflow(Overflow::Fail);
/// # let _ = builder;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// Wait for room. The default.
    #[default]
    Block,
    /// Wait for room this long, then give the item back as `TimedOut`.
    BlockFor(Duration),
    /// Give the item back as `Full`.
    Fail,
    /// Drop the new item: the put returns `Ok`, the drop is counted and the failure hook is told.
    DropNewest,
    /// Handle a batch on the putting thread, then try again. The handler then also runs on that thread, so
    /// up to `workers` plus the number of putting threads run at once.
    RunInCaller,
}

/// What to do with one item that weighs more than `batch_bytes_max`.
///
/// ```
/// use batchline::{Batcher, Oversize};
/// let builder = Batcher::<Vec<u8>>::builder()
///     .weigher(|item| item.len())
///     .batch_bytes_max(1 << 20)
///     .oversize(Oversize::Alone);
/// # let _ = builder;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Oversize {
    /// Refuse it with `TooLarge`. The default.
    #[default]
    Refuse,
    /// Let it form a batch of its own.
    Alone,
}

/// Who runs the handler.
///
/// ```
/// use batchline::{Batch, Batcher, Dispatch};
/// let batcher = Batcher::<u64>::builder()
///     .dispatch(Dispatch::Caller)
///     .no_linger()
///     .build(|batch: &mut Batch<u64>| assert!(batch.len() <= 1000))?;
/// # Ok::<(), batchline::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dispatch {
    /// Worker threads of the batcher. The default.
    #[default]
    Thread,
    /// The thread whose put fills a batch handles it, inside that put; what a timer seals is handled by
    /// one timer thread (started only with a linger or a tick), what `flush` and `close` seal by their callers.
    Caller,
}

/// What happens to a batch that failed as a whole.
///
/// ```
/// use batchline::Retry;
/// assert_eq!(Retry::default(), Retry::none());
/// let bounded = Retry::bisect(64);
/// # let _ = bounded;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retry {
    pub(crate) calls_max: u32,
}

impl Retry {
    /// The batch fails at the first failure. The default.
    ///
    /// ```
    /// assert_eq!(batchline::Retry::none(), batchline::Retry::bisect(0));
    /// ```
    pub const fn none() -> Self {
        Self { calls_max: 0 }
    }

    /// The batch is halved, and the halves are handled again, until the bad items are alone; at most
    /// `calls_max` further handler calls per batch. What is still whole when the calls are used up fails.
    ///
    /// One bad item of `n` costs at most `2 * ceil(log2(n))` further calls: 20 for a batch of 1000. The
    /// handler must be able to see an item twice after a failure, for example by rolling back.
    ///
    /// ```
    /// let retry = batchline::Retry::bisect(20);
    /// # let _ = retry;
    /// ```
    pub const fn bisect(calls_max: u32) -> Self {
        Self { calls_max }
    }
}

/// How long an idle worker looks for work before it parks.
///
/// A parked worker costs nothing and wakes in 10 to 30 us; a spinning one sees work in a tenth of a microsecond
/// and takes a core.
///
/// ```
/// use batchline::{Batcher, Idle};
/// let builder = Batcher::<u64>::builder().idle(Idle { spins: 0, yields: 0 });
/// # let _ = builder;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// Looks with a spin hint between them. Default 64.
    pub spins: u32,
    /// Looks with a yield to the scheduler between them. Default 4.
    pub yields: u32,
}

impl Default for Idle {
    fn default() -> Self {
        Self { spins: 64, yields: 4 }
    }
}

/// Until when `close` may wait for handlers.
///
/// ```
/// use batchline::Deadline;
/// use std::time::Duration;
/// let soon = Deadline::after(Duration::from_secs(5));
/// # let _ = soon;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    pub(crate) after_ns: u64,
}

impl Deadline {
    /// This long from the call that it is given to.
    ///
    /// ```
    /// # use batchline::Deadline;
    /// let deadline = Deadline::after(std::time::Duration::from_millis(100));
    /// # let _ = deadline;
    /// ```
    pub fn after(duration: Duration) -> Self {
        Self { after_ns: nanoseconds(duration) }
    }

    /// At once: whatever no handler has yet is handed back.
    ///
    /// ```
    /// # use batchline::Deadline;
    /// assert_eq!(Deadline::now(), Deadline::after(std::time::Duration::ZERO));
    /// ```
    pub const fn now() -> Self {
        Self { after_ns: 0 }
    }

    /// Wait as long as it takes.
    ///
    /// ```
    /// let deadline = batchline::Deadline::never();
    /// # let _ = deadline;
    /// ```
    pub const fn never() -> Self {
        Self { after_ns: u64::MAX }
    }
}

/// What one item may ask for itself.
///
/// ```
/// use batchline::{Batcher, ItemOptions};
/// use std::time::Duration;
/// let batcher = Batcher::<u64>::builder().linger(Duration::from_secs(1)).build_poll()?;
/// batcher.put_with(1, ItemOptions::new().linger(Duration::from_millis(1)))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemOptions {
    pub(crate) linger_ns: Option<u64>,
    pub(crate) deadline_ns: Option<u64>,
}

impl ItemOptions {
    /// Nothing special.
    ///
    /// ```
    /// assert_eq!(batchline::ItemOptions::new(), batchline::ItemOptions::default());
    /// ```
    pub const fn new() -> Self {
        Self { linger_ns: None, deadline_ns: None }
    }

    /// The longest this item may wait for its batch to be sealed. It pulls the seal forward for the whole
    /// batch; a linger longer than the batcher's changes nothing.
    ///
    /// ```
    /// # use batchline::ItemOptions;
    /// let options = ItemOptions::new().linger(std::time::Duration::ZERO);
    /// # let _ = options;
    /// ```
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger_ns = Some(nanoseconds(linger));
        self
    }

    /// How long from now the handler may be given this item; after that it expires unhandled. A deadline
    /// also shortens the item's linger to half of it, so that the seal itself never makes an item expire.
    ///
    /// ```
    /// # use batchline::ItemOptions;
    /// let options = ItemOptions::new().deadline(std::time::Duration::from_millis(20));
    /// # let _ = options;
    /// ```
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline_ns = Some(nanoseconds(deadline));
        self
    }

    /// The linger these options ask for: the shorter of their own and half their deadline.
    pub(crate) fn pull_ns(&self) -> Option<u64> {
        let by_deadline = self.deadline_ns.map(|deadline_ns| deadline_ns / 2);
        match (self.linger_ns, by_deadline) {
            (Some(linger), Some(half)) => Some(linger.min(half)),
            (linger, half) => linger.or(half),
        }
    }
}
