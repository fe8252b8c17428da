//! Rule: `unsafe` stands only in the listed files, so that a reader knows where to look twice.

use super::allow::{Allowed, UNSAFE, is_allowed};
use super::complaint::Complaint;
use super::source::Source;
use super::words::find_words;

/// Checks one file.
pub(crate) fn check(source: &Source) -> Vec<Complaint> {
    check_against(UNSAFE, source)
}

fn check_against(list: &[Allowed], source: &Source) -> Vec<Complaint> {
    if is_allowed(list, &source.path) {
        return Vec::new();
    }
    let remedy = "move it into a listed file, or list this one with its reason in xtask/src/tidy/allow.rs";
    let found = find_words(&source.code, "unsafe").map(|at| source.line_of(at));
    found.map(|line| source.complain(line, "`unsafe` in a file that is not listed for it", remedy)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_strings_and_lints_do_not_count() {
        let text =
            "//! unsafe\n#![forbid(unsafe_code)]\nfn f() { g(\"unsafe\", r#\"unsafe\"#) /* unsafe */ }";
        assert_eq!(check(&Source::new("a.rs", text)), []);
    }

    #[test]
    fn a_block_in_a_file_that_is_not_listed_is_found() {
        let source = Source::new("a.rs", "//! A.\nfn f() {\n    unsafe { g() }\n}");
        assert_eq!(check(&source)[0].line, 3);
        assert_eq!(check_against(&[("a.rs", "a reason")], &source), []);
    }
}
