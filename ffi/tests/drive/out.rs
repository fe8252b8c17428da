//! Requests of a program: each is out once at a time, and must come back once for each time that it was out.

use crate::drive::seen::nothing;
use batchline_ffi::request::{bl_request, bl_request_cancel, bl_request_wait};
use batchline_ffi::status::{
    BL_CANCELLED, BL_EXPIRED, BL_FAILED, BL_HANDED_BACK, BL_INVALID, BL_NOT_ACCEPTED, BL_OK, BL_PENDING,
    BL_TOO_LATE,
};
use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

const OUTCOMES: &[i32] = &[BL_OK, BL_FAILED, BL_CANCELLED, BL_EXPIRED, BL_HANDED_BACK, BL_NOT_ACCEPTED];

/// A request that stays where it is.
pub(crate) struct Out {
    request: Box<UnsafeCell<bl_request>>,
    has_callback: bool,
    is_out: bool,
    submits: u64,
    /// Calls of the callback.
    calls: Box<AtomicU64>,
    /// The item that it is out for.
    pub(crate) bytes: Vec<u8>,
}

unsafe extern "C" fn tell(request: *mut bl_request) {
    // SAFETY: the library gives back a request that lives as long as its program's `Out`.
    let (calls, status) = unsafe { (&*(*request).user_data.cast::<AtomicU64>(), (*request).status) };
    assert!(OUTCOMES.contains(&status), "a callback got status {status}");
    calls.fetch_add(1, SeqCst);
}

impl Out {
    pub(crate) fn new(has_callback: bool) -> Self {
        let calls = Box::new(AtomicU64::new(0));
        let user_data: *const c_void = ptr::from_ref(&*calls).cast();
        let request = bl_request {
            user_data: user_data.cast_mut(),
            callback: has_callback.then_some(tell as unsafe extern "C" fn(*mut bl_request)),
            status: 0,
            code: 0,
            reply: 0,
            room: [0; 2],
        };
        let request = Box::new(UnsafeCell::new(request));
        Self { request, has_callback, is_out: false, submits: 0, calls, bytes: Vec::new() }
    }

    pub(crate) fn pointer(&self) -> *mut bl_request {
        self.request.get()
    }

    /// Whether it may be submitted.
    pub(crate) fn is_free(&self) -> bool {
        if self.has_callback { self.calls.load(SeqCst) == self.submits } else { !self.is_out }
    }

    pub(crate) fn note_submitted(&mut self, bytes: Vec<u8>) {
        (self.is_out, self.submits, self.bytes) = (true, self.submits + 1, bytes);
    }

    pub(crate) fn wait(&mut self, timeout_ns: u64) {
        if self.submits == 0 {
            return;
        }
        // SAFETY: it was submitted, and it is this thread's.
        let status = unsafe { bl_request_wait(self.pointer(), timeout_ns) };
        if self.has_callback {
            assert_eq!(status, BL_INVALID);
        } else if status != BL_PENDING {
            assert!(OUTCOMES.contains(&status), "a request ended with {status}");
            self.is_out = false;
        }
    }

    /// True if it was cancelled by this.
    pub(crate) fn cancel(&mut self) -> bool {
        if self.submits == 0 || self.is_free() {
            return false;
        }
        // SAFETY: it is out; its callback touches nothing of it but a counter.
        let status = unsafe { bl_request_cancel(self.pointer()) };
        assert!(status == BL_OK || status == BL_TOO_LATE, "a cancellation returned {status}");
        if status == BL_OK {
            self.is_out = false;
            assert!(self.is_free(), "a cancelled request is finished");
            // SAFETY: it is finished, so it is this thread's.
            assert_eq!(unsafe { (*self.pointer()).status }, BL_CANCELLED);
        }
        status == BL_OK
    }

    /// Its batcher was freed: it must end, as soon as the last handler has.
    pub(crate) fn must_end(&mut self) {
        let begin = Instant::now();
        while !self.is_free() {
            self.wait(1_000_000);
            assert!(begin.elapsed() < Duration::from_secs(20), "a request is not finished after its batcher");
        }
        assert_eq!(self.calls.load(SeqCst), if self.has_callback { self.submits } else { 0 });
        // SAFETY: NULL is what is tried here.
        assert_eq!(unsafe { bl_request_wait(nothing(), 0) }, BL_INVALID);
    }
}
