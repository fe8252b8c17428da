//! What the callbacks of a batcher see, and what must hold of it: the user data of the handler and of the hooks.

use batchline_ffi::batch::{
    bl_batch, bl_batch_fail, bl_batch_get_view, bl_batch_item, bl_batch_len, bl_batch_reply, bl_bytes,
};
use batchline_ffi::batcher::{bl_batcher, bl_flush};
use batchline_ffi::hooks::bl_failure;
use batchline_ffi::poll::bl_batch_done;
use batchline_ffi::put::bl_put;
use batchline_ffi::status::{
    BL_CLOSED, BL_FORKED, BL_INVALID, BL_OK, BL_PANIC, BL_REENTRANT, BL_UNSUPPORTED,
};
use std::collections::HashMap;
use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};

/// What became of one item that can be told from all others.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fate {
    pub(crate) seen: u32,
    pub(crate) done: u32,
    pub(crate) handed_back: u32,
    pub(crate) is_refused: bool,
    pub(crate) is_cancelled: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// How the handler behaves, in bits.
    pub(crate) behaviour: u8,
    pub(crate) record_size: usize,
    pub(crate) batch_items_max: usize,
    pub(crate) batcher: AtomicPtr<bl_batcher>,
    pub(crate) fates: Mutex<HashMap<u64, Fate>>,
    pub(crate) calls: AtomicU64,
    pub(crate) done: AtomicU64,
    /// Puts that returned `BL_OK`.
    pub(crate) put: AtomicU64,
    pub(crate) frees: AtomicUsize,
    pub(crate) hook_items: AtomicU64,
    pub(crate) next_id: AtomicU64,
}

impl Seen {
    /// The first argument of a callback, whose free function is [`free`].
    pub(crate) fn lend(self: &Arc<Self>) -> *mut c_void {
        Arc::into_raw(self.clone()).cast_mut().cast()
    }

    /// An item of `size` bytes: a tag, which serves as a key, and a number, as far as they fit.
    pub(crate) fn item(&self, tag: u8, size: usize) -> (Vec<u8>, u64) {
        let id = self.next_id.fetch_add(1, SeqCst) << 8 | u64::from(tag);
        let mut bytes = id.to_le_bytes().to_vec();
        bytes.resize(size.max(8), tag);
        bytes.truncate(size);
        (bytes, id)
    }

    /// Notes something about an item, if it has its number in it.
    pub(crate) fn note(&self, bytes: &[u8], change: impl FnOnce(&mut Fate)) {
        if let Some(id) = bytes.first_chunk::<8>() {
            change(self.fates.lock().unwrap().entry(u64::from_le_bytes(*id)).or_default());
        }
    }

    /// What a put of one item returned.
    pub(crate) fn note_put(&self, bytes: &[u8], status: i32) {
        assert_ne!(status, BL_PANIC);
        if status == BL_OK {
            self.put.fetch_add(1, SeqCst);
        } else {
            self.note(bytes, |fate| fate.is_refused = true);
        }
    }
}

/// The free function of all user data: gives up what [`Seen::lend`] gave.
pub(crate) unsafe extern "C" fn free(user_data: *mut c_void) {
    // SAFETY: it came from `lend`, and the library calls this once.
    let seen = unsafe { Arc::from_raw(user_data.cast::<Seen>()) };
    seen.frees.fetch_add(1, SeqCst);
}

/// The bytes of one item of a batch.
pub(crate) fn item_of<'a>(batch: *mut bl_batch, index: usize) -> &'a [u8] {
    let mut item = MaybeUninit::<bl_bytes>::uninit();
    // SAFETY: the batch is good, and so is the room for the answer.
    assert_eq!(unsafe { bl_batch_item(batch, index, item.as_mut_ptr()) }, BL_OK);
    // SAFETY: it was written.
    let item = unsafe { item.assume_init() };
    // SAFETY: the batch lives longer than the callers use this.
    unsafe { std::slice::from_raw_parts(item.data.cast(), item.size) }
}

