//! Two Rust archives in one program: each has a standard library of its own, with the same names in it.

use super::moved::Moved;
use anyhow::Result;
use std::fs;

const OTHER: &str = r#"
#[unsafe(no_mangle)]
pub extern "C" fn other_sum(n: u64) -> u64 {
    let caught = std::panic::catch_unwind(|| (0..n).collect::<Vec<u64>>().iter().sum());
    caught.unwrap_or(0)
}
"#;

const PROGRAM: &str = "
#include <batchline.h>
uint64_t other_sum(uint64_t n);
int main(void) { return bl_batcher_new(0, 0) == BL_INVALID && other_sum(4) == 6 ? 0 : 1; }
";

/// The program links and runs.
pub(super) fn fits(moved: &Moved) -> Result<()> {
    fs::write(moved.programs.join("other.rs"), OTHER)?;
    fs::write(moved.programs.join("two.c"), PROGRAM)?;
    moved.sh("export PKG_CONFIG_PATH=\"$prefix/lib/pkgconfig\"
              rustc --edition 2024 --crate-type staticlib -o libother.a other.rs
              cc -o two two.c libother.a $(pkg-config --cflags --libs batchline-static)
              ./two")
}
