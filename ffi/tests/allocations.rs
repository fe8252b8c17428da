//! In steady state no call allocates for its item, whichever way it goes in; C46: nor does a key of 32 bytes.

#[path = "../../core/tests/support/counting_alloc.rs"]
mod counting_alloc;

use batchline_ffi::batch::{bl_batch, bl_bytes};
use batchline_ffi::batcher::{bl_batcher, bl_batcher_free, bl_batcher_new, bl_flush};
use batchline_ffi::hooks::bl_handler;
use batchline_ffi::options::{BL_DEDUP_REFUSE, BL_NEVER, bl_options};
use batchline_ffi::put::{bl_put, bl_put_many, bl_put_packed, bl_put_strings, bl_put_timeout, bl_try_put};
use batchline_ffi::request::{bl_request, bl_request_wait, bl_submit};
use batchline_ffi::reserve::{bl_commit, bl_reserve};
use batchline_ffi::status::{BL_DUPLICATE, BL_OK};
use counting_alloc::Counting;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

const ITEMS: u64 = 20_000;

unsafe extern "C" fn handle(_: *mut c_void, _: *mut bl_batch) -> i32 {
    0
}

fn options(record_size: usize) -> bl_options {
    bl_options {
        record_size,
        batch_items_max: 100,
        linger_ns: BL_NEVER,
        handler: bl_handler { call: Some(handle), user_data: ptr::null_mut(), free_user_data: None },
        ..bl_options::default()
    }
}

/// Allocations while `put` puts so many items, after it has put as many to warm up.
fn allocations_of(options: bl_options, mut put: impl FnMut(*mut bl_batcher, u64)) -> u64 {
    let mut batcher = ptr::null_mut();
    // SAFETY: the options are whole.
    assert_eq!(unsafe { bl_batcher_new(&raw const options, &raw mut batcher) }, BL_OK);
    let mut round = |from: u64| {
        (from..from + ITEMS).for_each(|item| put(batcher, item));
        // SAFETY: the batcher is not freed.
        assert_eq!(unsafe { bl_flush(batcher, BL_NEVER) }, BL_OK);
    };
    round(0);
    round(ITEMS);
    let before = ALLOCATOR.count();
    round(2 * ITEMS);
    let allocations = ALLOCATOR.count() - before;
    // SAFETY: it is not used any more.
    unsafe { bl_batcher_free(batcher) };
    allocations
}

fn record(batcher: *mut bl_batcher, item: u64) {
    // SAFETY: the batcher is not freed, and the item has eight bytes.
    assert_eq!(unsafe { bl_put(batcher, (&raw const item).cast(), 8) }, BL_OK);
}

fn string(batcher: *mut bl_batcher, item: u64) {
    let bytes = [item as u8; 100];
    // SAFETY: as in `record`.
    assert_eq!(unsafe { bl_put(batcher, bytes.as_ptr().cast(), (item % 100) as usize) }, BL_OK);
}

fn string_otherwise(batcher: *mut bl_batcher, item: u64) {
    let bytes = [item as u8; 40];
    // SAFETY: as in `record`.
    let status = unsafe {
        match item % 2 {
            0 => bl_try_put(batcher, bytes.as_ptr().cast(), 40),
            _ => bl_put_timeout(batcher, bytes.as_ptr().cast(), 40, 1_000_000_000),
        }
    };
    // The handler may be behind for a moment; the refusal allocates nothing either.
    assert!(status == BL_OK || item.is_multiple_of(2));
}

fn many(batcher: *mut bl_batcher, item: u64) {
    let records = [item; 10];
    // SAFETY: there are ten records.
    assert_eq!(unsafe { bl_put_many(batcher, records.as_ptr().cast(), 10, ptr::null_mut()) }, BL_OK);
}

fn many_strings(batcher: *mut bl_batcher, item: u64) {
    let (bytes, sizes) = ([item as u8; 60], [20_u32, 30, 10]);
    let strings = [bl_bytes { data: bytes.as_ptr().cast(), size: 33 }; 4];
    // SAFETY: there are as many strings and sizes as is said.
    let statuses = unsafe {
        [
            bl_put_packed(batcher, bytes.as_ptr().cast(), sizes.as_ptr(), 3, ptr::null_mut()),
            bl_put_strings(batcher, strings.as_ptr(), 4, ptr::null_mut()),
        ]
    };
    assert_eq!(statuses, [BL_OK; 2]);
}