/// Looks at every item of a batch, fails or answers some as `choice` says, and returns how many are not failed.
pub(crate) fn settle(seen: &Seen, batch: *mut bl_batch, choice: u8) -> Vec<usize> {
    // SAFETY: the batch is good.
    let len = unsafe { bl_batch_len(batch) };
    assert!(
        len > 0 && len <= seen.batch_items_max,
        "{len} items in a batch of at most {}",
        seen.batch_items_max
    );
    let mut good = Vec::new();
    for index in 0..len {
        let bytes = item_of(batch, index);
        assert!(seen.record_size == 0 || bytes.len() == seen.record_size);
        seen.note(bytes, |fate| fate.seen += 1);
        let is_bad = choice & 1 != 0 && (index + usize::from(choice >> 4)) % 5 == 0;
        // SAFETY: as above.
        let status = unsafe {
            if is_bad { bl_batch_fail(batch, index, 7) } else { bl_batch_reply(batch, index, index as u64) }
        };
        assert_eq!(status, BL_OK);
        good.extend((!is_bad).then_some(index));
    }
    // SAFETY: as above; there is no such item.
    assert_eq!(unsafe { bl_batch_fail(batch, len, 1) }, BL_INVALID);
    good
}

/// Notes that items are done, as their batch is settled with 0.
pub(crate) fn note_done(seen: &Seen, batch: *mut bl_batch, good: &[usize]) {
    good.iter().for_each(|&index| seen.note(item_of(batch, index), |fate| fate.done += 1));
    seen.done.fetch_add(good.len() as u64, SeqCst);
}

/// Calls of a handler to its own batcher: none of them may wait or panic.
fn call_back(seen: &Seen, batcher: *mut bl_batcher) {
    let (bytes, _) = seen.item(seen.calls.load(SeqCst) as u8, seen.record_size.max(1));
    // SAFETY: the batcher is closed before it is freed when handlers use it.
    let status = unsafe { bl_put(batcher, bytes.as_ptr().cast(), bytes.len()) };
    seen.note_put(&bytes, status);
    // SAFETY: as above.
    let status = unsafe { bl_flush(batcher, u64::MAX) };
    assert!([BL_REENTRANT, BL_CLOSED].contains(&status), "a flush inside a handler: {status}");
}

/// The handler.
pub(crate) unsafe extern "C" fn handle(user_data: *mut c_void, batch: *mut bl_batch) -> i32 {
    // SAFETY: it came from `lend` and is not freed yet.
    let seen = unsafe { &*user_data.cast::<Seen>() };
    let call = seen.calls.fetch_add(1, SeqCst);
    let mut view = MaybeUninit::uninit();
    // SAFETY: the batch is good while the handler runs.
    assert_eq!(unsafe { bl_batch_get_view(batch, view.as_mut_ptr()) }, BL_OK);
    // SAFETY: as above.
    assert_eq!(unsafe { bl_batch_done(batch, 0) }, BL_INVALID);
    let good = settle(seen, batch, seen.behaviour);
    let batcher = seen.batcher.load(SeqCst);
    if seen.behaviour & 2 != 0 && !batcher.is_null() && call < 30 {
        call_back(seen, batcher);
    }
    if seen.behaviour & 4 != 0 && call % 3 == 1 {
        return -1;
    }
    note_done(seen, batch, &good);
    0
}

/// The failure hook.
pub(crate) unsafe extern "C" fn fail(user_data: *mut c_void, report: *const bl_failure) {
    // SAFETY: as in `handle`; the report is good while the hook runs.
    let (seen, report) = unsafe { (&*user_data.cast::<Seen>(), &*report) };
    assert!(report.items > 0 && !report.batcher.is_null() && !report.message.is_null());
    seen.hook_items.fetch_add(report.items, SeqCst);
}

/// The log hook.
pub(crate) unsafe extern "C" fn log(user_data: *mut c_void, _level: i32, message: *const c_char) {
    // SAFETY: as in `handle`.
    let seen = unsafe { &*user_data.cast::<Seen>() };
    assert!(!message.is_null() && seen.frees.load(SeqCst) < 3);
}

/// What a call may return that was given no chance to succeed.
pub(crate) fn is_refusal(status: i32) -> bool {
    status == BL_INVALID || status == BL_UNSUPPORTED || status == BL_FORKED
}

/// A pointer to nothing, as C programs pass it by mistake.
pub(crate) fn nothing<T>() -> *mut T {
    ptr::null_mut()
}
