//! Rule: a file is named after its idea. Names that fit everything collect everything.

use super::complaint::Complaint;
use super::tree::Tree;

const EMPTY_NAMES: [&str; 9] =
    ["util", "utils", "helper", "helpers", "common", "manager", "managers", "misc", "stuff"];

/// Checks all names, of folders too.
pub(crate) fn check(tree: &Tree) -> Vec<Complaint> {
    tree.paths.iter().filter_map(|path| empty_name(path)).collect()
}

fn empty_name(path: &str) -> Option<Complaint> {
    let stem = |part: &'_ str| part.split('.').next().unwrap_or_default().to_lowercase();
    let name = path.split('/').map(stem).find(|stem| EMPTY_NAMES.contains(&stem.as_str()))?;
    Some(Complaint {
        path: path.into(),
        line: 1,
        wrong: format!("`{name}` says nothing about what is inside"),
        remedy: "name it after the one idea it holds",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ideas_pass() {
        let tree =
            Tree::of(&[("core/src/slab.rs", ""), ("docs/common_questions.md", ""), (".gitignore", "")]);
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn empty_names_are_found_in_files_and_folders() {
        let files = [("core/src/utils.rs", ""), ("tests/common/mod.rs", ""), ("cli/Manager.rs", "")];
        assert_eq!(check(&Tree::of(&files)).len(), 3);
    }
}
