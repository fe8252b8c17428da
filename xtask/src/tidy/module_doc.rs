//! Rule: a Rust file begins by saying what it is for.

use super::complaint::Complaint;
use super::source::Source;

/// Checks one file.
pub(crate) fn check(source: &Source) -> Vec<Complaint> {
    let says_something =
        source.text.strip_prefix("//! ").is_some_and(|rest| !rest.starts_with(char::is_whitespace));
    if !source.is_rust() || says_something {
        return Vec::new();
    }
    vec![source.complain(1, "the first line is no `//!` doc", "say in one sentence what the file is for")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doc_in_the_first_line_passes() {
        assert_eq!(check(&Source::new("a.rs", "//! Lanes.\n")), []);
        assert_eq!(check(&Source::new("a.toml", "[package]")), []);
    }

    #[test]
    fn anything_else_does_not() {
        let texts = ["", "use std;\n//! Late.", "// A comment.", "//!\n", "#![allow(x)]\n//! After."];
        texts.iter().for_each(|text| assert_eq!(check(&Source::new("a.rs", *text)).len(), 1, "{text}"));
    }
}
