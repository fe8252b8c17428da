//! Why an item or a batch failed, and the report that the failure hook gets.

use crate::SealReason;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Any error a handler may return.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why items failed. Cheap to clone: every submitter of a failed batch gets one.
///
/// ```
/// use batchline::{Batch, Batcher, Failure, TicketError};
/// let batcher = Batcher::<u64>::builder()
///     .batch_items_max(1)
///     .on_failure(|_| {})
///     .build(|_: &mut Batch<u64>| Err::<(), _>("the disk is full"))?;
/// let error = batcher.submit(7)?.wait().unwrap_err();
/// assert!(matches!(&error, TicketError::Failed(Failure::Error(_))));
/// assert_eq!(error.to_string(), "the handler failed: the disk is full");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Failure {
    /// The handler returned this error, for the batch or for the item.
    Error(Arc<dyn Error + Send + Sync>),
    /// The handler panicked with this message.
    Panicked(Arc<str>),
    /// The handler returned the wrong number of per-item results.
    WrongReplyCount {
        /// Items in the batch.
        expected: usize,
        /// Results that came back.
        got: usize,
    },
    /// The handler returned without a reply for this item.
    NoReply,
}

impl Failure {
    pub(crate) fn error(error: impl Into<BoxError>) -> Self {
        Self::Error(Arc::from(error.into()))
    }

    pub(crate) fn panicked(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self::Panicked(Arc::from(text.unwrap_or("a panic whose payload is not text")))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => write!(f, "the handler failed: {error}"),
            Self::Panicked(message) => write!(f, "the handler panicked: {message}"),
            Self::WrongReplyCount { expected, got } => {
                write!(f, "the handler returned {got} results for a batch of {expected} items")
            }
            Self::NoReply => f.write_str("the handler returned without a reply for this item"),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Error(error) => Some(&**error),
            _ => None,
        }
    }
}

/// What the failure hook is told: once per batch in which anything failed, was dropped or was given up.
///
/// ```
/// use batchline::{Batch, Batcher, FailureReport};
/// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
/// let failed = Arc::new(AtomicU64::new(0));
/// let count = failed.clone();
/// let batcher = Batcher::<u64>::builder()
///     .on_failure(move |report: &FailureReport| { count.fetch_add(report.items, Ordering::Relaxed); })
///     .build(|_: &mut Batch<u64>| -> () { panic!("no") })?;
/// batcher.put(1)?;
/// batcher.flush()?;
/// assert_eq!(failed.load(Ordering::Relaxed), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FailureReport {
    /// The batcher's name.
    pub batcher: Arc<str>,
    /// What happened.
    pub kind: FailureKind,
    /// How many items it happened to.
    pub items: u64,
    /// How many items the batch had.
    pub batch_items: u64,
    /// Why the batch was sealed; `None` for items that were in no batch.
    pub reason: Option<SealReason>,
}

/// What a [`FailureReport`] reports.
///
/// ```
/// use batchline::FailureKind;
/// assert_eq!(FailureKind::Expired.to_string(), "items expired before their batch was handled");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FailureKind {
    /// Items failed; the first failure of the batch.
    Failed(Failure),
    /// Items passed their deadline and never reached the handler.
    Expired,
    /// [`crate::Overflow::DropNewest`] dropped items.
    Dropped,
    /// The batcher was dropped and gave up on items at its drop deadline.
    Abandoned,
    /// Dropping an item panicked.
    ItemDropPanicked,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => failure.fmt(f),
            Self::Expired => f.write_str("items expired before their batch was handled"),
            Self::Dropped => f.write_str("the queue was full and new items were dropped"),
            Self::Abandoned => f.write_str("the batcher was dropped before these items were handled"),
            Self::ItemDropPanicked => f.write_str("dropping an item panicked"),
        }
    }
}

impl fmt::Display for FailureReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "batcher {:?}: {} (items: {}", self.batcher, self.kind, self.items)?;
        match self.reason {
            Some(reason) => write!(f, " of a batch of {}, sealed by {reason})", self.batch_items),
            None => f.write_str(")"),
        }
    }
}
