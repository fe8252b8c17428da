//! `cargo xtask bench`: the comparison tables, built with the bench profile; and their figures for the pages.

use crate::workspace::{passed_on, shell};
use anyhow::Result;
use xshell::{Shell, cmd};

/// Everything that can be measured.
const FEATURES: &str = "dedup,bloomfilter,c-abi";

/// Runs the tables, or with `--docs` as the first argument writes the pages' figures; the binaries read the rest.
pub(crate) fn bench(args: &[String]) -> Result<()> {
    let shell = shell()?;
    let args = passed_on(args);
    match docs_args(args) {
        Some(args) => docs(&shell, args),
        None => table(&shell, args),
    }
}

fn docs_args(args: &[String]) -> Option<&[String]> {
    args.split_first().filter(|(first, _)| *first == "--docs").map(|(_, rest)| rest)
}

fn table(shell: &Shell, args: &[String]) -> Result<()> {
    let build = ["--profile", "bench", "-p", "batchline-benches", "--features", FEATURES];
    // The first one runs the second, for the system allocator, and cargo would build only what it runs itself.
    cmd!(shell, "cargo build {build...} --bin table --bin table-system").run()?;
    cmd!(shell, "cargo run {build...} --bin table -- {args...}").run()?;
    Ok(())
}

/// Nothing is measured here, so the quicker build will do.
fn docs(shell: &Shell, args: &[String]) -> Result<()> {
    let build = ["-p", "batchline-benches", "--features", FEATURES];
    cmd!(shell, "cargo run --quiet {build...} --bin docs -- {args...}").run()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_argument_asks_for_the_pages() {
        let words = |line: &str| line.split_whitespace().map(String::from).collect::<Vec<_>>();
        assert_eq!(docs_args(&words("--docs run.json")), Some(&words("run.json")[..]));
        assert_eq!(docs_args(&words("--docs")), Some(&[][..]));
        assert_eq!(docs_args(&words("--only --docs")), None);
        assert_eq!(docs_args(&[]), None);
    }
}
