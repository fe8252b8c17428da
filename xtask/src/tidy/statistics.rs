//! The shape of the code in one line per folder: whether it stays pleasant to read shows here first.

use super::functions::functions;
use super::tree::Tree;
use std::collections::BTreeMap;

/// One line per top folder and one for all: files, functions, and how long they are.
pub(crate) fn lines(tree: &Tree) -> Vec<String> {
    let mut folders: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut all = Vec::new();
    for source in tree.rust() {
        let lengths: Vec<usize> = functions(source).iter().map(|function| function.lines).collect();
        let folder = source.path.split('/').next().unwrap_or_default();
        folders.entry(folder).or_default().extend(&lengths);
        all.extend(lengths);
    }
    let last = std::iter::once(("together", all));
    folders.into_iter().chain(last).map(|(folder, lengths)| line(folder, lengths)).collect()
}

fn line(folder: &str, mut lengths: Vec<usize>) -> String {
    lengths.sort_unstable();
    let share = |percent: usize| lengths.get(lengths.len() * percent / 100).copied().unwrap_or(0);
    format!(
        "{folder:<10} {:>5} functions; lines: median {}, nine of ten up to {}, longest {}",
        lengths.len(),
        share(50),
        share(90),
        lengths.last().unwrap_or(&0)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        let text = line("core", vec![30, 2, 5]);
        assert!(text.contains("3 functions; lines: median 5, nine of ten up to 30, longest 30"), "{text}");
    }

    #[test]
    fn a_folder_without_functions_is_no_problem() {
        assert!(line("core", vec![]).contains("median 0"));
    }

    #[test]
    fn folders_are_counted_apart_and_together() {
        let tree = Tree::of(&[("core/a.rs", "fn a() {}"), ("cli/b.rs", "fn b() {}")]);
        let counts: Vec<_> =
            lines(&tree).iter().map(|line| line.split("functions").next().unwrap().to_owned()).collect();
        assert_eq!(counts.len(), 3);
        assert!(counts[2].starts_with("together") && counts[2].contains(" 2 "), "{counts:?}");
    }
}
