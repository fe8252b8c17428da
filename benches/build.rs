//! Hands the compiler's version to the report, so that it names the compiler that built the numbers.
#![allow(clippy::print_stdout, reason = "standard output is how a build script talks to cargo")]

use std::{env, process::Command};

fn main() {
    let compiler = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = Command::new(compiler).arg("--version").output().map_or_else(
        |error| format!("unknown ({error})"),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    );
    println!("cargo::rustc-env=BENCH_RUSTC_VERSION={version}");
    println!("cargo::rerun-if-changed=build.rs");
}
