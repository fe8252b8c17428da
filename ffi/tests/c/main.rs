//! Builds and runs the C programs of `tests/c`: the header as every standard, the examples plain, under sanitizers and
//! under valgrind, the conformance tests under sanitizers and against the shared library; and looks into the latter.
#![cfg(target_os = "linux")]

mod compiler;
mod conformance;
mod examples;
mod header;
mod library;
mod run;
mod shared_library;
mod tools;
