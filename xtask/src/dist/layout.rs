//! The tree: which file is where. No file in it says where the tree is, so it may be moved as a whole.

use super::build::Built;
use super::template::filled;
use super::{VERSION, archive};
use crate::program::find;
use crate::workspace::root;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use xshell::{Shell, cmd};

pub(crate) const HEADER: &str = "include/batchline.h";
pub(crate) const ARCHIVE: &str = "lib/libbatchline.a";
const DOC: &str = "share/doc/batchline";

/// Where each template of ffi/dist goes.
const TEMPLATES: [(&str, &str); 4] = [
    ("batchline.pc.in", "lib/pkgconfig/batchline.pc"),
    ("batchline-static.pc.in", "lib/pkgconfig/batchline-static.pc"),
    ("batchline-config.cmake.in", "lib/cmake/batchline/batchline-config.cmake"),
    ("batchline-config-version.cmake.in", "lib/cmake/batchline/batchline-config-version.cmake"),
];

/// Papers that travel with the libraries.
const PAPERS: [&str; 3] = ["README.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// A tree.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) place: PathBuf,
    abi_major: String,
}

impl Layout {
    /// An empty tree. What is there already is removed only if all of it is from such a tree.
    pub(super) fn fresh(place: &Path) -> Result<Layout> {
        if let Some(other) = place.exists().then(|| foreign(place, Path::new(""))).transpose()?.flatten() {
            bail!("{} has `{}` in it; to install there, use --prefix", place.display(), other.display());
        }
        if place.exists() {
            fs::remove_dir_all(place)?;
        }
        let header = fs::read_to_string(root().join(HEADER)).context("cargo xtask header makes it")?;
        Ok(Layout { place: place.to_owned(), abi_major: abi_major(&header)? })
    }

    /// Puts everything in its place.
    pub(super) fn fill(&self, built: &Built) -> Result<()> {
        self.copy(&root().join(HEADER), HEADER)?;
        self.shared(&built.shared)?;
        archive::reduce(&built.archive, &self.make_room(ARCHIVE)?)?;
        for (template, to) in TEMPLATES {
            self.write(template, to, &built.native_libs)?;
        }
        PAPERS.iter().try_for_each(|name| self.copy(&root().join(name), &format!("{DOC}/{name}")))
    }

    /// The soname: the name by which programs that were linked to the library ask for it.
    pub(crate) fn soname(&self) -> String {
        format!("libbatchline.so.{}", self.abi_major)
    }

    /// The library itself, named by its soname and its version.
    pub(crate) fn shared_path(&self) -> String {
        format!("lib/{}.{VERSION}", self.soname())
    }

    /// Links, with what they lead to in their own folder: the one for the loader, the one for the linker.
    pub(super) fn links(&self) -> [(String, String); 2] {
        let file = format!("{}.{VERSION}", self.soname());
        [(format!("lib/{}", self.soname()), file), ("lib/libbatchline.so".into(), self.soname())]
    }

    /// The same tree elsewhere.
    pub(crate) fn moved_to(self, place: &Path) -> Result<Layout> {
        fs::create_dir_all(place.parent().context("a place has a folder above it")?)?;
        fs::rename(&self.place, place)?;
        Ok(Layout { place: place.to_owned(), ..self })
    }

    fn shared(&self, from: &Path) -> Result<()> {
        self.copy(from, &self.shared_path())?;
        let library = self.place.join(self.shared_path());
        if find("strip").is_some() {
            let shell = Shell::new()?;
            cmd!(shell, "strip --strip-debug {library}").quiet().run()?;
        }
        self.links().iter().try_for_each(|(link, to)| symlink(to, &self.place.join(link)))
    }

    fn write(&self, template: &str, to: &str, native_libs: &[String]) -> Result<()> {
        let text = fs::read_to_string(root().join("ffi/dist").join(template))?;
        let (major, rest) = VERSION.split_once('.').context("a version has three numbers")?;
        let minor = rest.split('.').next().unwrap_or_default();
        let names: Vec<&str> = native_libs.iter().map(|flag| flag.trim_start_matches("-l")).collect();
        let values = [
            ("VERSION", VERSION),
            ("MAJOR", major),
            ("MINOR", minor),
            ("SONAME", &self.soname()),
            ("NATIVE_FLAGS", &native_libs.join(" ")),
            ("NATIVE_NAMES", &names.join(";")),
        ];
        fs::write(self.make_room(to)?, filled(&text, &values)?)?;
        Ok(())
    }

    fn copy(&self, from: &Path, to: &str) -> Result<()> {
        fs::copy(from, self.make_room(to)?).with_context(|| from.display().to_string())?;
        Ok(())
    }

    fn make_room(&self, to: &str) -> Result<PathBuf> {
        let path = self.place.join(to);
        fs::create_dir_all(path.parent().context("a file has a folder")?)?;
        Ok(path)
    }
}

/// The first file that no tree of ours has: each of ours has our name in its path.
fn foreign(place: &Path, below: &Path) -> Result<Option<PathBuf>> {
    for entry in fs::read_dir(place.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            if let Some(other) = foreign(place, &path)? {
                return Ok(Some(other));
            }
        } else if !path.to_string_lossy().contains("batchline") {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Replaces what has the link's name.
pub(super) fn symlink(to: &str, link: &Path) -> Result<()> {
    let _ = fs::remove_file(link);
    std::os::unix::fs::symlink(to, link)?;
    Ok(())
}

/// The header says it in a line of its own.
fn abi_major(header: &str) -> Result<String> {
    let value = header.lines().find_map(|line| line.strip_prefix("#define BL_ABI_MAJOR "));
    Ok(value.context("the header has no BL_ABI_MAJOR")?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_the_major_number_of_the_abi() {
        let layout =
            Layout { place: "/t".into(), abi_major: abi_major("\n#define BL_ABI_MAJOR 7\n").unwrap() };
        assert_eq!(layout.soname(), "libbatchline.so.7");
        assert_eq!(layout.shared_path(), format!("lib/libbatchline.so.7.{VERSION}"));
        assert_eq!(layout.links()[1], ("lib/libbatchline.so".into(), "libbatchline.so.7".into()));
        assert!(abi_major("#define BL_ABI_MINOR 7").is_err());
    }

    #[test]
    fn a_folder_with_other_things_in_it_is_left_alone() {
        let shell = Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        let place = folder.path().join("tree");
        fs::create_dir_all(place.join("lib/pkgconfig")).unwrap();
        fs::write(place.join("lib/pkgconfig/batchline.pc"), "").unwrap();
        fs::write(place.join("lib/libother.a"), "").unwrap();
        assert!(Layout::fresh(&place).unwrap_err().to_string().contains("`lib/libother.a`"));
        fs::remove_file(place.join("lib/libother.a")).unwrap();
        Layout::fresh(&place).unwrap();
        assert!(!place.exists() && folder.path().exists());
    }
}
