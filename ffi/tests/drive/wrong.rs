//! Calls that no program should make, and that must be refused without any harm.

use crate::drive::input::Input;
use crate::drive::life::Life;
use crate::drive::seen::nothing;
use batchline_ffi::batch::{
    bl_batch_fail, bl_batch_get_view, bl_batch_item, bl_batch_key, bl_batch_len, bl_bytes,
};
use batchline_ffi::batcher::{
    bl_batcher_free, bl_batcher_new, bl_close, bl_flush, bl_set_linger, bl_set_tick,
};
use batchline_ffi::last_error::bl_last_error;
use batchline_ffi::poll::{bl_batch_done, bl_next_batch, bl_poll_fd};
use batchline_ffi::put::{bl_put, bl_put_many, bl_put_packed, bl_put_strings, bl_put_with, bl_try_put};
use batchline_ffi::receipt::{bl_receipt_free, bl_receipt_get_counts, bl_receipt_next};
use batchline_ffi::request::{bl_request_cancel, bl_request_poll, bl_submit};
use batchline_ffi::reserve::{bl_commit, bl_discard, bl_reserve};
use batchline_ffi::stats::{bl_get_stats, bl_stats};
use batchline_ffi::status::{BL_INVALID, BL_OK, bl_status_string};

/// Calls without a handle. None may be anything but refused.
pub(crate) fn without_handles() {
    let eight = [0_u8; 8];
    let item = eight.as_ptr().cast();
    // SAFETY: NULL is what is tried here, and the calls say that they take it.
    let statuses = unsafe {
        bl_batcher_free(nothing());
        bl_receipt_free(nothing());
        assert_eq!(bl_discard(nothing(), nothing()), BL_OK);
        assert_eq!(bl_batch_len(nothing()), 0);
        [
            bl_batcher_new(nothing(), nothing()),
            bl_put(nothing(), item, 8),
            bl_try_put(nothing(), nothing(), 8),
            bl_put_with(nothing(), item, 8, nothing()),
            bl_put_many(nothing(), item, 1, nothing()),
            bl_put_strings(nothing(), nothing(), 1, nothing()),
            bl_put_packed(nothing(), nothing(), nothing(), 1, nothing()),
            bl_submit(nothing(), item, 8, nothing(), nothing()),
            bl_request_poll(nothing()),
            bl_request_cancel(nothing()),
            bl_flush(nothing(), 0),
            bl_close(nothing(), 0, nothing()),
            bl_set_linger(nothing(), 0),
            bl_set_tick(nothing(), 0),
            bl_next_batch(nothing(), 0, nothing()),
            bl_poll_fd(nothing(), nothing()),
            bl_batch_get_view(nothing(), nothing()),
            bl_batch_item(nothing(), 0, nothing()),
            bl_batch_key(nothing(), nothing()),
            bl_batch_fail(nothing(), 0, 0),
            bl_batch_done(nothing(), 0),
            bl_receipt_get_counts(nothing(), nothing()),
            bl_receipt_next(nothing(), nothing()),
            bl_reserve(nothing(), 1, nothing()),
            bl_commit(nothing(), nothing(), 1),
            bl_get_stats(nothing(), nothing()),
        ]
    };
    assert!(statuses.iter().all(|&status| status == BL_INVALID), "{statuses:?}");
}

/// The text of the last error, into buffers of all sizes.
pub(crate) fn read_last_error(input: &mut Input<'_>) {
    let mut buffer = [0x7f_u8; 64];
    let size = input.below(65);
    // SAFETY: the buffer has room for as much.
    let length = unsafe { bl_last_error(buffer.as_mut_ptr().cast(), size) };
    assert!(buffer[size..].iter().all(|&byte| byte == 0x7f));
    assert!(size == 0 || buffer[length.min(size - 1)] == 0);
    assert!(!bl_status_string(input.nonsense() as i32).is_null());
}

impl Life {
    /// Calls with a handle and wrong arguments.
    pub(crate) fn go_wrong(&mut self, input: &mut Input<'_>) {
        let (batcher, size) = (self.batcher, self.seen.record_size);
        let (bytes, hollow) = ([0_u8; 300], bl_bytes { data: nothing(), size: 5 });
        let item = bytes.as_ptr().cast();
        let mut out = 7_usize;
        // SAFETY: the batcher is not freed; the rest is NULL, or too large to be read.
        let statuses = unsafe {
            [
                bl_put(batcher, nothing(), size.max(1)),
                bl_put(batcher, item, if size == 0 { usize::MAX } else { size + 1 }),
                bl_put_many(batcher, nothing(), 1 + input.below(9), &raw mut out),
                bl_put_many(batcher, item, usize::MAX, &raw mut out),
                bl_put_strings(batcher, &raw const hollow, 1, &raw mut out),
                bl_put_packed(batcher, item, nothing(), 3, &raw mut out),
                bl_submit(batcher, item, size, nothing(), nothing()),
                bl_reserve(batcher, size, nothing()),
                bl_reserve(batcher, usize::MAX, nothing()),
                bl_commit(batcher, nothing(), size),
                bl_get_stats(batcher, nothing()),
                bl_set_linger(batcher, u64::MAX - 1),
            ]
        };
        assert!(statuses.iter().take(11).all(|&status| status == BL_INVALID), "{statuses:?}");
        assert!(statuses[11] != BL_OK && out == 7);
    }

    /// The counters, with any size of the struct.
    pub(crate) fn read_stats(&mut self, input: &mut Input<'_>) {
        let mut room = vec![u64::MAX; 100];
        let size = if input.rarely(2) { input.nonsense() as usize } else { 8 * input.below(60) };
        let size = size.min(8 * room.len());
        room[0] = size as u64;
        // SAFETY: there is room for as many bytes as the struct says.
        let status = unsafe { bl_get_stats(self.batcher, room.as_mut_ptr().cast()) };
        let known = size.min(size_of::<bl_stats>());
        assert_eq!(status, if known >= 16 && known.is_multiple_of(8) { BL_OK } else { BL_INVALID });
        let written = if status == BL_OK { known / 8 } else { 1 };
        assert!(room[written..].iter().all(|&word| word == u64::MAX), "written beyond the struct's size");
    }
}
