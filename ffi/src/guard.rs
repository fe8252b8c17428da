//! Every exported body runs in here: an error becomes its status, with its text noted; a panic becomes a status, too.

use crate::last_error;
use crate::status::{self, BL_INVALID, BL_OK, BL_PANIC, BL_SYSTEM};
use batchline::{BuildError, FlushError, PutError, PutManyError};
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Why a call does not return `BL_OK`.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: i32,
    pub(crate) message: Cow<'static, str>,
}

impl Refusal {
    pub(crate) fn new(status: i32, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, message: message.into() }
    }

    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(BL_INVALID, message)
    }

    /// A put that was refused. Only rare refusals are put into words here: others happen at full speed.
    pub(crate) fn of_put<T>(error: &PutError<T>) -> Self {
        let message = match error {
            PutError::TooLarge { bytes, bytes_max, .. } => {
                Cow::Owned(format!("the item weighs {bytes} bytes, the bound is {bytes_max}"))
            }
            PutError::Full(_) => Cow::Borrowed("the queue is full"),
            PutError::TimedOut(_) => Cow::Borrowed("no room was found in time"),
            PutError::Closed(_) => Cow::Borrowed("the batcher is closed"),
            PutError::Duplicate(_) => Cow::Borrowed("the item's key was put within the window"),
            PutError::WindowFull(_) => Cow::Borrowed("the window holds as many keys as it may"),
            _ => Cow::Borrowed("the put would have to wait for the handler it was called from"),
        };
        Self::new(status::of_put(error), message)
    }
}

impl From<PutManyError> for Refusal {
    fn from(error: PutManyError) -> Self {
        Self::new(status::of_put_many(error), error.to_string())
    }
}

/// What the core calls settings whose options have other names here.
const NAMES: [(&str, &str); 9] = [
    ("retry", "retry_calls_max"),
    ("linger", "linger_ns"),
    ("tick", "tick_ns"),
    ("drop_deadline", "free_deadline_ns"),
    ("weigher", "batch_bytes_max"),
    ("window", "dedup_window_ns"),
    ("bucket", "dedup_bucket_ns"),
    ("keys_max", "dedup_keys_max"),
    ("at_cap", "dedup_at_cap"),
];

impl From<BuildError> for Refusal {
    fn from(error: BuildError) -> Self {
        let status = if error.is_of_the_system() { BL_SYSTEM } else { BL_INVALID };
        let (field, text) = (error.field(), error.to_string());
        let name = NAMES.iter().find(|(name, _)| *name == field).map_or(field, |(_, option)| option);
        Self::new(status, format!("{name}{}", text.strip_prefix(field).unwrap_or_default()))
    }
}

impl From<FlushError> for Refusal {
    fn from(error: FlushError) -> Self {
        Self::new(status::of_flush(error), error.to_string())
    }
}

/// Runs the body of an exported call.
#[inline]
pub(crate) fn guarded(body: impl FnOnce() -> Result<(), Refusal>) -> i32 {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => BL_OK,
        Ok(Err(refusal)) => refused(refusal),
        Err(payload) => panicked(&*payload),
    }
}

#[cold]
fn refused(refusal: Refusal) -> i32 {
    last_error::note(refusal.message);
    refusal.status
}

#[cold]
fn panicked(payload: &(dyn std::any::Any + Send)) -> i32 {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    last_error::note(Cow::Owned(format!("batchline panicked: {}", text.unwrap_or("no text"))));
    BL_PANIC
}

/// A reference from a pointer that must not be NULL.
///
/// # Safety
/// A pointer that is not NULL points to a `T` that stays good for `'a`.
#[inline]
pub(crate) unsafe fn reference<'a, T>(pointer: *const T, name: &'static str) -> Result<&'a T, Refusal> {
    // SAFETY: the caller's promise.
    unsafe { pointer.as_ref() }.ok_or_else(|| is_null(name))
}

#[cold]
pub(crate) fn is_null(name: &'static str) -> Refusal {
    Refusal::invalid(format!("{name} is NULL"))
}

/// Writes an out-parameter.
///
/// # Safety
/// `out` is NULL or may be written.
pub(crate) unsafe fn write_out<T>(out: *mut T, name: &'static str, value: T) -> Result<(), Refusal> {
    if out.is_null() {
        return Err(is_null(name));
    }
    // SAFETY: the caller's promise.
    unsafe { out.write(value) };
    Ok(())
}
