//! The C and C++ compilers, as strict as they can be.

use crate::library::{SYSTEM_LIBRARIES, static_library};
use crate::run;
use std::path::{Path, PathBuf};
use std::process::Command;

const STRICT: &[&str] = &["-Wall", "-Wextra", "-Werror", "-pedantic"];

/// The language of a source, as compilers spell it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Standard {
    C(&'static str),
    Cpp(&'static str),
}

impl Standard {
    fn command(self) -> Command {
        let (variable, program, language, standard) = match self {
            Self::C(standard) => ("CC", "cc", "c", standard),
            Self::Cpp(standard) => ("CXX", "c++", "c++", standard),
        };
        let mut command = Command::new(std::env::var(variable).unwrap_or_else(|_| program.into()));
        command.args([&format!("-std={standard}"), "-x", language]).args(STRICT);
        command
    }
}

/// Compiles and links a program in `folder` with the static library; returns where it is.
pub(crate) fn build(standard: Standard, sources: &[PathBuf], extra: &[&str], folder: &Path) -> PathBuf {
    let library = static_library();
    build_against(standard, sources, extra, &["-x", "none", library.to_str().unwrap()], folder)
}

/// As [`build`], with other arguments for the linker than those that name the static library.
pub(crate) fn build_against(
    standard: Standard,
    sources: &[PathBuf],
    extra: &[&str],
    linked: &[&str],
    folder: &Path,
) -> PathBuf {
    let program = folder.join("program");
    let mut command = standard.command();
    command.args(["-O1", "-g", "-D_GNU_SOURCE"]).args(extra).args(sources);
    command.args(linked).args(SYSTEM_LIBRARIES).arg("-o").arg(&program);
    run::succeed(&mut command, folder);
    program
}
