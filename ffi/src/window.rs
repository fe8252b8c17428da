//! A deduplication window alone: remembers keys for a while, and says whether one is new.

use crate::guard::{Refusal, guarded, is_null, reference};
use crate::key::Key;
use crate::options;
use crate::put::slice;
use crate::status::{BL_DUPLICATE, BL_END, BL_OK, BL_WINDOW_FULL};
use batchline::BuildError;
use batchline::dedup::{Dedup, NotClaimed, Window};
use std::ffi::c_void;
use std::fmt;
use std::time::Duration;

/// What there is to choose about a window. Fill it with `bl_window_options_init`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bl_window_options {
    /// `sizeof(struct bl_window_options)`; set by `bl_window_options_init`.
    pub struct_size: usize,
    /// How long a key is remembered, 1 ms to 366 days. Default 60 s.
    pub window_ns: u64,
    /// How finely; 0 for a 16th of the window, at least 1 ms. A key is remembered for at most one bucket longer.
    pub bucket_ns: u64,
    /// Keys to be remembered at most; 0 for the default of 2^20.
    pub keys_max: usize,
    /// What a full window does: a `BL_AT_CAP_` number. Default `BL_AT_CAP_REFUSE`.
    pub at_cap: u32,
    /// 0.
    pub reserved: u32,
}

/// A window. Every call but `bl_window_free` may be made on any thread at any time.
pub struct bl_window(Dedup<Key>);

impl fmt::Debug for bl_window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("bl_window").finish_non_exhaustive()
    }
}

/// Fills `window_options` with the defaults.
///
/// `window_options` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_window_options_init(window_options: *mut bl_window_options) -> i32 {
    let defaults = bl_window_options {
        struct_size: size_of::<bl_window_options>(),
        window_ns: 60_000_000_000,
        bucket_ns: 0,
        keys_max: 0,
        at_cap: options::BL_AT_CAP_REFUSE,
        reserved: 0,
    };
    // SAFETY: the caller's promise.
    guarded(|| unsafe { crate::guard::write_out(window_options, "window_options", defaults) })
}

/// Makes a window.
///
/// `window_options` is NULL or points to options; `window` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_window_new(
    window_options: *const bl_window_options,
    window: *mut *mut bl_window,
) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let chosen = unsafe { reference(window_options, "window_options") }?;
        if chosen.struct_size != size_of::<bl_window_options>() {
            return Err(Refusal::invalid(format!(
                "struct_size is {}; sizeof(struct bl_window_options) is {} here",
                chosen.struct_size,
                size_of::<bl_window_options>()
            )));
        }
        if window.is_null() {
            return Err(is_null("window"));
        }
        let seen = Dedup::new(settings(chosen)?).map_err(own_name)?;
        // SAFETY: the caller's promise.
        unsafe { crate::guard::write_out(window, "window", Box::into_raw(Box::new(bl_window(seen)))) }
    })
}

/// The refusal, with the setting named as in the window's own options.
fn own_name(error: BuildError) -> Refusal {
    let Refusal { status, message } = Refusal::from(error);
    Refusal::new(status, message.strip_prefix("dedup_").map(str::to_owned).unwrap_or(message.into_owned()))
}

fn settings(chosen: &bl_window_options) -> Result<Window, Refusal> {
    let at_cap = crate::engine::at_cap("at_cap", chosen.at_cap)?;
    let mut window = Window::new(Duration::from_nanos(chosen.window_ns)).at_cap(at_cap);
    if chosen.bucket_ns > 0 {
        window = window.bucket(Duration::from_nanos(chosen.bucket_ns));
    }
    if chosen.keys_max > 0 {
        window = window.keys_max(chosen.keys_max);
    }
    Ok(window)
}

/// A key of the caller's.
///
/// # Safety
/// `key` is NULL or points to `size` bytes.
unsafe fn key_of(key: *const c_void, size: usize) -> Result<Key, Refusal> {
    // SAFETY: the caller's promise.
    Ok(Key::new(unsafe { slice(key.cast::<u8>(), Some(size), "key") }?))
}

