//! Rule: a relative link in Markdown leads to a file of the repository, and its anchor to a heading there.

use super::complaint::Complaint;
use super::markdown::{anchors, links};
use super::source::Source;
use super::tree::Tree;

/// Checks all pages.
pub(crate) fn check(tree: &Tree) -> Vec<Complaint> {
    let pages = tree.sources.iter().filter(|source| source.is_markdown());
    pages.flat_map(|page| check_page(tree, page)).collect()
}

fn check_page(tree: &Tree, page: &Source) -> Vec<Complaint> {
    let relative = links(&page.text).into_iter().filter(|(_, target)| is_relative(target));
    relative.filter_map(|(line, target)| check_link(tree, page, line, &target)).collect()
}

fn is_relative(target: &str) -> bool {
    let has_scheme = target.contains("://") || target.starts_with("mailto:") || target.starts_with("data:");
    !target.is_empty() && !has_scheme
}

fn check_link(tree: &Tree, page: &Source, line: usize, target: &str) -> Option<Complaint> {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if path.is_empty() { Some(page.path.clone()) } else { resolve(&page.path, path) };
    let Some(path) = path.filter(|path| tree.has(path)) else {
        let remedy = "mend the link, or add the file";
        return Some(page.complain(line, format!("`{target}` leads to no file of the repository"), remedy));
    };
    let missing = !anchor.is_empty() && !has_anchor(tree, &path, anchor);
    missing.then(|| {
        page.complain(line, format!("`{path}` has no anchor `#{anchor}`"), "link to a heading that exists")
    })
}

/// Anchors of other files, such as `lib.rs#L10`, are the viewer's own.
fn has_anchor(tree: &Tree, path: &str, anchor: &str) -> bool {
    let page = tree.source(path).filter(|source| source.is_markdown());
    page.is_none_or(|page| anchors(&page.text).contains(anchor))
}

/// The target as a path from the root of the repository; None if it leads out of it.
fn resolve(page: &str, target: &str) -> Option<String> {
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    let target = target.replace("%20", " ");
    let from_root = if target.starts_with('/') { target } else { format!("{folder}/{target}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in from_root.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(readme: &str) -> Vec<String> {
        let guide =
            ("docs/guide/start.md", "# First steps\n[up](../../README.md#hello) [self](#first-steps)");
        let tree = Tree::of(&[("README.md", readme), guide, ("core/src/lib.rs", "//! x"), ("a b.txt", "")]);
        check(&tree).into_iter().map(|complaint| complaint.wrong).collect()
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        let good = "# Hello\n[a](docs/guide/start.md#first-steps) [b](docs/) [c](./core/src/lib.rs#L1) [d](a%20b.txt)";
        assert!(complaints(good).is_empty(), "{:?}", complaints(good));
        assert!(
            complaints("# Hello\n[a](https://a.org/x) [b](mailto:a@b.org) [c](/docs/guide/start.md)")
                .is_empty()
        );
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let bad =
            "# Hello\n[a](docs/none.md) [b](../outside.md) [c](#no-such) [d](docs/guide/start.md#second)";
        assert_eq!(complaints(bad).len(), 4, "{:?}", complaints(bad));
    }

    #[test]
    fn a_renamed_heading_breaks_the_links_to_it() {
        assert_eq!(complaints("# Good day"), ["`README.md` has no anchor `#hello`"]);
    }
}
