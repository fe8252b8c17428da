//! `cargo xtask bench`: the comparison table, built with the bench profile.

use crate::workspace::{passed_on, shell};
use anyhow::Result;
use xshell::cmd;

/// Runs the table; `--quick`, `--full` and everything else are for the table to read.
pub(crate) fn bench(args: &[String]) -> Result<()> {
    let shell = shell()?;
    let args = passed_on(args);
    cmd!(shell, "cargo run --profile bench -p batchline-benches --bin table -- {args...}").run()?;
    Ok(())
}
