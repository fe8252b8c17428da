//! What `dist` prints: what it made, how large, and the lines to use it.

use super::build::Built;
use super::layout::Layout;
use crate::python::wheels::Wheels;
use anyhow::Result;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Every file with its size in KB, and every link; and how large the libraries were before.
pub(super) fn made(layout: &Layout, built: &Built) -> Result<String> {
    let mut text = format!("\n{}\n", layout.place.display());
    list(&layout.place, &layout.place, &mut text)?;
    let [shared, archive] = [kilobytes(&built.shared)?, kilobytes(&built.archive)?];
    writeln!(text, "(as cargo made them: the shared library {shared} KB, the static one {archive} KB)")?;
    Ok(text)
}

fn kilobytes(file: &Path) -> Result<u64> {
    Ok(file.metadata()?.len().div_ceil(1000))
}

fn list(base: &Path, folder: &Path, text: &mut String) -> Result<()> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        let name = path.strip_prefix(base)?.display();
        if path.is_symlink() {
            writeln!(text, "  {:>8}  {name} -> {}", "", fs::read_link(&path)?.display())?;
        } else if path.is_dir() {
            list(base, &path, text)?;
        } else {
            writeln!(text, "  {:>5} KB  {name}", kilobytes(&path)?)?;
        }
    }
    Ok(())
}

/// What pip can install.
pub(super) fn wheels(wheels: &Wheels) -> String {
    let Wheels { own, stable, sources } = wheels;
    let line = |file: &Path, what| format!("  python3 -m pip install {}   # {what}\n", file.display());
    let own = line(own, "this version of Python: the fastest");
    let stable = line(stable, "any version from 3.10 on");
    format!("\n{own}{stable}{}", line(sources, "from the sources, with Rust"))
}

/// The three ways to link, for the tree at this place.
pub(super) fn how(place: &Path) -> String {
    let place = place.display();
    format!(
        "\nto use it (docs/guide/c.md has more):\n\
         \x20 export PKG_CONFIG_PATH={place}/lib/pkgconfig\n\
         \x20 cc prog.c $(pkg-config --cflags --libs batchline) -Wl,-rpath,{place}/lib   # the shared library\n\
         \x20 cc prog.c $(pkg-config --cflags --libs batchline-static)   # the static one: nothing to install\n\
         with CMake: -DCMAKE_PREFIX_PATH={place}, find_package(batchline), batchline::shared or batchline::static\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_name_the_place() {
        assert!(how(Path::new("/opt/b")).contains("PKG_CONFIG_PATH=/opt/b/lib/pkgconfig\n"));
    }

    #[test]
    fn files_are_listed_with_their_sizes() {
        let shell = xshell::Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        fs::create_dir(folder.path().join("lib")).unwrap();
        fs::write(folder.path().join("lib/a"), [0; 1001]).unwrap();
        let mut text = String::new();
        list(folder.path(), folder.path(), &mut text).unwrap();
        assert_eq!(text, "      2 KB  lib/a\n");
    }
}
