//! The step `python`: the wheels are built and installed as users would, then tested, with their types.

mod lines;

use super::count::Count;
use super::outcome::Outcome;
use super::tee::run_and_see;
use crate::python::package;
use crate::python::venv::{Venv, succeed};
use crate::python::wheels::{self, Wheels};
use crate::workspace::root;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

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
    check_types(&tools, &place)?;
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
    command.args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider", "--config-file"]);
    command.arg(package().join("pyproject.toml")).arg(package().join("tests")).current_dir(place);
    println!("$ pytest {}", package().join("tests").display());
    run_and_see(command, |line| lines::see(line, count))
}

/// The stubs beside the module, and the types of the package, its samples and its examples.
fn check_types(tools: &Venv, place: &Path) -> Result<()> {
    let sources = ["tests", "examples"].map(|folder| package().join(folder));
    let typed: Vec<PathBuf> =
        sources.iter().map(|folder| typed_files(folder)).collect::<Result<Vec<_>>>()?.concat();
    let mut stubtest = tools.program("stubtest");
    stubtest.args(["batchline", "--ignore-missing-stub"]).current_dir(place);
    succeed(stubtest)?;
    let mut mypy = tools.program("mypy");
    mypy.args(["--strict", "--no-error-summary", "--config-file"]).arg(package().join("pyproject.toml"));
    mypy.arg("--package=batchline").current_dir(place);
    succeed(mypy)?;
    let mut mypy = tools.program("mypy");
    mypy.args(["--strict", "--config-file"])
        .arg(package().join("pyproject.toml"))
        .args(&typed)
        .current_dir(place);
    succeed(mypy)?;
    let mut pyright = tools.program("pyright");
    pyright.arg("--project").arg(package().join("pyproject.toml")).current_dir(package());
    succeed(pyright)
}

/// Files whose types are part of what is promised: the examples, and the samples named `typing_*.py`.
fn typed_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let is_examples = folder.ends_with("examples");
    let entries = std::fs::read_dir(folder).with_context(|| format!("{} is not there", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.ends_with(".py") && (is_examples || name.starts_with("typing_")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
