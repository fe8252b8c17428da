//! Rule: files can be read in one sitting, lines without scrolling, and nothing invisible stands at their ends.

use super::complaint::Complaint;
use super::source::Source;

const FILE_LINES_MAX: usize = 700;
const LINE_COLUMNS_MAX: usize = 120;

/// Data is kept as it came.
const DATA: &[&str] = &["tests/data/"];

/// Checks one file.
pub(crate) fn check(source: &Source) -> Vec<Complaint> {
    let mut complaints = long_file(source);
    for (index, line) in source.text.lines().enumerate() {
        complaints.extend(long_line(source, index + 1, line));
        complaints.extend(white_space(source, index + 1, line));
    }
    complaints
}

fn long_file(source: &Source) -> Vec<Complaint> {
    let lines = source.text.lines().count();
    if !source.is_rust() || lines <= FILE_LINES_MAX {
        return Vec::new();
    }
    let wrong = format!("{lines} lines, {FILE_LINES_MAX} is the limit");
    vec![source.complain(1, wrong, "give its second idea a file of its own")]
}

fn long_line(source: &Source, number: usize, line: &str) -> Option<Complaint> {
    let columns = line.chars().count();
    let wrong = format!("{columns} columns, {LINE_COLUMNS_MAX} is the limit");
    (source.is_rust() && columns > LINE_COLUMNS_MAX).then(|| source.complain(number, wrong, "break the line"))
}

fn white_space(source: &Source, number: usize, line: &str) -> Option<Complaint> {
    let has_some = line.ends_with(|letter: char| letter.is_whitespace()) && !source.is_in(DATA);
    has_some.then(|| source.complain(number, "white space at the end of the line", "remove it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrongs(path: &str, text: &str) -> usize {
        check(&Source::new(path, text)).len()
    }

    #[test]
    fn the_length_of_files_is_limited() {
        assert_eq!(wrongs("a.rs", &"\n".repeat(FILE_LINES_MAX)), 0);
        assert_eq!(wrongs("a.rs", &"\n".repeat(FILE_LINES_MAX + 1)), 1);
        assert_eq!(wrongs("a.lock", &"\n".repeat(FILE_LINES_MAX + 1)), 0);
    }

    #[test]
    fn the_width_of_lines_is_limited_in_letters() {
        assert_eq!(wrongs("a.rs", &"é".repeat(LINE_COLUMNS_MAX)), 0);
        assert_eq!(wrongs("a.rs", &"é".repeat(LINE_COLUMNS_MAX + 1)), 1);
        assert_eq!(wrongs("a.md", &"é".repeat(LINE_COLUMNS_MAX + 1)), 0);
    }

    #[test]
    fn white_space_ends_no_line() {
        assert_eq!(wrongs("a.md", "a\n\n\tb\n"), 0);
        assert_eq!(wrongs("a.md", "a \n\t\nb"), 2);
        assert_eq!(wrongs("tests/data/a.csv", "a \n"), 0);
    }
}
