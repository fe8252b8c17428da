//! What pip installs: a wheel for this interpreter, one for all of them by the stable ABI, and the sources.

use super::package;
use super::venv::{Venv, succeed};
use anyhow::{Context, Result};
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
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    maturin(tools, &["build", "--release", "--interpreter", "python"], out)?;
    maturin(tools, &["build", "--release", "--interpreter", "python", "--features", "abi3"], out)?;
    maturin(tools, &["sdist"], out)?;
    let files = fs::read_dir(out)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let one = |what: &str, is_it: &dyn Fn(&str) -> bool| {
        let name = |path: &&PathBuf| path.file_name().is_some_and(|name| is_it(&name.to_string_lossy()));
        files.iter().find(name).cloned().with_context(|| format!("maturin made no {what}"))
    };
    Ok(Wheels {
        own: one("wheel for this interpreter", &|name| name.ends_with(".whl") && !name.contains("-abi3-"))?,
        stable: one("wheel of the stable ABI", &|name| name.contains("-abi3-"))?,
        sources: one("archive of the sources", &|name| name.ends_with(".tar.gz"))?,
    })
}

fn maturin(tools: &Venv, args: &[&str], out: &Path) -> Result<()> {
    let mut command = tools.program("maturin");
    command.args(args).arg("--manifest-path").arg(package().join("Cargo.toml")).arg("--out").arg(out);
    succeed(command)
}
