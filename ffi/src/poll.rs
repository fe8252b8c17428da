//! Polling: the user's own threads take batches and say what became of them.

use crate::batch::{Body, Polled, bl_batch};
use crate::batcher::{FOR_EVER, bl_batcher, of, timeout};
use crate::guard::{Refusal, guarded, is_null};
use crate::options::BL_NEVER;
use crate::status::BL_TIMED_OUT;
use std::ptr;

/// Takes the next batch, waiting for it for `timeout_ns` at most: `BL_TIMED_OUT` when there is none, `BL_CLOSED` when
/// there will be none any more. The batch is yours until `bl_batch_done`. Any number of threads may poll.
///
/// `batcher` is NULL or a batcher that was not freed; `batch` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_next_batch(
    batcher: *const bl_batcher,
    timeout_ns: u64,
    batch: *mut *mut bl_batch,
) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let batcher = unsafe { of(batcher) }?;
        batcher.check_process()?;
        if batch.is_null() {
            return Err(is_null("batch"));
        }
        let wait = timeout(timeout_ns).unwrap_or(FOR_EVER);
        let mut polled = batcher.surface.next_batch(wait)?;
        // While a close hands back what is left there is neither a batch nor the end.
        while polled.is_none() && timeout_ns == BL_NEVER {
            polled = batcher.surface.next_batch(wait)?;
        }
        let polled = polled.ok_or_else(|| none_yet(batcher))?;
        let made =
            bl_batch { body: Body::Polled(polled), record_size: batcher.record_size, key: ptr::null() };
        // SAFETY: the caller's promise.
        unsafe { batch.write(Box::into_raw(Box::new(made))) };
        Ok(())
    })
}

fn none_yet(batcher: &bl_batcher) -> Refusal {
    #[cfg(unix)]
    if let Some(readiness) = batcher.readiness() {
        readiness.watch_again();
    }
    Refusal::new(BL_TIMED_OUT, "no batch was ready in time")
}

/// Settles a polled batch and frees it: with code 0 its items are done, except those that `bl_batch_fail` failed; any
/// other code fails them all.
///
/// `batch` is NULL or a batch that `bl_next_batch` gave and that is not done.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_batch_done(batch: *mut bl_batch, code: i32) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let Some(seen) = (unsafe { batch.as_ref() }) else { return Err(is_null("batch")) };
        if matches!(seen.body, Body::Pushed(_)) {
            return Err(Refusal::invalid("a handler's batch is done when the handler returns"));
        }
        // SAFETY: a polled batch was made by `Box::into_raw`.
        if let Body::Polled(polled) = unsafe { Box::from_raw(batch) }.body {
            Polled::done(polled, code);
        }
        Ok(())
    })
}

/// A descriptor that is readable while a batch may be ready, or when the batcher is closed, for `poll`, `epoll`,
/// `kqueue` or an event loop. Do not read from it: `bl_next_batch` does; call that with a timeout of 0 whenever it is
/// readable, until it says `BL_TIMED_OUT`. The first call starts a thread that watches for batches. The descriptor
/// belongs to the batcher and is closed by `bl_batcher_free`.
///
/// `batcher` is NULL or a batcher that was not freed; `fd` may be written.
#[cfg(unix)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_poll_fd(batcher: *const bl_batcher, fd: *mut i32) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let batcher = unsafe { of(batcher) }?;
        batcher.check_process()?;
        if fd.is_null() {
            return Err(is_null("fd"));
        }
        batcher.surface.check_polled()?;
        let descriptor = batcher.watched()?;
        // SAFETY: the caller's promise.
        unsafe { fd.write(descriptor) };
        Ok(())
    })
}
