//! What belongs to a callback: freed exactly once, when nothing can call back any more.

use std::ffi::c_void;

/// Frees the user data of a callback.
pub type bl_free_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// The user data of one callback.
#[derive(Debug)]
pub(crate) struct UserData {
    data: *mut c_void,
    free: bl_free_fn,
}

// SAFETY: the header says that callbacks and their free functions are called on any thread.
unsafe impl Send for UserData {}
// SAFETY: as above; from several threads at once.
unsafe impl Sync for UserData {}

impl UserData {
    pub(crate) fn new(data: *mut c_void, free: bl_free_fn) -> Self {
        Self { data, free }
    }

    pub(crate) fn get(&self) -> *mut c_void {
        self.data
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: the user gave this function for this data, and this is the only call of it.
            unsafe { free(self.data) }
        }
    }
}
