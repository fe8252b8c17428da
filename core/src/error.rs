//! Errors: one small enum per operation; a refused item comes back inside.

use crate::Failure;
use std::fmt;

/// Why an item was not accepted. The item is inside: [`PutError::into_item`].
///
/// ```
/// use batchline::{Batcher, Overflow, PutError};
/// let batcher = Batcher::<String>::builder()
///     .batch_items_max(1).queue_items_max(1).overflow(Overflow::Fail).build_poll()?;
/// batcher.put("first".into())?;
/// let error = batcher.put("second".into()).unwrap_err();
/// assert!(matches!(error, PutError::Full(_)));
/// assert_eq!(error.into_item(), "second");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PutError<T> {
    /// The queue is full and the overflow policy is not to wait.
    Full(T),
    /// The queue stayed full until the deadline of the put.
    TimedOut(T),
    /// The batcher is closed or closing.
    Closed(T),
    /// The item alone weighs more than a batch or the queue may hold.
    TooLarge {
        /// The refused item.
        item: T,
        /// What the weigher said.
        bytes: usize,
        /// The bound that it breaks: `batch_bytes_max`, or `queue_bytes_max` where that is the smaller, or where
        /// heavy items go alone.
        bytes_max: usize,
    },
    /// A put from inside this batcher's own handler found the queue full; waiting would wait for itself.
    Reentrant(T),
    /// An item of the same key was put within the deduplication window, and did not fail.
    Duplicate(T),
    /// The deduplication window remembers as many keys as its cap allows, and the policy is to refuse.
    WindowFull(T),
}

impl<T> PutError<T> {
    /// The item that was refused.
    ///
    /// ```
    /// assert_eq!(batchline::PutError::Closed(5).into_item(), 5);
    /// ```
    pub fn into_item(self) -> T {
        match self {
            Self::Full(item) | Self::TimedOut(item) | Self::Closed(item) | Self::Reentrant(item) => item,
            Self::Duplicate(item) | Self::WindowFull(item) | Self::TooLarge { item, .. } => item,
        }
    }

    fn text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("the queue is full"),
            Self::TimedOut(_) => f.write_str("the queue stayed full until the deadline"),
            Self::Closed(_) => f.write_str("the batcher is closed"),
            Self::TooLarge { bytes, bytes_max, .. } => write!(
                f,
                "the item weighs {bytes} bytes, and at most {bytes_max} are allowed; raise batch_bytes_max or \
                 queue_bytes_max, or set oversize(Oversize::Alone)"
            ),
            Self::Reentrant(_) => {
                f.write_str("the queue is full and its own handler may not wait for room; use try_put there")
            }
            Self::Duplicate(_) => {
                f.write_str("an item of the same key was put within the deduplication window")
            }
            Self::WindowFull(_) => f.write_str(
                "the deduplication window remembers keys_max keys; raise it, shorten the window, or use \
                 AtCap::ForgetOldest",
            ),
        }
    }
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PutError(")?;
        self.text(f)?;
        f.write_str(")")
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text(f)
    }
}

impl<T> std::error::Error for PutError<T> {}

/// Why `put_many` stopped early. What was not accepted is still in the caller's vector, in order.
///
/// ```
/// use batchline::{Batcher, Overflow, PutManyError};
/// let batcher = Batcher::<u64>::builder()
///     .batch_items_max(2).queue_items_max(2).overflow(Overflow::Fail).build_poll()?;
/// let mut items = vec![1, 2, 3];
/// assert_eq!(batcher.put_many(&mut items), Err(PutManyError::Full { accepted: 2 }));
/// assert_eq!(items, [3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PutManyError {
    /// The queue is full and the overflow policy is not to wait.
    Full {
        /// Items taken before.
        accepted: usize,
    },
    /// The queue stayed full until the deadline.
    TimedOut {
        /// Items taken before.
        accepted: usize,
    },
    /// The batcher is closed or closing.
    Closed {
        /// Items taken before.
        accepted: usize,
    },
    /// The first item left weighs more than `batch_bytes_max`.
    TooLarge {
        /// Items taken before.
        accepted: usize,
    },
    /// A put from inside this batcher's own handler found the queue full.
    Reentrant {
        /// Items taken before.
        accepted: usize,
    },
    /// Everything was taken (or dropped, under `DropNewest`) but the items whose keys were put within the deduplication
    /// window; those, and only those, are in the vector.
    Duplicates {
        /// Items taken.
        accepted: usize,
        /// Items left.
        duplicates: usize,
    },
    /// The deduplication window remembers as many keys as its cap allows. Duplicates found before are in front of the
    /// item that met it.
    WindowFull {
        /// Items taken before.
        accepted: usize,
    },
}

impl PutManyError {
    /// How many items were accepted before the refusal.
    ///
    /// ```
    /// assert_eq!(batchline::PutManyError::Closed { accepted: 3 }.accepted(), 3);
    /// ```
    pub fn accepted(self) -> usize {
        match self {
            Self::Full { accepted }
            | Self::TimedOut { accepted }
            | Self::Closed { accepted }
            | Self::TooLarge { accepted }
            | Self::Reentrant { accepted }
            | Self::Duplicates { accepted, .. }
            | Self::WindowFull { accepted } => accepted,
        }
    }

