//! The tree at its new place, and commands that see it there.

use crate::dist::Layout;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What the checks look at.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) layout: Layout,
    /// Where programs are written and compiled.
    pub(super) programs: PathBuf,
}

impl Moved {
    /// The path of a file of the tree.
    pub(super) fn path(&self, name: &str) -> String {
        self.layout.place.join(name).to_string_lossy().into_owned()
    }

    /// Runs a script in the folder of the programs, with `$prefix` for the tree. Its output is shown if it fails.
    pub(super) fn sh(&self, script: &str) -> Result<()> {
        let mut command = Command::new("sh");
        command.args(["-euc", script]).current_dir(&self.programs).env("prefix", &self.layout.place);
        for name in ["PKG_CONFIG_PATH", "LD_LIBRARY_PATH", "CMAKE_PREFIX_PATH", "CPATH", "LIBRARY_PATH"] {
            command.env_remove(name);
        }
        let output = command.stdin(Stdio::null()).output().context("sh does not start")?;
        if !output.status.success() {
            eprintln!("{script}");
            eprint!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            bail!("a command fails ({}); see above", output.status);
        }
        Ok(())
    }
}
