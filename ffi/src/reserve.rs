//! Writing an item where it will lie: reserve room, write, commit.
//!
//! The room of a record is the slot of this thread's next put, lent by the core, and a commit publishes it. The room
//! of a byte string is a blob (see `blob.rs`) with its capacity in front, so that a commit can check its size:
//!
//! ```text
//! | capacity : 8 | block : 8 | data ...          the blob of a reservation, seen from its block
//! ```
//!
//! A record gets a blob as well where there is no slot to lend: in an ordered or keyed batcher, while the thread has
//! one already, or is ending.

use crate::batcher::{bl_batcher, of};
use crate::blob::{BLOB_BYTES_MAX, Blob};
use crate::guard::{Refusal, guarded, is_null, write_out};
use std::ffi::c_void;
use std::ptr::NonNull;

/// Reserves room for an item of up to `size` bytes, 8-byte aligned. Write it, then call `bl_commit` or `bl_discard`: of
/// a byte string on any thread, of a record on this one. The room is dead when the batcher is freed; that of a record
/// also when this thread ends.
///
/// `batcher` is NULL or a batcher that was not freed; `room` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_reserve(batcher: *const bl_batcher, size: usize, room: *mut *mut c_void) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let batcher = unsafe { of(batcher) }?;
        let size_max = if batcher.record_size > 0 { batcher.record_size } else { BLOB_BYTES_MAX };
        if size > size_max {
            return Err(Refusal::invalid(format!("size is {size}; allowed: up to {size_max}")));
        }
        if room.is_null() {
            return Err(is_null("room"));
        }
        let lent = batcher.surface.lend();
        let data = lent.map(NonNull::as_ptr);
        let data = data.unwrap_or_else(|| Blob::reserved(size.max(batcher.record_size)).into_raw());
        // SAFETY: the caller's promise.
        unsafe { write_out(room, "room", data.cast()) }
    })
}

/// Puts what was written into `room`: its first `size` bytes; of a record, all of it. On `BL_OK` the room is the
/// library's. When the item is refused it is yours still: commit again, or discard.
///
/// `batcher` is NULL or the batcher that `room` was reserved from; `room` is NULL or was reserved and not given up, and
/// its first `size` bytes are written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_commit(batcher: *const bl_batcher, room: *mut c_void, size: usize) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let batcher = unsafe { of(batcher) }?;
        let data = NonNull::new(room.cast::<u8>()).ok_or_else(|| is_null("room"))?;
        if batcher.record_size > 0 && size != batcher.record_size {
            return Err(Refusal::invalid(format!(
                "size is {size}; the record_size is {}",
                batcher.record_size
            )));
        }
        // SAFETY: the caller's promise.
        let lent = unsafe { batcher.surface.put_lent(data) };
        // SAFETY: the caller's promise; what was not lent is a blob.
        lent.unwrap_or_else(|| unsafe { commit_blob(batcher, data, size) })
    })
}

/// # Safety
/// `data` is a reserved blob, whose first `size` bytes are written if it has as many.
unsafe fn commit_blob(batcher: &bl_batcher, data: NonNull<u8>, size: usize) -> Result<(), Refusal> {
    // SAFETY: the caller's promise.
    let capacity = unsafe { Blob::capacity_of(data) };
    if size > capacity {
        return Err(Refusal::invalid(format!("size is {size}; {capacity} bytes were reserved")));
    }
    // SAFETY: the caller's promise; the size was compared with the capacity.
    let written = unsafe { Blob::from_raw(data, size) };
    batcher.surface.put_written(written).map_err(|(back, refusal)| {
        let _ = back.into_raw();
        refusal
    })
}

/// Gives up reserved room. NULL is nothing to give up.
///
/// `batcher` is NULL or the batcher that `room` was reserved from; `room` is NULL or was reserved and not given up.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_discard(batcher: *const bl_batcher, room: *mut c_void) -> i32 {
    guarded(|| {
        let Some(data) = NonNull::new(room.cast::<u8>()) else { return Ok(()) };
        // SAFETY: the caller's promise.
        let batcher = unsafe { of(batcher) }?;
        if !batcher.surface.take_lent(data) {
            // SAFETY: the caller's promise; what was not lent is a blob.
            drop(unsafe { Blob::from_raw(data, 0) });
        }
        Ok(())
    })
}
