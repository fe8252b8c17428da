//! Submitting with a request of the caller's: who submits gets the outcome of its own item, and nothing is allocated.
//!
//! ```text
//! room[0]   the ticket, while the request is out
//! room[1]   IDLE -> OUT -> HELD -> IDLE      who may touch the ticket
//! ```
//!
//! 1. `bl_submit` stores the ticket and moves the request to OUT.
//! 2. Without a callback, the owner's `bl_request_poll` and `bl_request_wait` look at the ticket.
//! 3. With a callback, the request's own waker waits in the ticket: the thread that completes the item moves the
//!    request to HELD, takes the outcome out of the ticket, and calls back. From then on the request is the caller's.
//! 4. A cancellation moves it to HELD as well; if it is too late, back to OUT. A completion that meets it waits for
//!    those few instructions.

use crate::batcher::{bl_batcher, of};
use crate::guard::{Refusal, guarded, is_null};
use crate::hooks::code_of;
use crate::options::BL_NEVER;
use crate::put::{bl_item_options, bytes, item_options};
use crate::status::{self, BL_OK, BL_PENDING, BL_TOO_LATE};
use crate::surface::Reply;
use batchline::{Ticket, TicketError};
use std::ffi::c_void;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use std::time::Duration;

const IDLE: u64 = 0;
const OUT: u64 = 1;
const HELD: u64 = 2;

/// Called once with the finished request, on a thread of the batcher, or inside `bl_submit` or `bl_request_cancel`.
/// From then on the request is the caller's again. It must not block; it may submit again.
pub type bl_request_fn = Option<unsafe extern "C" fn(request: *mut bl_request)>;

/// A request for the outcome of one item. It belongs to the caller, who fills `user_data` and `callback`; it must stay
/// where it is, untouched, until it is finished. It begins with all zero; a finished one may be used again as it is.
#[repr(C)]
#[derive(Debug)]
pub struct bl_request {
    /// For the caller; never touched.
    pub user_data: *mut c_void,
    /// Called when the request is finished; NULL when it is polled or waited for.
    pub callback: bl_request_fn,
    /// How it ended: `BL_OK`, `BL_FAILED`, `BL_CANCELLED`, `BL_EXPIRED`, `BL_HANDED_BACK` or `BL_NOT_ACCEPTED`. While
    /// it is out: `BL_PENDING`.
    pub status: i32,
    /// With `BL_FAILED`: what the handler said.
    pub code: i32,
    /// With `BL_OK`: what the handler replied.
    pub reply: u64,
    /// The library's.
    pub room: [u64; 2],
}

const _: () = assert!(size_of::<Ticket<Reply>>() <= size_of::<u64>());

/// A request's pointer; what it points to is used field by field, as other threads use other fields.
#[derive(Clone, Copy)]
struct Request(*mut bl_request);

impl Request {
    fn phase(&self) -> &AtomicU64 {
        // SAFETY: the request stays where it is while it is out; this word is only used as an atomic one.
        unsafe { AtomicU64::from_ptr((&raw mut (*self.0).room[1]).cast()) }
    }

    fn ticket(self) -> *mut Ticket<Reply> {
        // SAFETY: only the place is computed.
        unsafe { (&raw mut (*self.0).room[0]).cast() }
    }

    /// Takes the right to the ticket; false when the request is not out. Waits for a cancellation under way.
    fn hold(self) -> bool {
        loop {
            match self.phase().compare_exchange_weak(OUT, HELD, Acquire, Relaxed) {
                Ok(_) => return true,
                Err(IDLE) => return false,
                Err(_) => std::hint::spin_loop(),
            }
        }
    }

    /// Writes the outcome; the ticket was taken. Afterwards the request is the caller's.
    fn finish(self, outcome: Result<Reply, TicketError>) {
        let (status, code, reply) = match &outcome {
            Ok(reply) => (BL_OK, 0, *reply),
            Err(TicketError::Failed(failure)) => (status::BL_FAILED, code_of(failure), 0),
            Err(error) => (status::of_ticket(error), 0, 0),
        };
        // SAFETY: the request is still the library's.
        unsafe {
            (*self.0).status = status;
            (*self.0).code = code;
            (*self.0).reply = reply;
        }
        // SAFETY: as above.
        let callback = unsafe { (*self.0).callback };
        self.phase().store(IDLE, Release);
        if let Some(callback) = callback {
            // SAFETY: the caller gave this function for this request.
            unsafe { callback(self.0) }
        }
    }

    /// The waker that finishes this request.
    fn waker(self) -> Waker {
        // SAFETY: the functions of the table do what a waker's must: copies are plain copies of the pointer.
        unsafe { Waker::from_raw(RawWaker::new(self.0.cast_const().cast(), &COMPLETE)) }
    }

    /// The item has its outcome.
    fn complete(self) {
        if !self.hold() {
            return;
        }
        // SAFETY: HELD gives the right to the ticket, which is used here for the last time.
        let mut ticket = unsafe { self.ticket().read() };
        match Pin::new(&mut ticket).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => {
                drop(ticket);
                self.finish(outcome);
            }
            Poll::Pending => unreachable!("a ticket wakes when it has its outcome"),
        }
    }
}

