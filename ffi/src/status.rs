//! What a call returns: zero, or the reason. Numbers are never used again for something else.

use batchline::{FlushError, PutError, PutManyError, TicketError};
use std::ffi::{CStr, c_char};

/// The call did what it says.
pub const BL_OK: i32 = 0;
/// The request has no outcome yet.
pub const BL_PENDING: i32 = 1;
/// There is nothing more to iterate over.
pub const BL_END: i32 = 2;
/// An argument or an option cannot work; `bl_last_error` says which, and what is allowed.
pub const BL_INVALID: i32 = 10;
/// Batchline itself panicked; a defect. The message is in `bl_last_error`.
pub const BL_PANIC: i32 = 11;
/// This kind of batcher has no such call: for instance `bl_next_batch` with a handler.
pub const BL_UNSUPPORTED: i32 = 12;
/// The operating system refused: a thread or a descriptor could not be had.
pub const BL_SYSTEM: i32 = 13;
/// The process has forked since the batcher was made: its threads are in the parent.
pub const BL_FORKED: i32 = 14;
/// The queue is full, and the overflow policy is to say so.
pub const BL_FULL: i32 = 20;
/// The time ran out first.
pub const BL_TIMED_OUT: i32 = 21;
/// The batcher is closed or closing.
pub const BL_CLOSED: i32 = 22;
/// The item alone is over the byte bound.
pub const BL_TOO_LARGE: i32 = 23;
/// From inside a handler of the same batcher: it would have to wait for itself.
pub const BL_REENTRANT: i32 = 24;
/// The item's key was put within the window.
pub const BL_DUPLICATE: i32 = 25;
/// As many keys as the window's cap allows are remembered.
pub const BL_WINDOW_FULL: i32 = 26;
/// The handler failed the item; the request's `code` is what it said.
pub const BL_FAILED: i32 = 30;
/// The item was cancelled before the handler got it.
pub const BL_CANCELLED: i32 = 31;
/// The item's deadline passed before the handler got it.
pub const BL_EXPIRED: i32 = 32;
/// The batcher closed before the item was handled; it is in the receipt.
pub const BL_HANDED_BACK: i32 = 33;
/// The request joined another item of its key, and that one found no room.
pub const BL_NOT_ACCEPTED: i32 = 34;
/// Too late to cancel: the handler has the item, or it has an outcome.
pub const BL_TOO_LATE: i32 = 35;

/// A static text for a status; never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn bl_status_string(status: i32) -> *const c_char {
    text(status).as_ptr()
}

fn text(status: i32) -> &'static CStr {
    match status {
        BL_OK => c"done",
        BL_PENDING => c"no outcome yet",
        BL_END => c"nothing more",
        BL_INVALID => c"an argument or option cannot work",
        BL_PANIC => c"a defect in batchline: it panicked",
        BL_UNSUPPORTED => c"this kind of batcher has no such call",
        BL_SYSTEM => c"the operating system refused",
        BL_FORKED => c"the process has forked since the batcher was made",
        BL_FULL => c"the queue is full",
        BL_TIMED_OUT => c"the time ran out",
        BL_CLOSED => c"the batcher is closed",
        BL_TOO_LARGE => c"the item is over the byte bound",
        BL_REENTRANT => c"called from inside a handler that it would have to wait for",
        BL_DUPLICATE => c"the key was put within the window",
        BL_WINDOW_FULL => c"the window holds as many keys as it may",
        BL_FAILED => c"the handler failed the item",
        BL_CANCELLED => c"cancelled before it was handled",
        BL_EXPIRED => c"its deadline passed before it was handled",
        BL_HANDED_BACK => c"handed back unhandled at the close",
        BL_NOT_ACCEPTED => c"joined an item that was not accepted",
        BL_TOO_LATE => c"too late to cancel",
        _ => c"no status of batchline",
    }
}

/// A refused put as a status.
pub(crate) fn of_put<T>(error: &PutError<T>) -> i32 {
    match error {
        PutError::Closed(_) => BL_CLOSED,
        PutError::Full(_) => BL_FULL,
        PutError::TimedOut(_) => BL_TIMED_OUT,
        PutError::TooLarge { .. } => BL_TOO_LARGE,
        PutError::Reentrant(_) => BL_REENTRANT,
        PutError::Duplicate(_) => BL_DUPLICATE,
        PutError::WindowFull(_) => BL_WINDOW_FULL,
        _ => BL_INVALID,
    }
}

/// A refused put of many as a status.
pub(crate) fn of_put_many(error: PutManyError) -> i32 {
    match error {
        PutManyError::Closed { .. } => BL_CLOSED,
        PutManyError::Full { .. } => BL_FULL,
        PutManyError::TimedOut { .. } => BL_TIMED_OUT,
        PutManyError::TooLarge { .. } => BL_TOO_LARGE,
        PutManyError::Reentrant { .. } => BL_REENTRANT,
        PutManyError::Duplicates { .. } => BL_DUPLICATE,
        PutManyError::WindowFull { .. } => BL_WINDOW_FULL,
        _ => BL_INVALID,
    }
}

/// An outcome other than a reply as a status.
pub(crate) fn of_ticket(error: &TicketError) -> i32 {
    match error {
        TicketError::Cancelled => BL_CANCELLED,
        TicketError::Expired => BL_EXPIRED,
        TicketError::HandedBack => BL_HANDED_BACK,
        TicketError::NotAccepted => BL_NOT_ACCEPTED,
        _ => BL_FAILED,
    }
}

/// A flush that is no barrier as a status.
pub(crate) fn of_flush(error: FlushError) -> i32 {
    match error {
        FlushError::Closed => BL_CLOSED,
        FlushError::InHandler => BL_REENTRANT,
        _ => BL_TIMED_OUT,
    }
}
