//! Writing an item where it will lie: reserve room, write, commit.
//!
//! ```text
//! | capacity : 8 | block : 8 | data ...          the blob of a reservation, seen from its block
//! ```
//!
//! The room is a blob (see `blob.rs`) with its capacity in front, so that a commit can check its size. A byte string is
//! committed without a copy. A record is copied once more, into its slab.

use crate::batcher::{bl_batcher, of};
use crate::blob::{BLOB_BYTES_MAX, Blob};
use crate::guard::{Refusal, guarded, is_null, write_out};
use std::ffi::c_void;
use std::ptr::NonNull;

/// Reserves room for an item of up to `size` bytes, 8-byte aligned. Write it, then call `bl_commit` or `bl_discard`, on
/// any thread.
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
        let capacity = size.max(batcher.record_size);
        // SAFETY: the caller's promise.
        unsafe { write_out(room, "room", Blob::reserved(capacity).into_raw().cast()) }
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
        // SAFETY: the caller's promise.
        let capacity = unsafe { Blob::capacity_of(data) };
        if size > capacity || batcher.record_size > 0 && size != batcher.record_size {
            return Err(Refusal::invalid(format!("size is {size}; {capacity} bytes were reserved")));
        }
        // SAFETY: the caller's promise; the size was compared with the capacity.
        let written = unsafe { Blob::from_raw(data, size) };
        batcher.surface.put_written(written).map_err(|(back, refusal)| {
            let _ = back.into_raw();
            refusal
        })
    })
}

/// Gives up reserved room. NULL is nothing to give up.
///
/// `room` is NULL or was reserved and not given up.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_discard(room: *mut c_void) {
    guarded(|| {
        if let Some(data) = NonNull::new(room.cast::<u8>()) {
            // SAFETY: the caller's promise.
            drop(unsafe { Blob::from_raw(data, 0) });
        }
        Ok(())
    });
}
