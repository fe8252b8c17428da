//! `cargo xtask bench`: the comparison tables, built with the bench profile.

use crate::workspace::{passed_on, shell};
use anyhow::Result;
use xshell::cmd;

/// Everything that can be measured.
const FEATURES: &str = "dedup,bloomfilter";

/// Runs the tables; `--quick`, `--full` and everything else are for the binary to read.
pub(crate) fn bench(args: &[String]) -> Result<()> {
    let shell = shell()?;
    let args = passed_on(args);
    let build = ["--profile", "bench", "-p", "batchline-benches", "--features", FEATURES];
    // The first one runs the second, for the system allocator, and cargo would build only what it runs itself.
    cmd!(shell, "cargo build {build...} --bin table --bin table-system").run()?;
    cmd!(shell, "cargo run {build...} --bin table -- {args...}").run()?;
    Ok(())
}
