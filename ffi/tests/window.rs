//! The deduplication window alone, called as from C.

use batchline_ffi::last_error::bl_last_error;
use batchline_ffi::options::BL_AT_CAP_FORGET_OLDEST;
use batchline_ffi::status::{BL_DUPLICATE, BL_END, BL_INVALID, BL_OK, BL_WINDOW_FULL};
use batchline_ffi::window::{
    bl_window, bl_window_claim, bl_window_claim_packed, bl_window_forget, bl_window_free, bl_window_len,
    bl_window_look, bl_window_new, bl_window_options, bl_window_options_init,
};
use std::ptr::{null, null_mut};

/// A window that is freed at the end.
struct Seen(*mut bl_window);

impl Drop for Seen {
    fn drop(&mut self) {
        // SAFETY: nobody uses it any more.
        unsafe { bl_window_free(self.0) };
    }
}

fn defaults() -> bl_window_options {
    // SAFETY: options of zeros are options.
    let mut options = unsafe { std::mem::zeroed() };
    // SAFETY: they may be written.
    assert_eq!(unsafe { bl_window_options_init(&raw mut options) }, BL_OK);
    options
}

fn made(options: bl_window_options) -> Result<Seen, i32> {
    let mut window = null_mut();
    // SAFETY: the options are whole.
    match unsafe { bl_window_new(&raw const options, &raw mut window) } {
        BL_OK => Ok(Seen(window)),
        status => Err(status),
    }
}

impl Seen {
    fn call(
        &self,
        call: unsafe extern "C" fn(*const bl_window, *const std::ffi::c_void, usize) -> i32,
        key: &[u8],
    ) -> i32 {
        // SAFETY: the window is not freed yet, and the key has as many bytes.
        unsafe { call(self.0, key.as_ptr().cast(), key.len()) }
    }

    fn len(&self) -> usize {
        // SAFETY: the window is not freed yet.
        unsafe { bl_window_len(self.0) }
    }
}

fn last_error() -> String {
    let mut text = [0_u8; 256];
    // SAFETY: the buffer has as many bytes.
    let len = unsafe { bl_last_error(text.as_mut_ptr().cast(), text.len()) };
    String::from_utf8_lossy(&text[..len.min(255)]).into_owned()
}

#[test]
fn a_key_is_new_once_and_again_when_it_was_forgotten() {
    let seen = made(defaults()).unwrap();
    for key in [b"".as_slice(), b"a", &[7; 32], &[7; 33], &[7; 5000]] {
        assert_eq!(seen.call(bl_window_look, key), BL_OK);
        assert_eq!(seen.call(bl_window_claim, key), BL_OK, "{} bytes", key.len());
        assert_eq!(seen.call(bl_window_claim, key), BL_DUPLICATE);
        assert_eq!(seen.call(bl_window_look, key), BL_DUPLICATE);
    }
    assert_eq!(seen.len(), 5);
    assert_eq!(seen.call(bl_window_forget, b"a"), BL_OK);
    assert_eq!(seen.call(bl_window_forget, b"a"), BL_END);
    assert_eq!(seen.call(bl_window_claim, b"a"), BL_OK);
}

#[test]
fn many_keys_are_claimed_in_one_call() {
    let seen = made(defaults()).unwrap();
    let mut statuses = [-1; 4];
    // SAFETY: three keys of 1, 2 and 1 bytes, and an empty one; room for four statuses.
    let told = unsafe {
        bl_window_claim_packed(
            seen.0,
            b"abba".as_ptr().cast(),
            [1, 2, 1, 0].as_ptr(),
            4,
            statuses.as_mut_ptr(),
        )
    };
    assert_eq!((told, statuses), (BL_OK, [BL_OK, BL_OK, BL_DUPLICATE, BL_OK]));
    // SAFETY: no keys at all.
    assert_eq!(unsafe { bl_window_claim_packed(seen.0, null(), null(), 0, null_mut()) }, BL_OK);
}

#[test]
fn the_cap_refuses_or_forgets() {
    let full = made(bl_window_options { keys_max: 64, ..defaults() }).unwrap();
    let statuses: Vec<i32> = (0..65_u64).map(|key| full.call(bl_window_claim, &key.to_le_bytes())).collect();
    assert_eq!(
        (statuses.iter().filter(|&&status| status == BL_OK).count(), statuses[64]),
        (64, BL_WINDOW_FULL)
    );
    let options = bl_window_options { keys_max: 64, at_cap: BL_AT_CAP_FORGET_OLDEST, ..defaults() };
    let forgetting = made(options).unwrap();
    assert!((0..1000_u64).all(|key| forgetting.call(bl_window_claim, &key.to_le_bytes()) == BL_OK));
    assert!(forgetting.len() <= 64);
}

#[test]
fn nonsense_is_refused_by_name() {
    for (options, name) in [
        (bl_window_options { window_ns: 1, ..defaults() }, "window_ns is"),
        (bl_window_options { bucket_ns: 1, ..defaults() }, "bucket_ns is"),
        (bl_window_options { keys_max: usize::MAX, ..defaults() }, "keys_max is"),
        (bl_window_options { at_cap: 9, ..defaults() }, "at_cap is 9"),
        (bl_window_options { struct_size: 8, ..defaults() }, "struct_size is 8"),
    ] {
        assert_eq!(made(options).err(), Some(BL_INVALID), "{name}");
        assert!(last_error().starts_with(name), "{}", last_error());
    }
}

#[test]
fn nulls_are_a_status() {
    let (seen, mut window) = (made(defaults()).unwrap(), null_mut());
    // SAFETY: NULL is allowed everywhere here.
    unsafe {
        assert_eq!(bl_window_options_init(null_mut()), BL_INVALID);
        assert_eq!(bl_window_new(null(), &raw mut window), BL_INVALID);
        assert_eq!(bl_window_new(&raw const *Box::new(defaults()), null_mut()), BL_INVALID);
        assert_eq!(bl_window_claim(null(), null(), 0), BL_INVALID);
        assert_eq!(bl_window_claim(seen.0, null(), 1), BL_INVALID);
        assert_eq!(bl_window_claim_packed(seen.0, null(), [1].as_ptr(), 1, [0].as_mut_ptr()), BL_INVALID);
        assert_eq!(
            bl_window_claim_packed(seen.0, b"a".as_ptr().cast(), [1].as_ptr(), 1, null_mut()),
            BL_INVALID
        );
        assert_eq!(bl_window_len(null()), 0);
        bl_window_free(null_mut());
    }
    assert_eq!(seen.len(), 0);
}
