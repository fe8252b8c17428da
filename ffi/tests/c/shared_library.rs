//! The shared library: its name, and that it exports the calls of the header and nothing else.

use crate::library::{repository, scratch, shared_library};
use crate::run;
use std::collections::BTreeSet;
use std::process::Command;

/// The calls that the header declares: each name in front of a parenthesis, outside of comments.
fn declared() -> BTreeSet<String> {
    let header = std::fs::read_to_string(repository().join("include/batchline.h")).unwrap();
    let essay_end = header.find("*/").unwrap();
    let lines = header[essay_end..].lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.filter_map(|line| line.split_once('(')).filter_map(|(before, _)| called(before)).collect()
}

fn called(before: &str) -> Option<String> {
    let name = before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
    name.starts_with("bl_").then(|| name.to_string())
}

fn exported() -> BTreeSet<String> {
    let folder = scratch("exported");
    let mut nm = Command::new("nm");
    let said = run::succeed(nm.args(["-D", "--defined-only"]).arg(shared_library()), &folder);
    said.lines().filter_map(|line| line.split_whitespace().last()).map(String::from).collect()
}

#[test]
fn the_shared_library_exports_the_calls_of_the_header_and_nothing_else() {
    let exported = exported();
    assert!(exported.len() > 30, "{exported:?}");
    assert_eq!(exported, declared());
}

#[test]
fn the_shared_librarys_name_has_the_abis_major_number() {
    let folder = scratch("soname");
    let said = run::succeed(Command::new("readelf").arg("-d").arg(shared_library()), &folder);
    let soname = said.lines().find(|line| line.contains("SONAME")).expect("it has a soname");
    let major = batchline_ffi::version::BL_ABI_MAJOR;
    assert!(soname.ends_with(&format!("[libbatchline.so.{major}]")), "{soname}");
}
