//! What calls back into C: the handler, the failure hook, the log hook.

use crate::batch::{AnyBatch, Body, Code, PushedItems, bl_batch, reason_number};
use crate::item::Item;
use crate::key::Key;
use crate::surface::Reply;
use crate::user_data::{UserData, bl_free_fn};
use batchline::{Batch, Failure, FailureKind, FailureReport};
use std::ffi::{CString, c_char, c_void};

/// Handles one batch: 0 when it is done; any other number fails the whole batch with that code. May run on several
/// threads at once. The batch is good until it returns.
pub type bl_handle_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, batch: *mut bl_batch) -> i32>;
/// Hears of items that failed, expired or were dropped; once per batch. The report is good until it returns.
pub type bl_failure_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, report: *const bl_failure)>;
/// Hears what a log should have: failures without a failure hook, and the close. `message` is good until it returns.
pub type bl_log_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, level: i32, message: *const c_char)>;

/// Something was lost or failed.
pub const BL_LOG_ERROR: i32 = 1;
/// What an operator may want to know.
pub const BL_LOG_INFO: i32 = 3;

/// Items failed.
pub const BL_FAILURE_FAILED: i32 = 0;
/// Items passed their deadline.
pub const BL_FAILURE_EXPIRED: i32 = 1;
/// The queue was full and `BL_OVERFLOW_DROP_NEWEST` dropped items.
pub const BL_FAILURE_DROPPED: i32 = 2;
/// The batcher was freed before these items were handled.
pub const BL_FAILURE_ABANDONED: i32 = 3;

/// What a failure hook is told.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bl_failure {
    /// The batcher's name.
    pub batcher: *const c_char,
    /// In words.
    pub message: *const c_char,
    /// How many items it happened to.
    pub items: u64,
    /// How many items the batch had.
    pub batch_items: u64,
    /// A `BL_FAILURE_` number.
    pub kind: i32,
    /// What the handler said; 0 when no handler did.
    pub code: i32,
    /// Why the batch was sealed, a `BL_SEAL_` number; -1 for items that were in no batch.
    pub reason: i32,
    /// 0.
    pub reserved: i32,
}

/// The handler with its user data.
#[derive(Debug)]
pub(crate) struct Handler {
    pub(crate) call: unsafe extern "C" fn(*mut c_void, *mut bl_batch) -> i32,
    pub(crate) user_data: UserData,
    pub(crate) record_size: usize,
}

impl Handler {
    pub(crate) fn handle<T: Item>(&self, key: *const Key, batch: &mut Batch<T, Reply>) -> Result<(), Code> {
        let mut items = PushedItems(batch);
        let lent: *mut (dyn AnyBatch + '_) = &raw mut items;
        // SAFETY: only the lifetime changes, and the C side may not keep the batch beyond this call.
        let lent: *mut (dyn AnyBatch + 'static) = unsafe { std::mem::transmute(lent) };
        let mut seen = bl_batch { body: Body::Pushed(lent), record_size: self.record_size, key };
        // SAFETY: the user gave this function for this user data.
        match unsafe { (self.call)(self.user_data.get(), &raw mut seen) } {
            0 => Ok(()),
            code => Err(Code(code)),
        }
    }
}

/// The failure hook with its user data.
#[derive(Debug)]
pub(crate) struct FailureHook {
    pub(crate) call: unsafe extern "C" fn(*mut c_void, *const bl_failure),
    pub(crate) user_data: UserData,
}

/// Text for C; a NUL inside ends it.
fn c_text(text: String) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).unwrap_or_default()
}

pub(crate) fn code_of(failure: &Failure) -> i32 {
    match failure {
        Failure::Error(error) => error.downcast_ref::<Code>().map_or(0, |code| code.0),
        _ => 0,
    }
}

impl FailureHook {
    pub(crate) fn report(&self, report: &FailureReport) {
        let (batcher, message) = (c_text(report.batcher.to_string()), c_text(report.kind.to_string()));
        let (kind, code) = match &report.kind {
            FailureKind::Failed(failure) => (BL_FAILURE_FAILED, code_of(failure)),
            FailureKind::Expired => (BL_FAILURE_EXPIRED, 0),
            FailureKind::Dropped => (BL_FAILURE_DROPPED, 0),
            _ => (BL_FAILURE_ABANDONED, 0),
        };
        let told = bl_failure {
            batcher: batcher.as_ptr(),
            message: message.as_ptr(),
            items: report.items,
            batch_items: report.batch_items,
            kind,
            code,
            reason: report.reason.map_or(-1, reason_number),
            reserved: 0,
        };
        // SAFETY: the user gave this function for this user data; the texts live until it returns.
        unsafe { (self.call)(self.user_data.get(), &raw const told) }
    }
}

/// The log hook with its user data.
#[derive(Debug)]
pub(crate) struct LogHook {
    pub(crate) call: unsafe extern "C" fn(*mut c_void, i32, *const c_char),
    pub(crate) user_data: UserData,
}

impl LogHook {
    pub(crate) fn log(&self, level: i32, message: String) {
        let message = c_text(message);
        // SAFETY: the user gave this function for this user data; the text lives until it returns.
        unsafe { (self.call)(self.user_data.get(), level, message.as_ptr()) }
    }
}

/// A handler as it stands in the options. The user data belongs to the batcher as soon as `bl_batcher_new` is called.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bl_handler {
    /// Handles batches; NULL for none.
    pub call: bl_handle_fn,
    /// The first argument of each call.
    pub user_data: *mut c_void,
    /// Called once with `user_data` when no call can follow, also when no batcher could be made; NULL for nothing.
    pub free_user_data: bl_free_fn,
}

/// A failure hook as it stands in the options; as `struct bl_handler`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bl_failure_hook {
    /// Hears of failures; NULL for none.
    pub call: bl_failure_fn,
    /// The first argument of each call.
    pub user_data: *mut c_void,
    /// As in `struct bl_handler`.
    pub free_user_data: bl_free_fn,
}

/// A log hook as it stands in the options; as `struct bl_handler`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bl_log_hook {
    /// Takes lines for a log; NULL for none.
    pub call: bl_log_fn,
    /// The first argument of each call.
    pub user_data: *mut c_void,
    /// As in `struct bl_handler`.
    pub free_user_data: bl_free_fn,
}
