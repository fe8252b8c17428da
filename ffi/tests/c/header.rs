//! C70, second half: the header compiles alone, and twice in one program, as every standard.

use crate::compiler::{Standard, build};
use crate::library::{c_source, scratch};
use crate::run;
use std::process::Command;

// C23 by the name that older compilers know it by, too.
const STANDARDS: &[Standard] =
    &[Standard::C("c99"), Standard::C("c11"), Standard::C("c2x"), Standard::Cpp("c++17")];

fn check(name: &str, sources: &[&str]) {
    for standard in STANDARDS {
        let folder = scratch(name);
        let sources: Vec<_> = sources.iter().map(|source| c_source(source)).collect();
        let program = build(*standard, &sources, &[], &folder);
        run::succeed(&mut Command::new(program), &folder);
    }
}

#[test]
fn c70_the_header_compiles_alone() {
    check("header_once", &["header_once.c"]);
}

#[test]
fn c70_the_header_compiles_twice_in_one_program() {
    check("header_twice", &["header_twice_a.c", "header_twice_b.c"]);
}
