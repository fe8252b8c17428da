//! What may be missing on a machine: the sanitizers' runtimes and valgrind. Then a test fails with advice, unless
//! nothing may be installed: then it is skipped, and says so loudly.

use crate::compiler::{Standard, build};
use crate::library::{c_source, scratch, static_library};
use crate::run;
use std::io::Write;
use std::process::Command;
use std::sync::OnceLock;

/// What the sanitized programs are built with.
pub(crate) const SANITIZE: &[&str] = &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/// Whether programs can be built with sanitizers here; if not, the test is over.
pub(crate) fn has_sanitizers(test: &str) -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    has(test, "AddressSanitizer and UBSan", *HAS.get_or_init(can_sanitize))
}

/// As [`has_sanitizers`], of valgrind.
pub(crate) fn has_valgrind(test: &str) -> bool {
    has(test, "valgrind", run::works(Command::new("valgrind").arg("--version")))
}

fn can_sanitize() -> bool {
    // A library that is not there is another matter, and told as such.
    static_library();
    let built = std::panic::catch_unwind(|| {
        let folder = scratch("can_sanitize");
        build(Standard::C("c11"), &[c_source("header_once.c")], SANITIZE, &folder)
    });
    built.is_ok_and(|program| run::works(&mut Command::new(program)))
}

fn has(test: &str, tool: &str, is_there: bool) -> bool {
    if !is_there {
        let may_not_install = std::env::var("BATCHLINE_NO_INSTALL").is_ok_and(|value| value == "1");
        assert!(may_not_install, "{tool} is missing: run `cargo xtask test`, which installs it");
        // Not by a macro that prints: those are held back when a test passes.
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: {test}: {tool} is missing, BATCHLINE_NO_INSTALL=1\n");
    }
    is_there
}