fn claimed(window: &bl_window, key: Key) -> i32 {
    match window.0.is_new(key) {
        Ok(true) => BL_OK,
        Ok(false) | Err(NotClaimed::Duplicate(_)) => BL_DUPLICATE,
        Err(_) => BL_WINDOW_FULL,
    }
}

/// Remembers a key of any length: `BL_OK` when it is new, `BL_DUPLICATE` when it was seen within the window,
/// `BL_WINDOW_FULL` at the cap. Up to 32 bytes it allocates nothing in steady traffic. If what the key stands for
/// fails, call `bl_window_forget`, and it may come again at once.
///
/// `window` is NULL or a window that was not freed; `key` is NULL or points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_window_claim(window: *const bl_window, key: *const c_void, size: usize) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let window = unsafe { reference(window, "window") }?;
        // SAFETY: the caller's promise.
        match claimed(window, unsafe { key_of(key, size) }?) {
            BL_OK => Ok(()),
            BL_DUPLICATE => Err(Refusal::new(BL_DUPLICATE, "the key was seen within the window")),
            status => Err(Refusal::new(status, "as many keys as the cap allows are remembered")),
        }
    })
}

/// As `bl_window_claim`, of `count` keys that lie one behind the other in `keys`; `sizes` says how long each is, and
/// `statuses` gets the status of each. `BL_OK` when all were looked at.
///
/// As `bl_window_claim`; `sizes` is NULL or points to `count` numbers, `keys` to as many bytes as they sum up to;
/// `statuses` is NULL or has room for `count` numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_window_claim_packed(
    window: *const bl_window,
    keys: *const c_void,
    sizes: *const u32,
    count: usize,
    statuses: *mut i32,
) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let window = unsafe { reference(window, "window") }?;
        // SAFETY: the caller's promise.
        let sizes = unsafe { slice(sizes, Some(count), "sizes") }?;
        let total = sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size as usize));
        // SAFETY: the caller's promise.
        let mut rest = unsafe { slice(keys.cast::<u8>(), total, "keys") }?;
        if statuses.is_null() && count > 0 {
            return Err(is_null("statuses"));
        }
        for (index, &size) in sizes.iter().enumerate() {
            let (key, after) = rest.split_at(size as usize);
            rest = after;
            // SAFETY: the caller gave room for `count` numbers.
            unsafe { statuses.add(index).write(claimed(window, Key::new(key))) };
        }
        Ok(())
    })
}

/// Forgets a key before its time: `BL_OK`, or `BL_END` when it was not remembered.
///
/// As `bl_window_claim`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_window_forget(window: *const bl_window, key: *const c_void, size: usize) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let window = unsafe { reference(window, "window") }?;
        // SAFETY: the caller's promise.
        let was_there = window.0.forget(&unsafe { key_of(key, size) }?);
        if was_there { Ok(()) } else { Err(Refusal::new(BL_END, "the key was not remembered")) }
    })
}

/// Whether a key is remembered: `BL_DUPLICATE` when it is, `BL_OK` when it is not. Remembers nothing.
///
/// As `bl_window_claim`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_window_look(window: *const bl_window, key: *const c_void, size: usize) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let window = unsafe { reference(window, "window") }?;
        // SAFETY: the caller's promise.
        let is_there = window.0.contains(&unsafe { key_of(key, size) }?);
        if is_there { Err(Refusal::new(BL_DUPLICATE, "the key was seen within the window")) } else { Ok(()) }
    })
}

/// How many keys are remembered; 0 for NULL.
///
/// `window` is NULL or a window that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_window_len(window: *const bl_window) -> usize {
    // SAFETY: the caller's promise.
    unsafe { window.as_ref() }.map_or(0, |window| window.0.len())
}

/// Frees a window. NULL is nothing to free.
///
/// `window` is NULL or a window that was not freed, which nobody uses any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_window_free(window: *mut bl_window) {
    guarded(|| {
        if !window.is_null() {
            // SAFETY: the caller's promise; it was made by `Box::into_raw`.
            drop(unsafe { Box::from_raw(window) });
        }
        Ok(())
    });
}
