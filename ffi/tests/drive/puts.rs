//! The many ways to put items.

use crate::drive::input::Input;
use crate::drive::life::Life;
use crate::drive::out::Out;
use crate::drive::seen::{Seen, is_refusal, nothing};
use batchline_ffi::batch::bl_bytes;
use batchline_ffi::put::{
    bl_item_options, bl_put, bl_put_many, bl_put_packed, bl_put_strings, bl_put_timeout, bl_put_with,
    bl_try_put,
};
use batchline_ffi::request::bl_submit;
use batchline_ffi::reserve::{bl_commit, bl_discard, bl_reserve};
use batchline_ffi::status::{BL_INVALID, BL_OK, BL_PANIC};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::Ordering::SeqCst;

/// Room that was reserved, and how much.
pub(crate) struct Room {
    data: *mut c_void,
    size: usize,
}

fn item_options(input: &mut Input<'_>) -> bl_item_options {
    bl_item_options {
        struct_size: if input.rarely(8) { input.nonsense() as usize } else { size_of::<bl_item_options>() },
        linger_ns: input.pick(&[u64::MAX, 0, 100_000, u64::MAX - 1]),
        deadline_ns: input.pick(&[u64::MAX, 0, 1000, 1_000_000, u64::MAX - 1]),
    }
}

impl Life {
    fn size(&self, input: &mut Input<'_>) -> usize {
        if self.seen.record_size > 0 {
            return self.seen.record_size;
        }
        input.pick(&[8, 9, 24, 40, 100, 1000, 0, 7, 17_000])
    }

    pub(crate) fn put_one(&mut self, input: &mut Input<'_>) {
        let (bytes, _) = self.seen.item(input.byte() % 8, self.size(input));
        let (item, size) = (bytes.as_ptr().cast(), bytes.len());
        let (batcher, options) = (self.batcher, item_options(input));
        // SAFETY: the batcher is not freed, and the item and the options have the size that is said.
        let status = unsafe {
            match input.below(4) {
                0 => bl_put(batcher, item, size),
                1 => bl_try_put(batcher, item, size),
                2 => bl_put_timeout(batcher, item, size, input.short_ns()),
                _ => bl_put_with(batcher, item, size, &raw const options),
            }
        };
        self.seen.note_put(&bytes, status);
    }

