//! Rule: what is not finished is not committed.

use super::complaint::Complaint;
use super::source::Source;
use super::words::find_words;

const MACROS: [&str; 2] = ["todo", "unimplemented"];
const MARKS: [&str; 2] = ["FIXME", "XXX"];

/// Checks one file: macros in Rust code, marks in comments and in other texts.
pub(crate) fn check(source: &Source) -> Vec<Complaint> {
    let calls = MACROS.iter().flat_map(|name| find_calls(source, name));
    let marks = MARKS.iter().flat_map(|mark| find_marks(source, mark));
    let remedy = "finish it, or open an issue";
    calls.chain(marks).map(|(at, wrong)| source.complain(source.line_of(at), wrong, remedy)).collect()
}

fn find_calls(source: &Source, name: &'static str) -> impl Iterator<Item = (usize, String)> {
    let is_call = move |at: &usize| source.code[at + name.len()..].starts_with('!');
    find_words(&source.code, name).filter(is_call).map(move |at| (at, format!("`{name}!`")))
}

fn find_marks(source: &Source, mark: &'static str) -> impl Iterator<Item = (usize, String)> {
    find_words(&source.comments, mark).map(move |at| (at, format!("the mark {mark}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_strings_are_free() {
        let text = "// a todo! list\nfn todo() { let x = \"FIXME\"; mktemp(XXXXXX, todo) }";
        assert_eq!(check(&Source::new("a.rs", text)), []);
        assert_eq!(check(&Source::new("a.sh", "mktemp /tmp/XXXXXX")), []);
    }

    #[test]
    fn unfinished_work_is_found() {
        let text = "fn f() {\n    todo!()\n}\n// FIXME: later\nfn g() { unimplemented!(\"x\") }";
        let mut lines: Vec<_> = check(&Source::new("a.rs", text)).iter().map(|found| found.line).collect();
        lines.sort_unstable();
        assert_eq!(lines, [2, 4, 5]);
        assert_eq!(check(&Source::new("a.sh", "# XXX: why?")).len(), 1);
    }
}
