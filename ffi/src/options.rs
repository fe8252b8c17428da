//! The options of a batcher: a struct that may grow, with its size in front.
//!
//! A program that was built with an older header passes a shorter struct: what it lacks has its default. One that was
//! built with a newer header passes a longer one: what this library does not know must be zero.

use crate::guard::{Refusal, is_null};
use crate::hooks::{FailureHook, Handler, LogHook, bl_failure_hook, bl_handler, bl_log_hook};
use crate::user_data::UserData;
use std::ffi::c_char;
use std::mem::offset_of;

/// No limit in time: wait for as long as it takes; or, as a linger, none.
pub const BL_NEVER: u64 = u64::MAX;

/// Worker threads run the handler.
pub const BL_DISPATCH_THREAD: u32 = 0;
/// The putting threads run it, each for the batch that its put filled.
pub const BL_DISPATCH_CALLER: u32 = 1;
/// There is no handler: your threads take batches by `bl_next_batch`.
pub const BL_DISPATCH_POLL: u32 = 2;

/// A full queue makes a put wait.
pub const BL_OVERFLOW_BLOCK: u32 = 0;
/// It waits for `overflow_wait_ns`, then `BL_TIMED_OUT`.
pub const BL_OVERFLOW_BLOCK_FOR: u32 = 1;
/// `BL_FULL`.
pub const BL_OVERFLOW_FAIL: u32 = 2;
/// The new item is dropped and counted; the put returns `BL_OK`.
pub const BL_OVERFLOW_DROP_NEWEST: u32 = 3;
/// The putting thread handles a batch, then tries again.
pub const BL_OVERFLOW_RUN_IN_CALLER: u32 = 4;

/// An item over `batch_bytes_max` is refused: `BL_TOO_LARGE`.
pub const BL_OVERSIZE_REFUSE: u32 = 0;
/// It is a batch of its own.
pub const BL_OVERSIZE_ALONE: u32 = 1;

/// No deduplication window.
pub const BL_DEDUP_NONE: u32 = 0;
/// An item whose key was put within the window is refused: `BL_DUPLICATE`.
pub const BL_DEDUP_REFUSE: u32 = 1;
/// A submitted one gets the outcome of the first; a put one is refused.
pub const BL_DEDUP_JOIN: u32 = 2;

/// A new key is refused when `dedup_keys_max` are remembered: `BL_WINDOW_FULL`.
pub const BL_AT_CAP_REFUSE: u32 = 0;
/// The oldest ones are forgotten for it.
pub const BL_AT_CAP_FORGET_OLDEST: u32 = 1;

