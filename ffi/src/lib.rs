//! The C ABI of Batchline. What a C program may do, and when, stands at the head of `include/batchline.h`, which
//! `cargo xtask header` generates from these files and from `ffi/essay.h`.
//!
//! The path of an item that comes from C:
//!
//! 1. [`put`]: the call; arguments are checked, panics become a status (`guard`, [`status`], [`last_error`]).
//! 2. `item`: its bytes become a `record` (copied into the slab) or a `blob` (copied into a pooled block).
//! 3. `surface`: the batcher behind the handle, whatever the size of its items; `engine` chose it from the
//!    [`options`]. From here on it is the Rust core's.
//! 4. [`batch`]: the handler, or the thread that polls ([`poll`], `readiness`), sees the items.
//! 5. [`request`]: who submitted gets the outcome; [`hooks`] hear of failures; [`receipt`] and [`stats`] add up.
#![allow(non_camel_case_types, reason = "the names of C")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the docs of exported calls are those of the header, for readers of C"
)]
#![allow(unsafe_code, reason = "pointers come from C; each file says what its callers promise")]

pub mod batch;
pub mod batcher;
mod blob;
mod engine;
mod guard;
pub mod hooks;
mod item;
mod key;
mod keyed;
pub mod last_error;
pub mod options;
mod plain;
pub mod poll;
pub mod put;
#[cfg(unix)]
mod readiness;
pub mod receipt;
mod record;
pub mod request;
pub mod reserve;
pub mod stats;
pub mod status;
mod surface;
pub mod user_data;
pub mod version;
pub mod window;
