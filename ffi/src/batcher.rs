//! A batcher's handle, from its making to its end.

use crate::engine::{self, out_of_range};
use crate::guard::{Refusal, guarded, reference};
use crate::hooks::{BL_LOG_INFO, LogHook};
use crate::options::{self, BL_NEVER, bl_options};
#[cfg(unix)]
use crate::readiness::Readiness;
use crate::receipt::bl_receipt;
use crate::status::BL_FORKED;
use crate::surface::{PutOne, Surface};
use batchline::Deadline;
use std::fmt;
use std::sync::Arc;
#[cfg(unix)]
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// A batcher. Made by `bl_batcher_new`, freed by `bl_batcher_free`; every other call may run on any thread at any time.
pub struct bl_batcher {
    /// The surface's own, so that a put finds them in its handle.
    pub(crate) put_one: (PutOne, *const ()),
    pub(crate) surface: Arc<dyn Surface>,
    /// 0 for byte strings.
    pub(crate) record_size: usize,
    #[cfg(unix)]
    readiness: OnceLock<Readiness>,
    /// Held while the watching thread is started.
    #[cfg(unix)]
    starting: Mutex<()>,
    on_log: Option<Arc<LogHook>>,
    process: u32,
}

impl fmt::Debug for bl_batcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("bl_batcher").field("record_size", &self.record_size).finish_non_exhaustive()
    }
}

/// A batcher from its pointer.
///
/// # Safety
/// A pointer that is not NULL is a batcher that was not freed, and is not while the reference is used.
#[inline]
pub(crate) unsafe fn of<'a>(batcher: *const bl_batcher) -> Result<&'a bl_batcher, Refusal> {
    // SAFETY: the caller's promise.
    unsafe { reference(batcher, "batcher") }
}

impl bl_batcher {
    #[cfg(unix)]
    pub(crate) fn readiness(&self) -> Option<&Readiness> {
        self.readiness.get()
    }

    /// The descriptor that is readable while a batch may be ready; starts the thread that watches.
    #[cfg(unix)]
    pub(crate) fn watched(&self) -> Result<i32, Refusal> {
        let _one_at_a_time = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(readiness) = self.readiness.get() {
            return Ok(readiness.descriptor());
        }
        let started = Readiness::start(self.surface.clone())?;
        Ok(self.readiness.get_or_init(|| started).descriptor())
    }

    /// Calls that wait for threads of the batcher cannot end in a child process, which has none of them.
    pub(crate) fn check_process(&self) -> Result<(), Refusal> {
        if self.process == std::process::id() {
            return Ok(());
        }
        Err(Refusal::new(
            BL_FORKED,
            "the batcher was made by the parent of this process, and its threads are there",
        ))
    }
}

/// Makes a batcher. All user data in the options belongs to it from the call on, also when the call fails.
///
/// `options` is NULL or points to as many bytes as its `struct_size` says; functions in it fit their types; `batcher`
/// may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_batcher_new(options: *const bl_options, batcher: *mut *mut bl_batcher) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let mut given = unsafe { options::read(options) }?;
        if batcher.is_null() {
            return Err(crate::guard::is_null("batcher"));
        }
        let record_size = given.options.record_size;
        let on_log = given.on_log.take().map(Arc::new);
        let surface: Arc<dyn Surface> = Arc::from(engine::build(given, on_log.clone())?);
        let made = bl_batcher {
            put_one: surface.put_one(),
            surface,
            record_size,
            #[cfg(unix)]
            readiness: OnceLock::new(),
            #[cfg(unix)]
            starting: Mutex::new(()),
            on_log,
            process: std::process::id(),
        };
        // SAFETY: the caller's promise.
        unsafe { batcher.write(Box::into_raw(Box::new(made))) };
        Ok(())
    })
}

/// Closes a batcher within its `free_deadline_ns`, if `bl_close` was not called, and frees it. What then has no outcome
/// is given up and reported to the failure hook; use `bl_close` to get it back. NULL is nothing to free. From inside
/// a handler of the same batcher it returns at once, and the batcher ends when the handlers have. In a child process
/// after a fork it does nothing but leak.
///
/// `batcher` is NULL or a batcher that was not freed, which nobody uses any more; its polled batches are done.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_batcher_free(batcher: *mut bl_batcher) {
    guarded(|| {
        if batcher.is_null() {
            return Ok(());
        }
        // SAFETY: the caller's promise; it was made by `Box::into_raw`.
        let batcher = unsafe { Box::from_raw(batcher) };
        if batcher.check_process().is_err() {
            std::mem::forget(batcher);
        }
        Ok(())
    });
}

/// Longer than any program runs, where the core wants a number.
pub(crate) const FOR_EVER: Duration = Duration::from_secs(366 * 24 * 3600);

/// A timeout from C.
pub(crate) fn timeout(timeout_ns: u64) -> Option<Duration> {
    (timeout_ns != BL_NEVER).then(|| Duration::from_nanos(timeout_ns))
}

/// Seals everything that was accepted before, and waits until it has its outcome, for `timeout_ns` at most:
/// `BL_TIMED_OUT` then, and the batches stay sealed. Inside a handler of the same batcher: `BL_REENTRANT`.
///
/// `batcher` is NULL or a batcher that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_flush(batcher: *const bl_batcher, timeout_ns: u64) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let batcher = unsafe { of(batcher) }?;
        batcher.check_process()?;
        Ok(batcher.surface.flush(timeout(timeout_ns))?)
    })
}

/// Refuses new items, handles what was accepted, and hands back what is left after `timeout_ns`: 0 hands back at once
/// what no handler has. `receipt` gets what became of everything; with NULL, items that are handed back are dropped,
/// counted. A second close waits for the first. The batcher must still be freed. Inside a handler it begins the close
/// and returns at once. With `BL_DISPATCH_POLL` other threads must go on polling while it waits: they get what there
/// is, then `BL_CLOSED`.
///
/// `batcher` is NULL or a batcher that was not freed; `receipt` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_close(
    batcher: *const bl_batcher,
    timeout_ns: u64,
    receipt: *mut *mut bl_receipt,
) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let batcher = unsafe { of(batcher) }?;
        batcher.check_process()?;
        let deadline = timeout(timeout_ns).map_or(Deadline::never(), Deadline::after);
        let settlement = batcher.surface.close(deadline);
        if let Some(log) = &batcher.on_log {
            log.log(BL_LOG_INFO, format!("closed: {:?}", settlement.counts));
        }
        if !receipt.is_null() {
            let made = Box::new(bl_receipt::new(settlement, batcher.record_size));
            // SAFETY: the caller's promise.
            unsafe { receipt.write(Box::into_raw(made)) };
        }
        Ok(())
    })
}

/// Changes the linger, also of batches that are open now. A keyed batcher has no such call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_set_linger(batcher: *const bl_batcher, linger_ns: u64) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let batcher = unsafe { of(batcher) }?;
        let linger = timeout(linger_ns).ok_or_else(|| out_of_range("linger_ns", "BL_NEVER", "up to 24 h"))?;
        batcher.surface.set_linger(linger)
    })
}

/// Changes the tick of a batcher that was made with one; 0 takes it away.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_set_tick(batcher: *const bl_batcher, tick_ns: u64) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let batcher = unsafe { of(batcher) }?;
        batcher.surface.set_tick((tick_ns > 0).then(|| Duration::from_nanos(tick_ns)))
    })
}
