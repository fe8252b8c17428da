//! The conformance tests of `tests/c`, under sanitizers with the static library, and plain with the shared one.
//!
//! Not under ThreadSanitizer: it does not see the atomic operations of a library that was not built for it, and takes
//! every item that a handler reads for a race.

use crate::compiler::{Standard, build, build_against};
use crate::library::{c_source, repository, scratch, shared_library};
use crate::run;
use crate::tools::{SANITIZE, has_sanitizers};
use std::path::{Path, PathBuf};
use std::process::Command;

/// `conformance.c` and the files it draws its tests from.
fn sources() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(repository().join("tests/c")).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let wanted = names.filter(|name| name.starts_with("conformance") && name.ends_with(".c"));
    let mut sources: Vec<_> = wanted.map(|name| c_source(&name)).collect();
    sources.sort();
    sources
}

/// Every test that a source lists must have run.
fn check(said: &str) {
    let cases = |source: PathBuf| std::fs::read_to_string(source).unwrap().matches("    CASE(").count();
    let listed: usize = sources().into_iter().map(cases).sum();
    assert!(listed > 80, "{listed}");
    assert!(said.contains(&format!("\n{listed} tests passed\n")), "not {listed} tests:\n{said}");
}

#[test]
fn the_conformance_tests_pass_and_are_clean_under_sanitizers() {
    if has_sanitizers("conformance under sanitizers") {
        let folder = scratch("conformance_sanitized");
        let program = build(Standard::C("c11"), &sources(), SANITIZE, &folder);
        check(&run::succeed(&mut Command::new(program), &folder));
    }
}

/// The two names that an installed library has.
fn installed(folder: &Path) {
    for name in ["libbatchline.so", "libbatchline.so.0"] {
        let _ = std::fs::remove_file(folder.join(name));
        std::os::unix::fs::symlink(shared_library(), folder.join(name)).unwrap();
    }
}

#[test]
fn the_conformance_tests_pass_with_the_shared_library() {
    let folder = scratch("conformance_shared");
    installed(&folder);
    let (place, found) = (format!("-L{}", folder.display()), format!("-Wl,-rpath,{}", folder.display()));
    let linked = ["-x", "none", &place, &found, "-lbatchline"];
    let program = build_against(Standard::C("c11"), &sources(), &[], &linked, &folder);
    check(&run::succeed(&mut Command::new(program), &folder));
}
