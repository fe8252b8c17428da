//! The scan: all rules over all files.

use super::complaint::Complaint;
use super::source::Source;
use super::tree::Tree;
use super::{allowed_once, changelog, file_names, functions, layout, links, machine_paths};
use super::{marks, module_doc, prints, statistics, unsafe_code};
use anyhow::Result;
use xshell::Shell;

/// Rules that look at one file at a time.
const FILE_RULES: &[fn(&Source) -> Vec<Complaint>] = &[
    layout::check,
    functions::check,
    unsafe_code::check,
    prints::check,
    marks::check,
    module_doc::check,
    machine_paths::check,
];

/// Rules that need to see all files.
const TREE_RULES: &[fn(&Tree) -> Vec<Complaint>] =
    &[file_names::check, links::check, changelog::check, allowed_once::check];

/// Prints what the rules say and returns how much that is.
pub(crate) fn run(shell: &Shell) -> Result<usize> {
    println!("\n=== tidy scan");
    let tree = Tree::read(shell)?;
    statistics::lines(&tree).iter().for_each(|line| println!("{line}"));
    let complaints = complaints(&tree);
    complaints.iter().for_each(|complaint| println!("{complaint}"));
    println!("{} files, {} complaints", tree.paths.len(), complaints.len());
    Ok(complaints.len())
}

fn complaints(tree: &Tree) -> Vec<Complaint> {
    let by_file = tree.sources.iter().flat_map(|source| FILE_RULES.iter().flat_map(|rule| rule(source)));
    let mut complaints: Vec<_> = by_file.chain(TREE_RULES.iter().flat_map(|rule| rule(tree))).collect();
    complaints.sort_unstable();
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lists of exceptions name real files, which a made-up tree does not have.
    fn lines(tree: &Tree) -> Vec<(String, usize)> {
        let found =
            complaints(tree).into_iter().filter(|complaint| !complaint.path.ends_with("tidy/allow.rs"));
        found.map(|complaint| (complaint.path, complaint.line)).collect()
    }

    #[test]
    fn a_tidy_tree_has_no_complaints() {
        let tree = Tree::of(&[("CHANGELOG.md", "## Unreleased\n"), ("core/src/a.rs", "//! A.\nfn a() {}\n")]);
        assert_eq!(lines(&tree), []);
    }

    #[test]
    fn complaints_come_in_the_order_of_reading() {
        let bad = "//! A.\nfn a() { todo!() } \n// FIXME\nfn b() { unsafe {} }\n";
        let tree = Tree::of(&[("CHANGELOG.md", "## Unreleased\n"), ("core/src/a.rs", bad)]);
        assert_eq!(lines(&tree).iter().map(|(_, line)| *line).collect::<Vec<_>>(), [2, 2, 3, 4]);
    }
}
