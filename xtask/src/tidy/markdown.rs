//! Reading Markdown: where it links to, and which anchors its headings make.

use std::collections::{BTreeMap, BTreeSet};

/// All link targets, with their line: inline, by reference, and of HTML tags; none from code.
pub(crate) fn links(text: &str) -> Vec<(usize, String)> {
    let lines = prose(text).into_iter();
    lines
        .flat_map(|(number, line)| targets(&without_code(line)).into_iter().map(move |to| (number, to)))
        .collect()
}

/// The anchors of a page: of its headings as GitHub names them, and of `id` and `name` attributes.
pub(crate) fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = BTreeSet::new();
    for (_, line) in prose(text) {
        anchors.extend(attributes(line, &["id=\"", "name=\""]));
        let Some(slug) = heading(line).map(slug) else { continue };
        let times = seen.entry(slug.clone()).or_default();
        anchors.insert(if *times == 0 { slug } else { format!("{slug}-{times}") });
        *times += 1;
    }
    anchors
}

/// The lines outside of fenced code, with their numbers.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut fence: Option<&str> = None;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mark = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        match (fence, mark) {
            (None, None) => lines.push((index + 1, line)),
            (None, Some(_)) => fence = mark,
            (Some(open), Some(close)) if open == close => fence = None,
            _ => {}
        }
    }
    lines
}

/// Code in a line stands between two runs of as many backticks; a run without its twin is text.
fn without_code(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(open) = rest.find('`') {
        let ticks = rest[open..].len() - rest[open..].trim_start_matches('`').len();
        let (before, inside) = (&rest[..open], &rest[open + ticks..]);
        text.push_str(before);
        rest = code_end(inside, ticks).map_or(inside, |end| &inside[end..]);
    }
    text + rest
}

/// The end of the run that closes code opened by this many backticks.
fn code_end(inside: &str, ticks: usize) -> Option<usize> {
    let mut at = 0;
    loop {
        let start = at + inside[at..].find('`')?;
        at = start + inside[start..].len() - inside[start..].trim_start_matches('`').len();
        if at - start == ticks {
            return Some(at);
        }
    }
}

fn targets(line: &str) -> Vec<String> {
    let mut targets: Vec<String> =
        line.match_indices("](").map(|(at, _)| inline_target(&line[at + 2..])).collect();
    targets.extend(reference_target(line));
    targets.extend(attributes(line, &["href=\"", "src=\"", "srcset=\""]));
    targets
}

/// Up to the closing parenthesis, which may enclose others; a title after a space is left off.
fn inline_target(rest: &str) -> String {
    let mut depth = 1;
    let end = rest.find(|letter: char| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        depth == 0 || letter.is_whitespace()
    });
    rest[..end.unwrap_or(rest.len())].trim_matches(['<', '>']).into()
}

/// `[name]: target`; a footnote `[^1]:` is text, not a target.
fn reference_target(line: &str) -> Option<String> {
    let (name, rest) = line.trim_start().strip_prefix('[')?.split_once("]:")?;
    let target = rest.split_whitespace().next()?.trim_matches(['<', '>']);
    (!name.starts_with('^') && !name.contains(']')).then(|| target.into())
}

fn attributes(line: &str, starts: &[&str]) -> Vec<String> {
    let after =
        starts.iter().flat_map(|start| line.match_indices(start).map(|(at, _)| &line[at + start.len()..]));
    after.filter_map(|rest| rest.split_once('"').map(|(value, _)| value.into())).collect()
}

fn heading(line: &str) -> Option<&str> {
    let title = line.trim_start_matches('#');
    let level = line.len() - title.len();
    ((1..=6).contains(&level) && title.starts_with(' ')).then(|| title.trim())
}

/// GitHub's rule: lower case, no punctuation, dashes for spaces.
fn slug(title: &str) -> String {
    let kept = without_targets(title).to_lowercase();
    let kept = kept.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

/// A link in a heading counts with its text only.
fn without_targets(title: &str) -> String {
    let mut text = String::from(title);
    while let Some(at) = text.find("](") {
        let end = at + 2 + inline_target(&text[at + 2..]).len();
        text.replace_range(at..text.len().min(end + 1), "");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets_of(text: &str) -> Vec<String> {
        links(text).into_iter().map(|(_, target)| target).collect()
    }

    #[test]
    fn every_kind_of_link_is_found() {
        let text =
            "[a](b.md) ![c](d.svg \"title\") [`e`](f(g).md)\n[h]: i.md\n<img src=\"j.png\"> [k](<l.md>)";
        assert_eq!(targets_of(text), ["b.md", "d.svg", "f(g).md", "i.md", "l.md", "j.png"]);
        assert_eq!(links("\n\n[a](b)")[0].0, 3);
    }

    #[test]
    fn code_holds_no_links() {
        assert!(
            targets_of("```\n[a](b)\n```\n~~~\n```\n[a](b)\n~~~\n`[a](b)` ``[a](b)``\n[^1]: text").is_empty()
        );
    }

    #[test]
    fn a_single_backtick_hides_nothing() {
        assert_eq!(without_code("a ``b ` c`` d ` e"), "a  d  e");
        assert_eq!(targets_of("it costs 5` [a](b)"), ["b"]);
    }

    #[test]
    fn headings_make_anchors_as_on_github() {
        let text =
            "# The `put` path, in 3 steps!\n## Why\n## Why\n```\n# not one\n```\n#nor this\n### [A](b.md) c";
        let expected = ["a-c", "the-put-path-in-3-steps", "why", "why-1"];
        assert_eq!(anchors(text).into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn attributes_make_anchors_too() {
        assert!(anchors("<a id=\"here\"></a>").contains("here"));
    }
}
