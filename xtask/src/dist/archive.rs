//! The static library, made small: one object with nothing in it that no call reaches.
//!
//! Cargo's archive has the whole of Rust's standard library in it, each part with its debug information and its
//! intermediate code, and global names that clash with those of any other Rust archive in the same program. So the
//! linker joins what the calls reach into one object, and every name but theirs becomes local.

use crate::program::{find, output_of};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use xshell::{Shell, cmd};

/// What the work is done with; binutils has all of them.
const TOOLS: [&str; 4] = ["nm", "ld", "objcopy", "ar"];

/// How the names of all calls begin.
const CALLS: &str = "bl_*";

/// Writes `to`, the small form of the archive `from`; without the tools, a copy.
pub(super) fn reduce(from: &Path, to: &Path) -> Result<()> {
    if let Some(tool) = TOOLS.iter().find(|tool| find(tool).is_none()) {
        eprintln!(
            "!!!!!!!! no `{tool}`: lib/libbatchline.a stays as large as cargo made it; install binutils"
        );
        std::fs::copy(from, to)?;
        return Ok(());
    }
    let shell = Shell::new()?;
    let work = shell.create_temp_dir()?;
    let joined = join(&shell, from, work.path())?;
    // The intermediate code is no longer whole, and other tools stumble over it.
    let drop = ["--strip-debug", "--remove-section=.llvmbc", "--remove-section=.llvmcmd"];
    cmd!(shell, "objcopy --wildcard --keep-global-symbol={CALLS} {drop...} {joined}").quiet().run()?;
    let _ = std::fs::remove_file(to);
    cmd!(shell, "ar rcsD {to} {joined}").quiet().run()?;
    Ok(())
}

/// Everything that the calls reach, in one object. Groups are dissolved: a group that another archive has too would be
/// thrown away there, and with it what only local names lead to.
fn join(shell: &Shell, archive: &Path, work: &Path) -> Result<PathBuf> {
    let joined = work.join("batchline.o");
    let roots = calls(archive)?.into_iter().map(|call| format!("--undefined={call}"));
    let keep = ["-r", "--gc-sections", "--force-group-allocation"];
    cmd!(shell, "ld {keep...} {roots...} -o {joined} {archive}").quiet().run()?;
    Ok(joined)
}

fn calls(archive: &Path) -> Result<Vec<String>> {
    let path = archive.to_str().context("the path of the archive is no text")?;
    let names = output_of("nm", &["--defined-only", "--extern-only", "--no-sort", path]);
    let calls = calls_in(&names.context("nm cannot read cargo's archive")?);
    if calls.is_empty() {
        bail!("cargo's archive defines no call of ours");
    }
    Ok(calls)
}

/// A line of `nm` is an address, a kind and a name.
fn calls_in(listing: &str) -> Vec<String> {
    let prefix = CALLS.trim_end_matches('*');
    let names = listing.lines().filter_map(|line| line.split_whitespace().nth(2));
    names.filter(|name| name.starts_with(prefix)).map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_from_other_names() {
        let listing = "\nffi.o:\n0000000000000010 T bl_put\n0000000000000000 T __rust_alloc\n\nmem.o:\n\
                       0000000000000000 T memcpy\n0000000000000040 T bl_flush\n";
        assert_eq!(calls_in(listing), ["bl_put", "bl_flush"]);
    }
}
