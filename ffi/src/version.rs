//! The versions of the library and of its ABI.

use std::ffi::{CStr, c_char};

/// Rises with every change that is not compatible; it is in the soname.
pub const BL_ABI_MAJOR: u32 = 0;
/// Rises with every compatible addition.
pub const BL_ABI_MINOR: u32 = 1;

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => panic!("a version has no NUL in it"),
};

/// The version of the ABI that this library has: `BL_ABI_MAJOR << 16 | BL_ABI_MINOR`. Compare the upper half with
/// `BL_ABI_MAJOR` of the header.
#[unsafe(no_mangle)]
pub extern "C" fn bl_abi_version() -> u32 {
    BL_ABI_MAJOR << 16 | BL_ABI_MINOR
}

/// The version of the library, such as "0.1.0"; a static text.
#[unsafe(no_mangle)]
pub extern "C" fn bl_version() -> *const c_char {
    VERSION.as_ptr()
}
