//! The Python package: its environments and its wheels.

pub(crate) mod venv;
pub(crate) mod wheels;

use crate::workspace::root;
use std::path::PathBuf;

/// The folder of the package.
pub(crate) fn package() -> PathBuf {
    root().join("python")
}