static COMPLETE: RawWakerVTable = RawWakerVTable::new(
    |request| RawWaker::new(request, &COMPLETE),
    |request| Request(request.cast_mut().cast()).complete(),
    |request| Request(request.cast_mut().cast()).complete(),
    |_| (),
);

/// A request from its pointer.
fn checked(request: *mut bl_request) -> Result<Request, Refusal> {
    if request.is_null() { Err(is_null("request")) } else { Ok(Request(request)) }
}

/// Puts one item and asks for its outcome. On `BL_OK` the request is out; otherwise it is as if it had not been
/// submitted, and no callback is called.
///
/// `batcher` is NULL or a batcher that was not freed; `item` is NULL or points to `size` bytes; `options` is NULL or
/// points to a struct of the size that it says; `request` is NULL or a request. One that is out is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_submit(
    batcher: *const bl_batcher,
    item: *const c_void,
    size: usize,
    options: *const bl_item_options,
    request: *mut bl_request,
) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let batcher = unsafe { of(batcher) }?;
        let request = checked(request)?;
        if request.phase().load(Acquire) != IDLE {
            return Err(Refusal::invalid("the request is out, or it did not begin with all zero"));
        }
        // SAFETY: the caller's promise.
        let options = unsafe { item_options(options) }?;
        // SAFETY: the caller's promise.
        let ticket = batcher.surface.submit(unsafe { bytes(batcher.record_size, item, size) }?, options)?;
        // SAFETY: the request is not out (see above), so it is the caller's, who gave it to this call.
        let has_callback = unsafe {
            (*request.0).status = BL_PENDING;
            request.ticket().write(ticket);
            (*request.0).callback.is_some()
        };
        request.phase().store(OUT, Release);
        if has_callback {
            arm(request);
        }
        Ok(())
    })
}

/// Leaves the request's waker in its ticket; completes the request if the outcome is there already.
fn arm(request: Request) {
    // A copy, since from the moment the waker is left another thread may take the original.
    // SAFETY: only one of the two is used once the waker is left, and neither this one's drop.
    let mut ticket = ManuallyDrop::new(unsafe { request.ticket().read() });
    let waker = request.waker();
    if let Poll::Ready(outcome) = Pin::new(&mut *ticket).poll(&mut Context::from_waker(&waker)) {
        // No waker was left: nobody else has held the request but a cancellation, which comes after `bl_submit`.
        if request.hold() {
            drop(ManuallyDrop::into_inner(ticket));
            request.finish(outcome);
        }
    }
}

/// Whether a request is finished: `BL_PENDING`, or how it ended. For requests without a callback; by one thread at a
/// time.
///
/// `request` is NULL or was submitted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_request_poll(request: *mut bl_request) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { bl_request_wait(request, 0) }
}

/// Waits until a request is finished, for `timeout_ns` at most: `BL_PENDING`, or how it ended. For requests without a
/// callback; by one thread at a time.
///
/// `request` is NULL or was submitted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_request_wait(request: *mut bl_request, timeout_ns: u64) -> i32 {
    let mut status = BL_PENDING;
    let refused = guarded(|| {
        let request = checked(request)?;
        // SAFETY: the caller's promise.
        if unsafe { (*request.0).callback }.is_some() {
            return Err(Refusal::invalid("a request with a callback is not waited for"));
        }
        if request.hold() {
            // SAFETY: HELD gives the right to the ticket.
            let ticket = unsafe { request.ticket().read() };
            match outcome(ticket, timeout_ns) {
                Ok(outcome) => request.finish(outcome),
                Err(ticket) => {
                    // SAFETY: as above; it was moved out.
                    unsafe { request.ticket().write(ticket) };
                    request.phase().store(OUT, Release);
                }
            }
        }
        // SAFETY: the caller's promise.
        status = unsafe { (*request.0).status };
        Ok(())
    });
    if refused == BL_OK { status } else { refused }
}

fn outcome(ticket: Ticket<Reply>, timeout_ns: u64) -> Result<Result<Reply, TicketError>, Ticket<Reply>> {
    if timeout_ns == BL_NEVER {
        Ok(ticket.wait())
    } else {
        ticket.wait_timeout(Duration::from_nanos(timeout_ns))
    }
}

/// Cancels a request. `BL_OK`: no handler will see its item, and the request is finished with `BL_CANCELLED` (a
/// callback was called, by this thread). `BL_TOO_LATE`: the handler has the item, or it has an outcome. A request
/// without a callback is cancelled by the thread that polls it; one with a callback by any thread, as long as it is
/// not finished: what the callback does with the request must not race with this.
///
/// `request` is NULL or was submitted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_request_cancel(request: *mut bl_request) -> i32 {
    guarded(|| {
        let request = checked(request)?;
        let too_late = || Refusal::new(BL_TOO_LATE, "the handler has the item, or it has an outcome");
        if !request.hold() {
            return Err(too_late());
        }
        // SAFETY: HELD gives the right to the ticket.
        if unsafe { &*request.ticket() }.cancel() {
            // SAFETY: as above; it is used here for the last time.
            drop(unsafe { request.ticket().read() });
            request.finish(Err(TicketError::Cancelled));
            return Ok(());
        }
        request.phase().store(OUT, Release);
        Err(too_late())
    })
}
