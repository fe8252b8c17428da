//! Rule: an exception that excepts nothing is removed, so that the lists stay a description of the code.

use super::allow::{Allowed, LONG_FUNCTIONS, PRINTS, UNSAFE};
use super::complaint::Complaint;
use super::functions::{LINES_MAX, functions};
use super::prints::MACROS;
use super::source::Source;
use super::tree::Tree;
use super::words::find_words;

/// Checks all lists.
pub(crate) fn check(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = unused(UNSAFE, tree, |source| uses(source, &["unsafe"]));
    complaints.extend(unused(PRINTS, tree, |source| uses(source, MACROS)));
    let long: Vec<String> = tree.rust().flat_map(long_functions).collect();
    complaints.extend(dead(LONG_FUNCTIONS, |name| long.iter().any(|found| found == name)));
    complaints
}

fn uses(source: &Source, words: &[&str]) -> bool {
    words.iter().any(|word| find_words(&source.code, word).next().is_some())
}

fn long_functions(source: &Source) -> impl Iterator<Item = String> {
    let long = functions(source).into_iter().filter(|function| function.lines > LINES_MAX);
    long.map(|function| format!("{}#{}", source.path, function.name))
}

fn unused(list: &[Allowed], tree: &Tree, needs: impl Fn(&Source) -> bool) -> Vec<Complaint> {
    dead(list, |path| tree.source(path).is_some_and(&needs))
}

fn dead(list: &[Allowed], is_alive: impl Fn(&str) -> bool) -> Vec<Complaint> {
    let dead = list.iter().filter(|(name, _)| !is_alive(name));
    dead.map(|(name, _)| Complaint {
        path: "xtask/src/tidy/allow.rs".into(),
        line: 1,
        wrong: format!("`{name}` is an exception, but nothing there needs it"),
        remedy: "remove the entry",
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_lives_while_its_file_needs_it() {
        let tree = Tree::of(&[("a.rs", "unsafe {}"), ("b.rs", "// unsafe")]);
        let check = |path| unused(&[(path, "a reason")], &tree, |source| uses(source, &["unsafe"])).len();
        assert_eq!(["a.rs", "b.rs", "gone.rs"].map(check), [0, 1, 1]);
    }

    #[test]
    fn a_long_function_is_known_by_path_and_name() {
        let text = format!("fn long() {{{}}}\nfn short() {{}}", "\n".repeat(LINES_MAX));
        assert_eq!(long_functions(&Source::new("a.rs", text)).collect::<Vec<_>>(), ["a.rs#long"]);
    }
}
