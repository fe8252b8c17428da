//! Rule: the change log has a place for the next change.

use super::complaint::Complaint;
use super::tree::Tree;

const PATH: &str = "CHANGELOG.md";

/// Checks the change log.
pub(crate) fn check(tree: &Tree) -> Vec<Complaint> {
    let text = tree.source(PATH).map(|source| source.text.as_str());
    if text.is_some_and(|text| text.lines().any(is_heading_of_release)) {
        return Vec::new();
    }
    let wrong = if text.is_some() { "no heading of a version" } else { "there is no change log" };
    let remedy = "write a `## Unreleased` heading and the change under it";
    vec![Complaint { path: PATH.into(), line: 1, wrong: wrong.into(), remedy }]
}

/// `## Unreleased`, `## [Unreleased]`, `## 0.1.0 (2026-01-31)`, `## [v0.1.0]`.
fn is_heading_of_release(line: &str) -> bool {
    let Some(title) = line.strip_prefix("## ") else { return false };
    let name = title.trim().trim_start_matches(['[', 'v']);
    name.to_lowercase().starts_with("unreleased") || name.starts_with(|letter: char| letter.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_unreleased_pass() {
        for heading in ["## Unreleased", "## [Unreleased]", "## 0.1.0 (2026-01-31)", "## [v0.1.0]"] {
            assert_eq!(check(&Tree::of(&[(PATH, heading)])), [], "{heading}");
        }
    }

    #[test]
    fn a_log_without_one_is_found() {
        assert_eq!(check(&Tree::of(&[(PATH, "# Changes\n## Added")])).len(), 1);
        assert_eq!(check(&Tree::default()).len(), 1);
    }
}
