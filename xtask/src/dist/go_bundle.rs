//! Copies the header and the archive to where the Go package `native` is linked with them.

use super::layout::{ARCHIVE, HEADER, Layout};
use crate::compiler::Compiler;
use crate::workspace::root;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Copies both; says where they are.
pub(super) fn copy(layout: &Layout) -> Result<PathBuf> {
    let native = root().join("go/native");
    let platform = platform(&Compiler::ask()?.target)?;
    put(&layout.place.join(HEADER), &native.join("include/batchline.h"))?;
    put(&layout.place.join(ARCHIVE), &native.join("lib").join(platform).join("libbatchline.a"))?;
    Ok(native)
}

fn put(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().context("a file has a folder above it")?)?;
    fs::copy(from, to).with_context(|| format!("{} to {}", from.display(), to.display()))?;
    Ok(())
}

/// What Go calls a target of Rust.
fn platform(target: &str) -> Result<String> {
    let arch = match target.split('-').next() {
        Some("x86_64") => "amd64",
        Some("aarch64") => "arm64",
        Some(other) => other,
        None => "",
    };
    let system = ["linux", "darwin", "freebsd"].into_iter().find(|system| target.contains(system));
    let system = system.with_context(|| format!("go/native has no place for the target {target}"))?;
    Ok(format!("{system}_{arch}"))
}

#[cfg(test)]
mod tests {
    use super::platform;

    #[test]
    fn targets_are_named_as_in_go() {
        assert_eq!(platform("x86_64-unknown-linux-gnu").unwrap(), "linux_amd64");
        assert_eq!(platform("aarch64-apple-darwin").unwrap(), "darwin_arm64");
        assert!(platform("wasm32-unknown-unknown").is_err());
    }
}
