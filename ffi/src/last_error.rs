//! The text that goes with the last call of this thread that did not return `BL_OK`.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ffi::c_char;

thread_local! {
    static LAST: RefCell<Cow<'static, str>> = const { RefCell::new(Cow::Borrowed("")) };
}

/// Notes the text; without a thread-local (the thread is ending) it is lost.
pub(crate) fn note(message: Cow<'static, str>) {
    let _ = LAST.try_with(|last| *last.borrow_mut() = message);
}

/// Copies the text of the last call of this thread that did not return `BL_OK` into `buffer`: at most `size` bytes,
/// with a NUL at the end if `size` is not 0. Returns the length of the whole text without the NUL; 0 when there is
/// none.
/// `buffer` may be NULL when `size` is 0. A call that succeeds leaves the text as it is.
///
/// `buffer` points to `size` bytes that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bl_last_error(buffer: *mut c_char, size: usize) -> usize {
    LAST.try_with(|last| {
        let last = last.borrow();
        if !buffer.is_null() && size > 0 {
            let copied = last.len().min(size - 1);
            // SAFETY: the caller gave `size` bytes, and `copied < size`.
            unsafe { buffer.cast::<u8>().copy_from_nonoverlapping(last.as_ptr(), copied) };
            // SAFETY: as above.
            unsafe { buffer.add(copied).write(0) };
        }
        last.len()
    })
    .unwrap_or(0)
}