fn reserved(batcher: *mut bl_batcher, item: u64) {
    let mut room = ptr::null_mut();
    // SAFETY: the batcher is not freed, and the room is written before it is committed.
    unsafe {
        assert_eq!(bl_reserve(batcher, 64, &raw mut room), BL_OK);
        room.cast::<u64>().write(item);
        assert_eq!(bl_commit(batcher, room, 8), BL_OK);
    }
}

static CALLED_BACK: AtomicU64 = AtomicU64::new(0);

unsafe extern "C" fn count(_: *mut bl_request) {
    CALLED_BACK.fetch_add(1, SeqCst);
}

fn request(has_callback: bool) -> bl_request {
    bl_request {
        user_data: ptr::null_mut(),
        callback: has_callback.then_some(count as unsafe extern "C" fn(*mut bl_request)),
        status: 0,
        code: 0,
        reply: 0,
        room: [0; 2],
    }
}

/// Submits through a ring of requests, each of which is finished before it is used again.
fn submitter(has_callback: bool) -> impl FnMut(*mut bl_batcher, u64) {
    let mut ring: Vec<_> = (0..200).map(|_| request(has_callback)).collect();
    let mut submits = 0;
    move |batcher, item| {
        if submits > 0 && submits % 200 == 0 {
            // SAFETY: the batcher is not freed.
            assert_eq!(unsafe { bl_flush(batcher, BL_NEVER) }, BL_OK);
        }
        let request = &raw mut ring[submits % 200];
        // SAFETY: after a flush every request of the ring has its outcome; one without a callback takes it here.
        unsafe {
            if !has_callback && submits >= 200 {
                assert_eq!(bl_request_wait(request, BL_NEVER), BL_OK);
            }
            assert_eq!(bl_submit(batcher, (&raw const item).cast(), 8, ptr::null(), request), BL_OK);
        }
        submits += 1;
    }
}

#[test]
fn puts_in_steady_state_allocate_nothing() {
    // For what has nothing to do with items: a thread that sleeps, a slab more.
    let allowed = ITEMS / 1000;
    type Put = fn(*mut bl_batcher, u64);
    let puts: [(&str, usize, Put); 6] = [
        ("bl_put of a record", 8, record),
        ("bl_put of a string", 0, string),
        ("bl_try_put and bl_put_timeout", 0, string_otherwise),
        ("bl_put_many", 8, many),
        ("bl_put_packed and bl_put_strings", 0, many_strings),
        ("bl_reserve and bl_commit", 0, reserved),
    ];
    let mut counts = Vec::new();
    for (name, record_size, put) in puts {
        counts.push((name, allocations_of(options(record_size), put)));
    }
    counts.push(("bl_submit, waiting", allocations_of(options(8), submitter(false))));
    let called_back = CALLED_BACK.load(SeqCst);
    counts.push(("bl_submit, called back", allocations_of(options(8), submitter(true))));
    assert_eq!(CALLED_BACK.load(SeqCst) - called_back, 3 * ITEMS);
    assert!(counts.iter().all(|(_, count)| *count <= allowed), "{counts:#?}");
    // The window itself grows with its keys: in steps, and not by an allocation for each.
    let of_keys = allocations_of(window(), keyed_by_32_bytes);
    assert!(of_keys <= ITEMS / 2 / 20, "C46: {of_keys} allocations for {} keys of 32 bytes", ITEMS / 2);
}

fn window() -> bl_options {
    bl_options { dedup: BL_DEDUP_REFUSE, ..options(32) }
}

/// Half of the items are duplicates of the one before.
fn keyed_by_32_bytes(batcher: *mut bl_batcher, item: u64) {
    let key = [item / 2; 4];
    // SAFETY: as in `record`.
    let status = unsafe { bl_put(batcher, key.as_ptr().cast(), 32) };
    assert_eq!(status, if item.is_multiple_of(2) { BL_OK } else { BL_DUPLICATE });
}
