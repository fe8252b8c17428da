//! Virtual environments of Python: what pip installs goes there, and nothing of the system is touched.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The interpreter that environments are made with.
const PYTHON: &str = "python3";

/// A virtual environment.
#[derive(Debug)]
pub(crate) struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// An empty one, in place of what was there.
    pub(crate) fn fresh(folder: &Path) -> Result<Venv> {
        let mut command = Command::new(PYTHON);
        command.args(["-m", "venv", "--clear"]).arg(folder);
        succeed(command)?;
        Ok(Venv { folder: folder.to_owned() })
    }

    /// One with these requirements: made once, and again when they or the interpreter have changed.
    pub(crate) fn with(folder: &Path, requirements: &Path) -> Result<Venv> {
        let wanted = stamp(requirements)?;
        let note = folder.join("installed.txt");
        if fs::read_to_string(&note).is_ok_and(|installed| installed == wanted) {
            return Ok(Venv { folder: folder.to_owned() });
        }
        let venv = Venv::fresh(folder)?;
        venv.install(&[Path::new("--requirement"), requirements])?;
        fs::write(note, wanted)?;
        Ok(venv)
    }

    /// Has pip install these, quietly. What cargo must build for it comes from the lock file and the crates that are
    /// on the machine: the wheels were built before.
    pub(crate) fn install(&self, what: &[&Path]) -> Result<()> {
        let mut command = self.program("python");
        command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(what);
        command.env("CARGO_NET_OFFLINE", "true");
        succeed(command)
    }

    /// Puts this wheel in place of the one that may be there.
    pub(crate) fn replace(&self, wheel: &Path) -> Result<()> {
        self.install(&[Path::new("--force-reinstall"), Path::new("--no-deps"), wheel])
    }

    /// A program of the environment, which finds the others of it.
    pub(crate) fn program(&self, name: &str) -> Command {
        let programs = self.folder.join("bin");
        let mut command = Command::new(programs.join(name));
        command.env("VIRTUAL_ENV", &self.folder).env_remove("PYTHONHOME");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(programs).chain(std::env::split_paths(&path)));
        command.envs(path.ok().map(|path| ("PATH", path)));
        command
    }
}

/// What an environment was made from.
fn stamp(requirements: &Path) -> Result<String> {
    let read = fs::read_to_string(requirements);
    let text = read.with_context(|| format!("{} cannot be read", requirements.display()))?;
    let version = crate::program::output_of(PYTHON, &["-VV"]).context("python3 does not start")?;
    Ok(format!("{version}\n{text}"))
}

/// Shows the command, runs it, and fails as it does.
pub(crate) fn succeed(mut command: Command) -> Result<()> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line = words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ");
    println!("$ {line}");
    if !command.status().with_context(|| format!("`{line}` does not start"))?.success() {
        bail!("`{line}` failed; see above");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_the_environment_is_found_before_others() {
        let venv = Venv { folder: PathBuf::from("/nowhere/venv") };
        let command = venv.program("pytest");
        assert_eq!(command.get_program(), "/nowhere/venv/bin/pytest");
        let path = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value);
        assert!(path.unwrap().to_string_lossy().starts_with("/nowhere/venv/bin"));
    }

    #[test]
    fn a_command_that_fails_is_named() {
        assert!(succeed(Command::new("false")).unwrap_err().to_string().contains("`false` failed"));
        assert!(succeed(Command::new("true")).is_ok());
    }
}
