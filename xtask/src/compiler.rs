//! Which compiler, for which target: counts of different ones are not alike.

use anyhow::{Context, Result};
use std::process::Command;

/// A compiler as `rustc -vV` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Compiler {
    /// As in `1.95.0`.
    pub(crate) rustc: String,
    /// As in `x86_64-unknown-linux-gnu`.
    pub(crate) target: String,
}

impl Compiler {
    /// Asks the one that cargo uses.
    pub(crate) fn ask() -> Result<Self> {
        let output = Command::new("rustc").arg("-vV").output().context("rustc does not start")?;
        Self::parse(&String::from_utf8_lossy(&output.stdout))
            .context("`rustc -vV` names no release or no host")
    }

    fn parse(text: &str) -> Option<Self> {
        let value = |key: &str| text.lines().find_map(|line| Some(line.strip_prefix(key)?.trim().to_owned()));
        Some(Self { rustc: value("release:")?, target: value("host:")? })
    }

    /// True if the two generate the same code as far as can be told: patch releases do not change it.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.target == other.target && minor(&self.rustc) == minor(&other.rustc)
    }
}

/// `1.95` of `1.95.0`; a channel after the dash counts, since a nightly is not the release of its number.
fn minor(rustc: &str) -> (Vec<&str>, Option<&str>) {
    let (numbers, channel) =
        rustc.split_once('-').map_or((rustc, None), |(numbers, channel)| (numbers, Some(channel)));
    (numbers.split('.').take(2).collect(), channel)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiler(rustc: &str, target: &str) -> Compiler {
        Compiler { rustc: rustc.into(), target: target.into() }
    }

    #[test]
    fn release_and_host_are_read() {
        let text = "rustc 1.95.0 (59807616e 2026-04-14)\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\n\
                    LLVM version: 22\n";
        assert_eq!(Compiler::parse(text), Some(compiler("1.95.0", "x86_64-unknown-linux-gnu")));
        assert_eq!(Compiler::parse("rustc 1.95.0"), None);
    }

    #[test]
    fn only_patch_releases_are_alike() {
        let base = compiler("1.95.0", "x");
        assert!(base.is_like(&compiler("1.95.1", "x")));
        for other in [compiler("1.96.0", "x"), compiler("1.95.0", "y"), compiler("1.95.0-nightly", "x")] {
            assert!(!base.is_like(&other), "{other:?}");
        }
    }
}
