//! What pip installs: a wheel for this interpreter, one for all of them by the stable ABI, and the sources.

use super::package;
use super::venv::{Venv, succeed};
use anyhow::{Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// The three files.
#[derive(Debug)]
pub(crate) struct Wheels {
    /// For this version of CPython alone: the fastest.
    pub(crate) own: PathBuf,
    /// For every CPython from 3.10 on.
    pub(crate) stable: PathBuf,
    pub(crate) sources: PathBuf,
}

/// Builds all three into `out`, which is emptied first; `tools` has maturin.
pub(crate) fn build(tools: &Venv, out: &Path) -> Result<Wheels> {
    let own = build_own(tools, out)?;
    maturin(tools, &["build", "--release", "--interpreter", "python", "--features", "abi3"], out)?;
    maturin(tools, &["sdist"], out)?;
    let stable = one(out, "wheel of the stable ABI", |name| name.contains("-abi3-"))?;
    let sources = one(out, "archive of the sources", |name| name.ends_with(".tar.gz"))?;
    Ok(Wheels { own, stable, sources })
}

/// Builds the wheel for this interpreter alone into `out`, which is emptied first.
pub(crate) fn build_own(tools: &Venv, out: &Path) -> Result<PathBuf> {
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    maturin(tools, &["build", "--release", "--interpreter", "python"], out)?;
    one(out, "wheel for this interpreter", |name| name.ends_with(".whl"))
}

/// The one file with such a name.
fn one(out: &Path, what: &str, is_it: impl Fn(&str) -> bool) -> Result<PathBuf> {
    for entry in fs::read_dir(out)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| is_it(&name.to_string_lossy())) {
            return Ok(path);
        }
    }
    bail!("maturin made no {what}")
}

fn maturin(tools: &Venv, args: &[&str], out: &Path) -> Result<()> {
    let mut command = tools.program("maturin");
    command.args(args).arg("--manifest-path").arg(package().join("Cargo.toml")).arg("--out").arg(out);
    succeed(command)
}
