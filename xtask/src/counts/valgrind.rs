//! Where valgrind comes from: it is there, or apt brings it where that is allowed.

use anyhow::{Result, bail};
use std::process::Command;

/// What the search ended with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Valgrind {
    /// Its version, as in `3.19.0`.
    Found(String),
    /// Why there is none, and what to do.
    Missing(String),
}

/// Finds valgrind, or installs it as root. In CI its absence is a failure: a check that is skipped checks nothing.
pub(super) fn find_or_install() -> Result<Valgrind> {
    let found = version().or_else(|| is_root().then(install).flatten());
    conclude(found, std::env::var("CI").is_ok_and(|ci| ci == "true"))
}

fn conclude(found: Option<String>, ci: bool) -> Result<Valgrind> {
    let advice = "there is no valgrind; on Debian, as root: apt-get install valgrind";
    match found {
        Some(version) => Ok(Valgrind::Found(version)),
        None if ci => bail!("{advice}"),
        None => Ok(Valgrind::Missing(advice.into())),
    }
}

fn version() -> Option<String> {
    let output = Command::new("valgrind").arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| text.trim().trim_start_matches("valgrind-").to_owned())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn install() -> Option<String> {
    println!("there is no valgrind: asking apt for it");
    let apt = |args: &[&str]| {
        let status = Command::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(args).status();
        status.is_ok_and(|status| status.success())
    };
    let installed = apt(&["update"]) && apt(&["install", "--yes", "--no-install-recommends", "valgrind"]);
    installed.then(version).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_desk_may_go_without() {
        assert_eq!(conclude(Some("3.19.0".into()), true).unwrap(), Valgrind::Found("3.19.0".into()));
        assert!(
            matches!(conclude(None, false).unwrap(), Valgrind::Missing(why) if why.contains("apt-get install"))
        );
        assert!(conclude(None, true).unwrap_err().to_string().contains("apt-get install"));
    }
}
