//! Programs of other projects that tests need: they are there, or apt brings them where that is allowed.

use crate::program::{find, output_of};
use anyhow::{Result, bail};
use std::path::Path;
use std::process::Command;

/// A Debian package, and how one sees that it is there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) debian: &'static str,
    pub(crate) proof: Proof,
}

/// What a package brings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    Program(&'static str),
    /// A file among those that gcc links to.
    Linked(&'static str),
    /// A module of Python.
    Module(&'static str),
}

/// What the search ended with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Supply {
    Complete,
    /// What is missing, and what to do.
    Missing(String),
}

const fn program(debian: &'static str, program: &'static str) -> Package {
    Package { debian, proof: Proof::Program(program) }
}

pub(crate) const GCC: Package = program("gcc", "gcc");
pub(crate) const LIBC: Package = Package { debian: "libc6-dev", proof: Proof::Linked("libc.so") };
pub(crate) const GXX: Package = program("g++", "g++");
pub(crate) const BINUTILS: Package = program("binutils", "objcopy");
pub(crate) const PKG_CONFIG: Package = program("pkg-config", "pkg-config");
pub(crate) const CMAKE: Package = program("cmake", "cmake");
pub(crate) const MAKE: Package = program("make", "make");
pub(crate) const PYTHON: Package = program("python3", "python3");
/// Debian keeps what `python3 -m venv` needs in a package of its own.
pub(crate) const VENV: Package = Package { debian: "python3-venv", proof: Proof::Module("ensurepip") };
pub(crate) const VALGRIND: Package = program("valgrind", "valgrind");
/// On Debian the sanitizers' runtimes come with the compiler; elsewhere they may not.
pub(crate) const ASAN: Package = Package { debian: "gcc", proof: Proof::Linked("libasan.so") };
pub(crate) const UBSAN: Package = Package { debian: "gcc", proof: Proof::Linked("libubsan.so") };

impl Package {
    fn is_there(&self) -> bool {
        match self.proof {
            Proof::Program(name) => find(name).is_some(),
            Proof::Linked(file) => is_linked_to(file),
            Proof::Module(name) => output_of("python3", &["-c", &format!("import {name}")]).is_some(),
        }
    }
}

/// Asked for a file it does not have, gcc answers with the bare name.
fn is_linked_to(file: &str) -> bool {
    output_of("gcc", &[&format!("-print-file-name={file}")])
        .is_some_and(|path| Path::new(&path).is_absolute())
}

/// Installs what is missing, as root. In CI what then is missing still is a failure: a check that is skipped checks
/// nothing.
pub(crate) fn require(packages: &[Package]) -> Result<Supply> {
    if !missing(packages).is_empty() && is_root() {
        install(&missing(packages));
    }
    conclude(&missing(packages), std::env::var("CI").is_ok_and(|ci| ci == "true"))
}

fn missing(packages: &[Package]) -> Vec<&'static str> {
    let mut names: Vec<_> =
        packages.iter().filter(|package| !package.is_there()).map(|package| package.debian).collect();
    names.dedup();
    names
}

fn conclude(missing: &[&str], ci: bool) -> Result<Supply> {
    if missing.is_empty() {
        return Ok(Supply::Complete);
    }
    let names = missing.join(" ");
    let advice = format!("missing: {names}; on Debian, as root: apt-get install {names}");
    if ci {
        bail!(advice);
    }
    Ok(Supply::Missing(advice))
}

fn is_root() -> bool {
    output_of("id", &["-u"]).is_some_and(|user| user == "0")
}

/// What fails here is seen by what is missing afterwards.
fn install(names: &[&str]) {
    println!("asking apt for: {}", names.join(" "));
    let apt = |args: &[&str]| {
        let status = Command::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(args).status();
        status.is_ok_and(|status| status.success())
    };
    let updated = apt(&["update"]);
    let installed = updated && apt(&[&["install", "--yes", "--no-install-recommends"], names].concat());
    if !installed {
        eprintln!("apt could not bring: {}", names.join(" "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOWHERE: Package = program("nowhere", "xtask-surely-no-such-program");

    #[test]
    fn only_a_desk_may_go_without() {
        assert_eq!(conclude(&[], true).unwrap(), Supply::Complete);
        let Supply::Missing(advice) = conclude(&["cmake", "g++"], false).unwrap() else { panic!("complete") };
        assert!(advice.ends_with("apt-get install cmake g++"), "{advice}");
        assert!(conclude(&["cmake"], true).unwrap_err().to_string().contains("apt-get install cmake"));
    }

    #[test]
    fn what_is_there_is_not_asked_for() {
        assert_eq!(missing(&[program("dash", "sh"), NOWHERE, NOWHERE]), ["nowhere"]);
    }

    #[test]
    fn a_file_that_no_compiler_has_is_missing() {
        assert!(!Package { debian: "gcc", proof: Proof::Linked("libxtask-surely-not.so") }.is_there());
    }
}
