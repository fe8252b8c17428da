//! Rule: functions are short. Also the finder of functions that the statistics use.

use super::allow::{Allowed, LONG_FUNCTIONS, is_allowed};
use super::complaint::Complaint;
use super::source::Source;
use super::words::{find_words, leading_word};

/// From the line of `fn` to that of the closing brace.
pub(crate) const LINES_MAX: usize = 80;

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) lines: usize,
}

/// Checks one file.
pub(crate) fn check(source: &Source) -> Vec<Complaint> {
    check_against(LONG_FUNCTIONS, source)
}

fn check_against(list: &[Allowed], source: &Source) -> Vec<Complaint> {
    let remedy =
        "cut it where its idea changes; a measured hot loop may be listed in xtask/src/tidy/allow.rs";
    let is_listed = |function: &Function| is_allowed(list, &format!("{}#{}", source.path, function.name));
    let long = functions(source).into_iter().filter(|found| found.lines > LINES_MAX && !is_listed(found));
    long.map(|Function { name, line, lines }| {
        source.complain(line, format!("`{name}` has {lines} lines, {LINES_MAX} is the limit"), remedy)
    })
    .collect()
}

/// All functions of a Rust file, also those inside others.
pub(crate) fn functions(source: &Source) -> Vec<Function> {
    find_words(&source.code, "fn").filter_map(|at| function_at(source, at)).collect()
}

/// None for a pointer type `fn(u8)`, and for a declaration without a body.
fn function_at(source: &Source, at: usize) -> Option<Function> {
    let name = leading_word(source.code[at + 2..].trim_start().trim_start_matches('$'));
    let open = (!name.is_empty()).then(|| body_start(&source.code, at)).flatten()?;
    let line = source.line_of(at);
    let lines = source.line_of(closing_brace(&source.code, open)) + 1 - line;
    Some(Function { name: name.into(), line, lines })
}

/// The first brace outside of brackets: one inside belongs to an array length or a const argument.
fn body_start(code: &str, from: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b'{' if depth == 0 => return Some(at),
            b';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

fn closing_brace(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return at,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, usize, usize)> {
        let functions = functions(&Source::new("a.rs", text));
        functions.into_iter().map(|function| (function.name, function.line, function.lines)).collect()
    }

    #[test]
    fn braces_in_literals_and_comments_do_not_end_a_function() {
        let text = "fn a() {\n    '}'; \"}\"; // }\n    r#\"}\"#;\n}\nfn b() {}";
        assert_eq!(found(text), [("a".into(), 1, 4), ("b".into(), 5, 1)]);
    }

    #[test]
    fn what_has_no_body_is_no_function() {
        assert_eq!(found("type F = fn(u8) -> u8;\ntrait T { fn a(&self) -> [u8; 4]; }\nlet r#fn = 1;"), []);
    }

    #[test]
    fn inner_functions_and_macros_count_too() {
        let text =
            "fn a(x: [u8; { 4 }]) {\n    fn b() {\n    }\n}\nmacro_rules! m { () => { fn $name() { } } }";
        assert_eq!(found(text), [("a".into(), 1, 4), ("b".into(), 2, 2), ("name".into(), 5, 1)]);
    }

    #[test]
    fn the_limit_is_kept_and_passed() {
        let of_lines = |lines: usize| Source::new("a.rs", format!("fn f() {{{}}}", "\n".repeat(lines - 1)));
        assert_eq!(check(&of_lines(LINES_MAX)), []);
        assert_eq!(check(&of_lines(LINES_MAX + 1)).len(), 1);
        assert_eq!(check_against(&[("a.rs#f", "a hot loop")], &of_lines(LINES_MAX + 1)), []);
    }
}
