//! `cargo xtask dist`: the C library as a tree to install: header, libraries, pkg-config and CMake files.

mod archive;
mod build;
mod go_bundle;
mod layout;
mod prefix;
mod python;
mod request;
mod template;
mod usage;

use crate::compiler::Compiler;
use anyhow::Result;
use build::Built;
pub(crate) use layout::{ARCHIVE, Layout};
use request::Request;
use std::path::{Path, PathBuf};

/// The version of the whole workspace.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Makes the tree, copies it to the prefix if one is given, and says how to use it.
pub(crate) fn dist(args: &[String]) -> Result<()> {
    let request = Request::parse(args)?;
    let built = build::build()?;
    let out = request.out.map_or_else(|| default_out(&built), Ok)?;
    let layout = make(&built, &out)?;
    print!("{}", usage::made(&layout, &built)?);
    if request.go {
        println!("header and archive copied to {}", go_bundle::copy(&layout)?.display());
    }
    if request.python {
        println!("{}", usage::wheels(&python::wheels(&built.target_dir()?)?));
    }
    let place = match request.prefix {
        Some(prefix) => prefix::copy(&layout, &prefix).map(|()| prefix)?,
        None => out,
    };
    print!("{}", usage::how(&place));
    Ok(())
}

/// Builds and lays out, for the test of the tree; `place` is told where cargo builds.
pub(crate) fn build_and_make(place: impl FnOnce(&Path) -> PathBuf) -> Result<Layout> {
    let built = build::build()?;
    make(&built, &place(&built.target_dir()?))
}

/// Makes the tree, and copies what the Go package is linked with to its place.
pub(crate) fn bundle_for_go() -> Result<()> {
    let layout = build_and_make(|target| target.join("dist").join("for-go"))?;
    go_bundle::copy(&layout)?;
    Ok(())
}

fn make(built: &Built, out: &Path) -> Result<Layout> {
    let layout = Layout::fresh(out)?;
    layout.fill(built)?;
    Ok(layout)
}

fn default_out(built: &Built) -> Result<PathBuf> {
    let name = format!("batchline-{VERSION}-{}", Compiler::ask()?.target);
    Ok(built.target_dir()?.join("dist").join(name))
}