    /// The same refusal for many, and the item that met it.
    pub(crate) fn of<T>(error: PutError<T>, accepted: usize) -> (Self, T) {
        let many = match &error {
            PutError::Full(_) => Self::Full { accepted },
            PutError::TimedOut(_) => Self::TimedOut { accepted },
            PutError::Closed(_) => Self::Closed { accepted },
            PutError::TooLarge { .. } => Self::TooLarge { accepted },
            PutError::Reentrant(_) => Self::Reentrant { accepted },
            PutError::Duplicate(_) => Self::Duplicates { accepted, duplicates: 1 },
            PutError::WindowFull(_) => Self::WindowFull { accepted },
        };
        (many, error.into_item())
    }
}

impl fmt::Display for PutManyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self {
            Self::Full { .. } => "the queue is full",
            Self::TimedOut { .. } => "the queue stayed full until the deadline",
            Self::Closed { .. } => "the batcher is closed",
            Self::TooLarge { .. } => "an item weighs more than a batch may hold",
            Self::Reentrant { .. } => "the queue is full and its own handler may not wait for room",
            Self::Duplicates { .. } => "keys were put within the deduplication window",
            Self::WindowFull { .. } => "the deduplication window remembers keys_max keys",
        };
        write!(f, "{why}; {} items were accepted, the rest is still in the vector", self.accepted())
    }
}

impl std::error::Error for PutManyError {}

/// Why a submitted item has no reply.
///
/// ```
/// assert_eq!(batchline::TicketError::Expired.to_string(), "the item passed its deadline unhandled");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TicketError {
    /// The handler failed the item or its whole batch.
    Failed(Failure),
    /// The ticket was cancelled before the handler got the item.
    Cancelled,
    /// The item's deadline passed before the handler got it.
    Expired,
    /// The batcher closed first and handed the item back in its receipt.
    HandedBack,
    /// The ticket joined another item of its key, and that one found no room.
    NotAccepted,
}

impl fmt::Display for TicketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => failure.fmt(f),
            Self::Cancelled => f.write_str("the item was cancelled"),
            Self::Expired => f.write_str("the item passed its deadline unhandled"),
            Self::HandedBack => f.write_str("the batcher closed before the item was handled"),
            Self::NotAccepted => {
                f.write_str("the item of the same key that this one joined was not accepted")
            }
        }
    }
}

impl std::error::Error for TicketError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(failure) => Some(failure),
            _ => None,
        }
    }
}

/// Why a flush is not the barrier it was asked to be.
///
/// ```
/// use batchline::{Batcher, Deadline, FlushError};
/// let batcher = Batcher::<u64>::builder().build_poll()?;
/// batcher.close(Deadline::never());
/// assert_eq!(batcher.flush(), Err(FlushError::Closed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlushError {
    /// The batcher is closed or closing.
    Closed,
    /// Called from inside this batcher's own handler, whose items it would wait for.
    InHandler,
    /// The time ran out first; the batches are sealed all the same.
    TimedOut,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the batcher is closed",
            Self::InHandler => "flush was called from the batcher's own handler, which it would wait for",
            Self::TimedOut => "the flush timed out; what it sealed is still being handled",
        })
    }
}

impl std::error::Error for FlushError {}

/// A setting that cannot work: its name, the value, and what is allowed.
///
/// ```
/// use batchline::Batcher;
/// let error = Batcher::<u64>::builder().batch_items_max(0).build_poll().unwrap_err();
/// assert_eq!(error.field(), "batch_items_max");
/// assert_eq!(error.to_string(), "batch_items_max is 0; allowed: 1 to 16777216");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    field: &'static str,
    value: String,
    allowed: String,
    is_of_the_system: bool,
}

impl BuildError {
    /// The system could not start a worker.
    pub(crate) fn of_system(workers: usize, error: &std::io::Error) -> Self {
        let allowed = format_args!("what the system can start ({error})");
        Self { is_of_the_system: true, ..Self::new("workers", workers, allowed) }
    }

    /// Whether the setting is fine, and the system could not serve it: no thread was to be had.
    ///
    /// ```
    /// # use batchline::Batcher;
    /// let error = Batcher::<u64>::builder().workers(0).build_poll().unwrap_err();
    /// assert!(!error.is_of_the_system());
    /// ```
    pub fn is_of_the_system(&self) -> bool {
        self.is_of_the_system
    }

    pub(crate) fn new(field: &'static str, value: impl fmt::Display, allowed: impl fmt::Display) -> Self {
        Self { field, value: value.to_string(), allowed: allowed.to_string(), is_of_the_system: false }
    }

    /// The name of the setting, as the builder's method is called.
    ///
    /// ```
    /// # use batchline::Batcher;
    /// let error = Batcher::<u64>::builder().workers(0).build_poll().unwrap_err();
    /// assert_eq!(error.field(), "workers");
    /// ```
    pub fn field(&self) -> &'static str {
        self.field
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}; allowed: {}", self.field, self.value, self.allowed)
    }
}

impl std::error::Error for BuildError {}
