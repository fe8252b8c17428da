//! `cargo xtask bench`: the comparison tables, built with the bench profile; and their figures for the pages.

use crate::python::package;
use crate::python::venv::{Venv, succeed};
use crate::python::wheels;
use crate::workspace::{passed_on, root, shell};
use anyhow::Result;
use xshell::{Shell, cmd};

/// Everything that can be measured.
const FEATURES: &str = "dedup,bloomfilter,c-abi";

/// Runs the tables; or, as the first argument says, writes the pages' figures, or measures the Python package. What is
/// run reads the rest.
pub(crate) fn bench(args: &[String]) -> Result<()> {
    let shell = shell()?;
    let args = passed_on(args);
    match args.split_first() {
        Some((first, rest)) if first == "--docs" => docs(&shell, rest),
        Some((first, rest)) if first == "--python" => python(rest),
        _ => table(&shell, args),
    }
}

/// Against the wheel, as its users have it.
fn python(args: &[String]) -> Result<()> {
    let place = root().join("target").join("python");
    let tools = Venv::with(&place.join("tools"), &package().join("requirements-test.txt"))?;
    tools.replace(&wheels::build_own(&tools, &place.join("bench"))?)?;
    for (program, args) in [("table.py", args), ("async_submit.py", &[])] {
        let mut command = tools.program("python");
        command.arg(root().join("benches/python").join(program)).args(args).current_dir(&place);
        succeed(command)?;
    }
    Ok(())
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
