//! `dist --python`: the wheels and the sources of the Python package.

use crate::python::package;
use crate::python::venv::Venv;
use crate::python::wheels::{Wheels, build};
use anyhow::Result;
use std::path::Path;

/// Builds them beside the tree of the C library; the first time, maturin is installed into an environment.
pub(super) fn wheels(target_dir: &Path) -> Result<Wheels> {
    let tools = Venv::with(&target_dir.join("python/tools"), &package().join("requirements-test.txt"))?;
    build(&tools, &target_dir.join("dist/python"))
}
