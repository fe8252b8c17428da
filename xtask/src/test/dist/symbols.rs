//! Which names the libraries show, and by which name the shared one is asked for.

use super::moved::Moved;
use crate::dist::ARCHIVE;
use crate::program::output_of;
use anyhow::{Context, Result, bail};

/// The shared library exports calls and nothing else.
pub(super) fn exported(moved: &Moved) -> Result<()> {
    only_calls(&["--dynamic", "--defined-only", &moved.path(&moved.layout.shared_path())])
}

/// The static library has no global name that could clash with another's.
pub(super) fn global(moved: &Moved) -> Result<()> {
    only_calls(&["--extern-only", "--defined-only", &moved.path(ARCHIVE)])
}

/// Programs that were linked to one version of the ABI do not start with another.
pub(super) fn soname(moved: &Moved) -> Result<()> {
    let library = moved.path("lib/libbatchline.so");
    let text = output_of("readelf", &["--dynamic", &library]).context("readelf cannot read the library")?;
    let expected = format!("Library soname: [{}]", moved.layout.soname());
    if !text.contains(&expected) {
        bail!("no `{expected}` in:\n{text}");
    }
    Ok(())
}

fn only_calls(args: &[&str]) -> Result<()> {
    let listing = output_of("nm", args).context("nm cannot read the library")?;
    let (calls, others): (Vec<_>, Vec<_>) = names(&listing).partition(|name| name.starts_with("bl_"));
    if !others.is_empty() {
        bail!("{} names that are no calls: {}", others.len(), others.join(" "));
    }
    if !calls.contains(&"bl_put") {
        bail!("no `bl_put` among {} names", calls.len());
    }
    Ok(())
}

/// A line of `nm` is an address, a kind and a name; others name a file.
fn names(listing: &str) -> impl Iterator<Item = &str> {
    listing.lines().filter_map(|line| line.split_whitespace().nth(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_every_member() {
        let listing = "batchline.o:\n0000000000000010 T bl_put\n\n0000000000000000 D other";
        assert_eq!(names(listing).collect::<Vec<_>>(), ["bl_put", "other"]);
    }
}