/// Everything there is to choose about a batcher. Fill it with `bl_options_init`, then change what you want.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bl_options {
    /// `sizeof(struct bl_options)`; set by `bl_options_init`.
    pub struct_size: usize,
    /// For threads, logs and metrics; copied. NULL: "batchline".
    pub name: *const c_char,
    /// Bytes of each item, 1 to 256; 0 for byte strings. Default 0.
    pub record_size: usize,
    /// Items in a batch at most, 1 to 2^24. Default 1000.
    pub batch_items_max: usize,
    /// Accepted items without an outcome at most; 0 for the default of 64 batches.
    pub queue_items_max: usize,
    /// Bytes in a batch at most; 0 for no bound. Default 0.
    pub batch_bytes_max: usize,
    /// Bytes without an outcome at most; 0 for no bound. Default 0.
    pub queue_bytes_max: usize,
    /// How long an item waits for its batch to fill; `BL_NEVER` for no limit. Default 10 ms. To be left at that with
    /// `demand`: a free worker does not wait.
    pub linger_ns: u64,
    /// A fixed cadence on which batches are sealed; 0 for none. Default 0.
    pub tick_ns: u64,
    /// How long a put waits for room under `BL_OVERFLOW_BLOCK_FOR`. Default 0.
    pub overflow_wait_ns: u64,
    /// How long `bl_batcher_free` lets handlers finish what was accepted. Default 30 s.
    pub free_deadline_ns: u64,
    /// Who runs the handler: a `BL_DISPATCH_` number. Default `BL_DISPATCH_THREAD`.
    pub dispatch: u32,
    /// What a full queue does: a `BL_OVERFLOW_` number. Default `BL_OVERFLOW_BLOCK`.
    pub overflow: u32,
    /// What an item over `batch_bytes_max` does: a `BL_OVERSIZE_` number. Default `BL_OVERSIZE_REFUSE`.
    pub oversize: u32,
    /// Worker threads, 1 to 1024; 0 for the default of 1. Not with `BL_DISPATCH_POLL`.
    pub workers: u32,
    /// 1: a free worker takes whatever waits, instead of letting it linger. Default 0.
    pub demand: u32,
    /// 1: one order over all putting threads, at the price of a lock. Default 0.
    pub ordered: u32,
    /// Handler calls that a failed batch may cost in all while it is halved to find the bad items; 0 for no retry.
    /// Default 0.
    pub retry_calls_max: u32,
    /// 1: a batch has items of one key only. Default 0.
    pub keyed: u32,
    /// Where in an item its key begins, for `keyed` and `dedup`. Default 0.
    pub key_offset: usize,
    /// How long the key is; 0 for the rest of the item. Default 0.
    pub key_size: usize,
    /// Batches of one key that are handled at a time; 0 for the default of 1.
    pub in_flight_per_key_max: usize,
    /// Keys with an open batch at most; 0 for the default of 4096.
    pub open_keys_max: usize,
    /// Whether keys are remembered: a `BL_DEDUP_` number. Default `BL_DEDUP_NONE`.
    pub dedup: u32,
    /// What a full window does: a `BL_AT_CAP_` number. Default `BL_AT_CAP_REFUSE`.
    pub dedup_at_cap: u32,
    /// How long a key is remembered, 1 ms to 366 days. Default 60 s.
    pub dedup_window_ns: u64,
    /// How finely; 0 for a 16th of the window, at least 1 ms.
    pub dedup_bucket_ns: u64,
    /// Keys to be remembered at most; 0 for the default of 2^20.
    pub dedup_keys_max: usize,
    /// Handles batches. None with `BL_DISPATCH_POLL`.
    pub handler: bl_handler,
    /// Hears of failures. Without one they go to `on_log`; without that, to the standard error stream.
    pub on_failure: bl_failure_hook,
    /// Takes lines for a log.
    pub on_log: bl_log_hook,
}

const _: () = assert!(offset_of!(bl_options, struct_size) == 0);

impl Default for bl_options {
    fn default() -> Self {
        Self {
            struct_size: size_of::<Self>(),
            name: std::ptr::null(),
            record_size: 0,
            batch_items_max: 1000,
            queue_items_max: 0,
            batch_bytes_max: 0,
            queue_bytes_max: 0,
            linger_ns: 10_000_000,
            tick_ns: 0,
            overflow_wait_ns: 0,
            free_deadline_ns: 30_000_000_000,
            dispatch: BL_DISPATCH_THREAD,
            overflow: BL_OVERFLOW_BLOCK,
            oversize: BL_OVERSIZE_REFUSE,
            workers: 0,
            demand: 0,
            ordered: 0,
            retry_calls_max: 0,
            keyed: 0,
            key_offset: 0,
            key_size: 0,
            in_flight_per_key_max: 0,
            open_keys_max: 0,
            dedup: BL_DEDUP_NONE,
            dedup_at_cap: BL_AT_CAP_REFUSE,
            dedup_window_ns: 60_000_000_000,
            dedup_bucket_ns: 0,
            dedup_keys_max: 0,
            handler: bl_handler { call: None, user_data: std::ptr::null_mut(), free_user_data: None },
            on_failure: bl_failure_hook { call: None, user_data: std::ptr::null_mut(), free_user_data: None },
            on_log: bl_log_hook { call: None, user_data: std::ptr::null_mut(), free_user_data: None },
        }
    }
}

