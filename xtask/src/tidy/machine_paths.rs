//! Rule: no absolute path of somebody's machine. It is wrong on every other one.

use super::complaint::Complaint;
use super::source::Source;

/// Top folders, written without slashes so that this file passes its own rule.
const FOLDERS: [&str; 3] = ["work", "root", "home"];

/// Checks one file, whatever its language.
pub(crate) fn check(source: &Source) -> Vec<Complaint> {
    FOLDERS.iter().flat_map(|folder| paths_below(source, folder)).collect()
}

fn paths_below(source: &Source, folder: &str) -> Vec<Complaint> {
    let start = format!("/{folder}/");
    let found = source.text.match_indices(&start).filter(|(at, _)| begins_path(&source.text[..*at]));
    let wrong = format!("a path of one machine, below {folder}");
    let complaint =
        |at| source.complain(source.line_of(at), wrong.clone(), "use a path relative to the repository");
    found.map(|(at, _)| complaint(at)).collect()
}

/// False inside a longer path or an address, such as `https://example.com/home/`.
fn begins_path(before: &str) -> bool {
    !before.ends_with(|letter: char| letter.is_alphanumeric() || "_-.~})]*>".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: String) -> usize {
        check(&Source::new("a.md", text)).len()
    }

    #[test]
    fn addresses_and_relative_paths_pass() {
        for folder in FOLDERS {
            assert_eq!(
                found(format!("https://a.org/{folder}/x ./{folder}/x docs/{folder}/x ~/{folder}/x")),
                0
            );
        }
        assert_eq!(found("/usr/bin/env and /tmp/x, /homes/x".into()), 0);
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        for folder in FOLDERS {
            assert_eq!(found(format!("cd /{folder}/me\nlet x = \"/{folder}/me\"; file:///{folder}/me")), 3);
        }
    }
}
