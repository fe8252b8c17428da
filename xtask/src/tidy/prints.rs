//! Rule: only the tools print. A library that writes to a terminal speaks in its user's voice.

use super::allow::{Allowed, PRINTS, is_allowed};
use super::complaint::Complaint;
use super::source::Source;
use super::words::find_words;

/// The macros that print.
pub(crate) const MACROS: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

const TOOLS: &[&str] = &["cli/", "xtask/", "benches/"];

/// Checks one file.
pub(crate) fn check(source: &Source) -> Vec<Complaint> {
    check_against(PRINTS, source)
}

fn check_against(list: &[Allowed], source: &Source) -> Vec<Complaint> {
    if source.is_in(TOOLS) || is_allowed(list, &source.path) {
        return Vec::new();
    }
    MACROS.iter().flat_map(|name| calls(source, name)).collect()
}

fn calls(source: &Source, name: &'static str) -> impl Iterator<Item = Complaint> {
    let is_call = move |at: &usize| source.code[at + name.len()..].starts_with('!');
    find_words(&source.code, name).filter(is_call).map(move |at| {
        let remedy = "return the fact, count it, or list the file with its reason in xtask/src/tidy/allow.rs";
        source.complain(source.line_of(at), format!("`{name}!` outside of the tools"), remedy)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_comments_and_listed_files_may_print() {
        let text = "fn f() { println!() }";
        assert_eq!(check(&Source::new("cli/src/main.rs", text)), []);
        assert_eq!(check_against(&[("core/a.rs", "a reason")], &Source::new("core/a.rs", text)), []);
        assert_eq!(check(&Source::new("core/a.rs", "/// println!()\nfn print() { print() }")), []);
    }

    #[test]
    fn a_library_may_not() {
        let found = check(&Source::new("core/a.rs", "fn f() {\n    eprintln!();\n    dbg!(1);\n}"));
        assert_eq!(found.iter().map(|complaint| complaint.line).collect::<Vec<_>>(), [2, 3]);
    }
}