/// Fills `options` with the defaults. `struct_size` is `sizeof(struct bl_options)` as your compiler sees it.
///
/// `options` points to `struct_size` bytes that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_options_init(options: *mut bl_options, struct_size: usize) -> i32 {
    crate::guard::guarded(|| {
        if options.is_null() {
            return Err(is_null("options"));
        }
        check_size(struct_size)?;
        let defaults = bl_options { struct_size, ..bl_options::default() };
        let known = struct_size.min(size_of::<bl_options>());
        // SAFETY: the caller gave `struct_size` bytes.
        unsafe { options.cast::<u8>().write_bytes(0, struct_size) };
        // SAFETY: as above, and the defaults have `known` bytes.
        unsafe { options.cast::<u8>().copy_from_nonoverlapping((&raw const defaults).cast(), known) };
        Ok(())
    })
}

/// A size that a header of ours could have given.
fn check_size(struct_size: usize) -> Result<(), Refusal> {
    const LEAST: usize = offset_of!(bl_options, name) + size_of::<*const c_char>();
    if !(LEAST..=4096).contains(&struct_size) || !struct_size.is_multiple_of(align_of::<bl_options>()) {
        return Err(Refusal::invalid(format!(
            "struct_size is {struct_size}; sizeof(struct bl_options) is {} here",
            size_of::<bl_options>()
        )));
    }
    Ok(())
}

/// The options with what belongs to the library from now on.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) options: bl_options,
    pub(crate) handler: Option<Handler>,
    pub(crate) on_failure: Option<FailureHook>,
    pub(crate) on_log: Option<LogHook>,
    /// Of hooks without a function: freed all the same.
    _unused: Vec<UserData>,
}

/// Reads options from C. From here on all user data is freed, whatever becomes of the batcher.
///
/// # Safety
/// `options` is NULL or points to as many bytes as its `struct_size` says.
pub(crate) unsafe fn read(options: *const bl_options) -> Result<Given, Refusal> {
    if options.is_null() {
        return Err(is_null("options"));
    }
    // SAFETY: every version of the struct begins with its size.
    let struct_size = unsafe { (&raw const (*options).struct_size).read() };
    check_size(struct_size)?;
    let mut copy = bl_options::default();
    let known = struct_size.min(size_of::<bl_options>());
    // SAFETY: the caller gave `struct_size` bytes, of which the copy has room for `known`; every bit pattern of the
    // fields is one of theirs, as functions are optional pointers.
    unsafe { (&raw mut copy).cast::<u8>().copy_from_nonoverlapping(options.cast(), known) };
    let given = Given::new(copy);
    // SAFETY: the caller gave `struct_size` bytes.
    let tail = unsafe { std::slice::from_raw_parts(options.cast::<u8>().add(known), struct_size - known) };
    if tail.iter().any(|&byte| byte != 0) {
        return Err(Refusal::invalid(format!(
            "an option beyond the {known} bytes that this version of the library knows is set"
        )));
    }
    Ok(given)
}

impl Given {
    fn new(options: bl_options) -> Self {
        let mut unused = Vec::new();
        let bl_options { handler, on_failure, on_log, record_size, .. } = options;
        let mut owned = |is_used: bool, data, free| {
            let user_data = UserData::new(data, free);
            if is_used {
                Some(user_data)
            } else {
                unused.push(user_data);
                None
            }
        };
        let handler_data = owned(handler.call.is_some(), handler.user_data, handler.free_user_data);
        let failure_data = owned(on_failure.call.is_some(), on_failure.user_data, on_failure.free_user_data);
        let log_data = owned(on_log.call.is_some(), on_log.user_data, on_log.free_user_data);
        let handler = handler.call.zip(handler_data);
        let on_failure = on_failure.call.zip(failure_data);
        let on_log = on_log.call.zip(log_data);
        Self {
            options,
            handler: handler.map(|(call, user_data)| Handler { call, user_data, record_size }),
            on_failure: on_failure.map(|(call, user_data)| FailureHook { call, user_data }),
            on_log: on_log.map(|(call, user_data)| LogHook { call, user_data }),
            _unused: unused,
        }
    }
}
