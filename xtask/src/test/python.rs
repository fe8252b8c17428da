//! The step `python`: the wheels are built and installed as users would, then tested, with their types.

mod lines;

use super::count::Count;
use super::outcome::Outcome;
use super::tee::run_and_see;
use crate::python::package;
use crate::python::venv::{Venv, succeed};
use crate::python::wheels::{self, Wheels};
use crate::workspace::root;
use anyhow::Result;
use std::path::Path;

/// Run in an environment that has nothing but the package.
const SMOKE: &str = "\
import batchline
seen = []
with batchline.Batcher(seen.extend, linger=0.001) as batcher:
    for item in range(5000):
        batcher.put(item)
assert sorted(seen) == list(range(5000)), len(seen)
print('batchline', batchline.__version__, 'handled', len(seen), 'items')";

/// Runs everything, or says why not.
pub(crate) fn test() -> Outcome {
    let mut count = Count::default();
    match run(&mut count) {
        Ok(success) => Outcome::judge(success, count, false),
        Err(error) => Outcome::Failed(count, format!("{error:#}")),
    }
}

fn run(count: &mut Count) -> Result<bool> {
    let place = root().join("target").join("python");
    let tools = Venv::with(&place.join("tools"), &package().join("requirements-test.txt"))?;
    let built = wheels::build(&tools, &place.join("wheels"))?;
    install_each(&built, &place)?;
    for wheel in [&built.stable, &built.own] {
        tools.replace(wheel)?;
        if !pytest(&tools, &place, count)? {
            return Ok(false);
        }
    }
    check_stubs(&tools, &place)?;
    Ok(true)
}

/// Installs each of the three into an environment of its own, and uses it.
fn install_each(built: &Wheels, place: &Path) -> Result<()> {
    for file in [&built.own, &built.stable, &built.sources] {
        let fresh = Venv::fresh(&place.join("fresh"))?;
        fresh.install(&[file])?;
        let mut command = fresh.program("python");
        command.args(["-W", "error", "-c", SMOKE]).current_dir(place);
        succeed(command)?;
    }
    Ok(())
}

/// All tests of the installed package: the working directory is none that has its sources.
fn pytest(tools: &Venv, place: &Path, count: &mut Count) -> Result<bool> {
    let mut command = tools.program("python");
    // A bench's rival brings a plugin for asyncio, which the tests do not use, and which warns.
    command.args(["-m", "pytest", "--quiet", "-p", "no:asyncio", "-p", "no:cacheprovider", "--config-file"]);
    command.arg(package().join("pyproject.toml")).arg(package().join("tests")).current_dir(place);
    println!("$ pytest {}", package().join("tests").display());
    run_and_see(command, |line| lines::see(line, count))
}

/// The stubs say what the module has.
fn check_stubs(tools: &Venv, place: &Path) -> Result<()> {
    let mut stubtest = tools.program("stubtest");
    let allowed = package().join("stubtest-allowlist.txt");
    stubtest.args(["batchline._core", "--allowlist"]).arg(allowed).current_dir(place);
    succeed(stubtest)
}
