//! Copies a tree into a prefix, among what is there already.

use super::layout::{Layout, symlink};
use anyhow::Result;
use std::fs;
use std::path::Path;

/// Copies every file and link; those of the same name are replaced.
pub(super) fn copy(layout: &Layout, prefix: &Path) -> Result<()> {
    copy_folder(&layout.place, prefix)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy_entry(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn copy_entry(from: &Path, to: &Path) -> Result<()> {
    if from.is_symlink() {
        return symlink(&fs::read_link(from)?.to_string_lossy(), to);
    }
    if from.is_dir() {
        return copy_folder(from, to);
    }
    // Renamed into its place: a program that runs with the old library keeps that one.
    let part = to.with_extension("part");
    fs::copy(from, &part)?;
    fs::rename(&part, to)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_folders_and_links_arrive_beside_what_was_there() {
        let shell = xshell::Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
        fs::create_dir_all(from.join("lib")).unwrap();
        fs::create_dir_all(to.join("lib")).unwrap();
        fs::write(from.join("lib/b.1"), "new").unwrap();
        symlink("b.1", &from.join("lib/b")).unwrap();
        fs::write(to.join("lib/b"), "old").unwrap();
        fs::write(to.join("lib/other"), "other").unwrap();
        copy_folder(&from, &to).unwrap();
        copy_folder(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("lib/b")).unwrap(), "new");
        assert_eq!(fs::read_to_string(to.join("lib/other")).unwrap(), "other");
        assert_eq!(fs::read_dir(to.join("lib")).unwrap().count(), 3);
    }
}