    /// Several threads put at a time.
    pub(crate) fn put_in_threads(&mut self, input: &mut Input<'_>) {
        struct Shared<'a>(&'a Life);
        // SAFETY: the threads use the batcher alone, which all threads may use, and what is seen.
        unsafe impl Sync for Shared<'_> {}
        let (tag, size) = (input.byte() % 8, self.size(input));
        let shared = &Shared(self);
        let put_some = || {
            let Life { seen, batcher, .. } = { shared }.0;
            for _ in 0..8 {
                let (bytes, _) = seen.item(tag, size);
                // SAFETY: as in `put_one`.
                let status = unsafe { bl_try_put(*batcher, bytes.as_ptr().cast(), bytes.len()) };
                seen.note_put(&bytes, status);
            }
        };
        std::thread::scope(|scope| {
            // Joined by hand: the scope alone does not wait until their thread-locals are gone.
            let threads = [scope.spawn(put_some), scope.spawn(put_some)];
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }

    pub(crate) fn put_many(&mut self, input: &mut Input<'_>) {
        let count = input.below(30);
        let items: Vec<_> =
            (0..count).map(|_| self.seen.item(input.byte() % 8, self.size(input)).0).collect();
        let mut accepted = usize::MAX;
        let out = if input.rarely(5) { nothing() } else { &raw mut accepted };
        let status = self.put_all(input, &items, out);
        assert_ne!(status, BL_PANIC);
        if out.is_null() || self.drops && status != BL_OK {
            // How many were accepted, or dropped, is not known.
            self.is_counted = false;
        } else if accepted == usize::MAX {
            assert!(is_refusal(status), "nobody was told how many: {status}");
        } else {
            assert!(accepted <= count && (status != BL_OK || self.drops || accepted == count));
            let taken = if self.drops { count } else { accepted };
            self.seen.put.fetch_add(taken as u64, SeqCst);
        }
    }

    fn put_all(&self, input: &mut Input<'_>, items: &[Vec<u8>], accepted: *mut usize) -> i32 {
        let (batcher, count, flat) = (self.batcher, items.len(), items.concat());
        let data: *const c_void = if count == 0 { nothing() } else { flat.as_ptr().cast() };
        let strings: Vec<_> =
            items.iter().map(|item| bl_bytes { data: item.as_ptr().cast(), size: item.len() }).collect();
        let sizes: Vec<u32> = items.iter().map(|item| item.len() as u32).collect();
        // SAFETY: all of these have as many items as is said.
        unsafe {
            match input.below(3) {
                0 => bl_put_many(batcher, data, count, accepted),
                1 => bl_put_strings(batcher, strings.as_ptr(), count, accepted),
                _ => bl_put_packed(batcher, data, sizes.as_ptr(), count, accepted),
            }
        }
    }

    pub(crate) fn reserve(&mut self, input: &mut Input<'_>) {
        let size = if input.rarely(6) { 1 + self.seen.record_size } else { self.size(input) };
        let mut data = ptr::null_mut();
        // SAFETY: the batcher is not freed.
        let status = unsafe { bl_reserve(self.batcher, size, &raw mut data) };
        let is_fit = self.seen.record_size == 0 || size <= self.seen.record_size;
        assert_eq!(status, if is_fit { BL_OK } else { BL_INVALID });
        if status == BL_OK {
            // SAFETY: so many bytes were reserved.
            unsafe { data.cast::<u8>().write_bytes(0xee, size) };
            self.rooms.push(Room { data, size });
        }
    }

    pub(crate) fn commit(&mut self, input: &mut Input<'_>) {
        let Some(room) = self.rooms.pop() else { return };
        if input.rarely(4) {
            // SAFETY: it was reserved and is given up here.
            return assert_eq!(unsafe { bl_discard(self.batcher, room.data) }, BL_OK);
        }
        let (bytes, _) = self.seen.item(input.byte() % 8, room.size);
        // SAFETY: the room has as many bytes.
        unsafe { room.data.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        let size = if input.rarely(5) { room.size + 1 } else { room.size };
        // SAFETY: it was reserved from this batcher.
        let status = unsafe { bl_commit(self.batcher, room.data, size) };
        self.seen.note_put(&bytes, status);
        if status != BL_OK {
            self.rooms.push(room);
        }
    }

    pub(crate) fn discard_all(&mut self) {
        for room in self.rooms.drain(..) {
            // SAFETY: each was reserved and not given up.
            assert_eq!(unsafe { bl_discard(self.batcher, room.data) }, BL_OK);
        }
    }

    pub(crate) fn submit(&mut self, input: &mut Input<'_>) {
        let (has_callback, again) = (input.byte() % 2 == 1, input.byte() % 2 == 1);
        let old = self.outs.iter().position(Out::is_free).filter(|_| again);
        let at = old.unwrap_or(self.outs.len());
        if at == self.outs.len() {
            self.outs.push(Out::new(has_callback));
        }
        let (bytes, _) = self.seen.item(input.byte() % 8, self.size(input));
        let options = item_options(input);
        let options = if input.rarely(2) { &raw const options } else { nothing() };
        let request = self.outs[at].pointer();
        // SAFETY: the request is not out, and stays where it is until it is finished.
        let status = unsafe { bl_submit(self.batcher, bytes.as_ptr().cast(), bytes.len(), options, request) };
        self.seen.note_put(&bytes, status);
        if status == BL_OK {
            self.outs[at].note_submitted(bytes);
        }
    }

    pub(crate) fn cancel(&mut self, input: &mut Input<'_>) {
        if self.outs.is_empty() {
            return;
        }
        let at = input.byte() as usize % self.outs.len();
        if self.outs[at].cancel() && !self.joins {
            let seen: &Seen = &self.seen;
            seen.note(&self.outs[at].bytes, |fate| fate.is_cancelled = true);
        }
    }
}
