//! Any bytes are a program of ABI calls: `ffi/tests/drive` runs it and checks what must hold.
#![no_main]

#[path = "../../tests/drive/mod.rs"]
mod drive;

libfuzzer_sys::fuzz_target!(|program: &[u8]| drive::drive(program));
