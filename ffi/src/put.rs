//! Putting items: one, with a wait or options of its own, or many.

use crate::batch::bl_bytes;
use crate::batcher::{bl_batcher, of};
use crate::blob::BLOB_BYTES_MAX;
use crate::guard::{Refusal, guarded, is_null};
use crate::options::BL_NEVER;
use crate::surface::{Many, Patience};
use batchline::ItemOptions;
use std::ffi::c_void;
use std::time::Duration;

/// What one item may ask for itself. `{sizeof(struct bl_item_options), BL_NEVER, BL_NEVER}` asks for nothing.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bl_item_options {
    /// `sizeof(struct bl_item_options)`.
    pub struct_size: usize,
    /// The longest this item may wait for its batch to be sealed; `BL_NEVER` for the batcher's linger.
    pub linger_ns: u64,
    /// How long from now a handler may be given the item; after that it expires. `BL_NEVER` for no deadline.
    pub deadline_ns: u64,
}

/// The bytes of an item, which must have the record size, if there is one.
///
/// # Safety
/// `item` is NULL or points to `size` bytes.
#[inline]
pub(crate) unsafe fn bytes<'a>(
    record_size: usize,
    item: *const c_void,
    size: usize,
) -> Result<&'a [u8], Refusal> {
    let is_fit = size == record_size || record_size == 0 && size <= BLOB_BYTES_MAX;
    if item.is_null() || !is_fit {
        return unfit(record_size, item, size);
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(item.cast(), size) })
}

/// The rare cases: an empty byte string may have no address.
#[cold]
fn unfit<'a>(record_size: usize, item: *const c_void, size: usize) -> Result<&'a [u8], Refusal> {
    match (record_size, size) {
        (0, 0) => Ok(&[]),
        (0, size) if size > BLOB_BYTES_MAX => {
            Err(Refusal::invalid(format!("size is {size}; a byte string has at most {BLOB_BYTES_MAX} bytes")))
        }
        (record_size, size) if record_size > 0 && size != record_size => {
            Err(Refusal::invalid(format!("size is {size}; this batcher's record_size is {record_size}")))
        }
        _ => Err(if item.is_null() { is_null("item") } else { Refusal::invalid("size") }),
    }
}

/// The options of an item from C.
///
/// # Safety
/// `options` is NULL or points to a struct of the size that it says.
pub(crate) unsafe fn item_options(options: *const bl_item_options) -> Result<ItemOptions, Refusal> {
    // SAFETY: the caller's promise.
    let Some(options) = (unsafe { options.as_ref() }) else { return Ok(ItemOptions::new()) };
    if options.struct_size != size_of::<bl_item_options>() {
        return Err(Refusal::invalid(format!(
            "options->struct_size is {}; sizeof(struct bl_item_options) is {} here",
            options.struct_size,
            size_of::<bl_item_options>()
        )));
    }
    let mut asked = ItemOptions::new();
    if options.linger_ns != BL_NEVER {
        asked = asked.linger(Duration::from_nanos(options.linger_ns));
    }
    if options.deadline_ns != BL_NEVER {
        asked = asked.deadline(Duration::from_nanos(options.deadline_ns));
    }
    Ok(asked)
}

/// Copies one item in. What a full queue does is the overflow option.
///
/// `batcher` is NULL or a batcher that was not freed; `item` is NULL or points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_put(batcher: *const bl_batcher, item: *const c_void, size: usize) -> i32 {
    // SAFETY: the caller's promise.
    let Some(batcher) = (unsafe { batcher.as_ref() }) else { return no_batcher() };
    let (put_one, this) = batcher.put_one;
    // SAFETY: the function and its first argument belong together, and live as long as the handle.
    unsafe { put_one(this, item.cast(), size) }
}

#[cold]
#[inline(never)]
extern "C" fn no_batcher() -> i32 {
    guarded(|| Err(is_null("batcher")))
}

/// As `bl_put`, but a full queue is `BL_FULL` at once, whatever the overflow option.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_try_put(batcher: *const bl_batcher, item: *const c_void, size: usize) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let batcher = unsafe { of(batcher) }?;
        // SAFETY: the caller's promise.
        batcher.surface.put_patiently(unsafe { bytes(batcher.record_size, item, size) }?, Patience::Not)
    })
}

/// As `bl_put`, but waits for room for `timeout_ns` at most, then `BL_TIMED_OUT`. A keyed batcher has no such call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_put_timeout(
    batcher: *const bl_batcher,
    item: *const c_void,
    size: usize,
    timeout_ns: u64,
) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let batcher = unsafe { of(batcher) }?;
        let patience = Patience::For(Duration::from_nanos(timeout_ns));
        // SAFETY: the caller's promise.
        batcher.surface.put_patiently(unsafe { bytes(batcher.record_size, item, size) }?, patience)
    })
}

/// As `bl_put`, with a linger and a deadline of the item's own. NULL options ask for nothing.
///
/// As `bl_put`; `options` is NULL or points to a struct of the size that it says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_put_with(
    batcher: *const bl_batcher,
    item: *const c_void,
    size: usize,
    options: *const bl_item_options,
) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let batcher = unsafe { of(batcher) }?;
        // SAFETY: the caller's promise.
        let options = unsafe { item_options(options) }?;
        // SAFETY: the caller's promise.
        batcher.surface.put_with(unsafe { bytes(batcher.record_size, item, size) }?, options)
    })
}

/// Copies `count` records in, which lie one behind the other, each of the record size. `accepted`, unless it is NULL,
/// gets how many were accepted, also when the call fails: those are the first ones, except that in a deduplicating
/// batcher duplicates are passed over (`BL_DUPLICATE` if there were any, and all others were accepted), and that those
/// which `BL_OVERFLOW_DROP_NEWEST` drops are not counted.
///
/// `batcher` is NULL or a batcher that was not freed; `records` is NULL or points to `count` records; `accepted` is
/// NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_put_many(
    batcher: *const bl_batcher,
    records: *const c_void,
    count: usize,
    accepted: *mut usize,
) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let batcher = unsafe { of(batcher) }?;
        let record_size = batcher.record_size;
        if record_size == 0 {
            return Err(Refusal::invalid("byte strings are put by bl_put_strings or bl_put_packed"));
        }
        // SAFETY: the caller's promise.
        let records = unsafe { slice(records.cast::<u8>(), record_size.checked_mul(count), "records") }?;
        // SAFETY: the caller's promise.
        unsafe { tell(batcher.surface.put_records(records, record_size), accepted) }
    })
}

/// As `bl_put_many`, of byte strings wherever they lie.
///
/// As `bl_put_many`; `strings` is NULL or points to `count` of them, each good.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_put_strings(
    batcher: *const bl_batcher,
    strings: *const bl_bytes,
    count: usize,
    accepted: *mut usize,
) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let batcher = unsafe { of(batcher) }?;
        // SAFETY: the caller's promise.
        let strings = unsafe { slice(strings, Some(count), "strings") }?;
        for string in strings {
            // SAFETY: the caller's promise.
            unsafe { bytes(batcher.record_size, string.data, string.size) }?;
        }
        // SAFETY: each was looked at above.
        let mut each = strings
            .iter()
            .filter_map(|string| unsafe { bytes(batcher.record_size, string.data, string.size) }.ok());
        // SAFETY: the caller's promise.
        unsafe { tell(batcher.surface.put_many(&mut each), accepted) }
    })
}

/// As `bl_put_many`, of `count` byte strings that lie one behind the other in `data`; `sizes` says how long each is.
///
/// As `bl_put_many`; `sizes` is NULL or points to `count` numbers, and `data` to as many bytes as they sum up to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_put_packed(
    batcher: *const bl_batcher,
    data: *const c_void,
    sizes: *const u32,
    count: usize,
    accepted: *mut usize,
) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let batcher = unsafe { of(batcher) }?;
        // SAFETY: the caller's promise.
        let sizes = unsafe { slice(sizes, Some(count), "sizes") }?;
        if let Some(size) =
            sizes.iter().find(|&&size| batcher.record_size > 0 && size as usize != batcher.record_size)
        {
            return Err(Refusal::invalid(format!(
                "a size is {size}; the record_size is {}",
                batcher.record_size
            )));
        }
        let total = sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size as usize));
        // SAFETY: the caller's promise.
        let mut rest = unsafe { slice(data.cast::<u8>(), total, "data") }?;
        let mut each = sizes.iter().map(|&size| {
            let (string, after) = rest.split_at(size as usize);
            rest = after;
            string
        });
        // SAFETY: the caller's promise.
        unsafe { tell(batcher.surface.put_many(&mut each), accepted) }
    })
}

/// Memory of the caller's.
///
/// # Safety
/// `data` is NULL or points to `count` values.
pub(crate) unsafe fn slice<'a, T>(
    data: *const T,
    count: Option<usize>,
    name: &'static str,
) -> Result<&'a [T], Refusal> {
    let count = count.filter(|count| *count <= isize::MAX as usize / size_of::<T>());
    let count = count.ok_or_else(|| Refusal::invalid(format!("{name} would be larger than the memory")))?;
    if count == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(is_null(name));
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(data, count) })
}

/// Tells how many were accepted.
///
/// # Safety
/// `accepted` is NULL or may be written.
unsafe fn tell((count, refusal): Many, accepted: *mut usize) -> Result<(), Refusal> {
    if !accepted.is_null() {
        // SAFETY: the caller's promise.
        unsafe { accepted.write(count) };
    }
    refusal.map_or(Ok(()), Err)
}
