//! One text file, as the rules see it.

use super::complaint::Complaint;
use crate::lexer::{Kind, only};

/// A file's text, and for Rust its code and comments apart, with lines and offsets unchanged.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    /// Empty for other languages.
    pub(crate) code: String,
    /// The whole text for other languages.
    pub(crate) comments: String,
}

impl Source {
    /// Prepares a file for the rules.
    pub(crate) fn new(path: impl Into<String>, text: impl Into<String>) -> Source {
        let (path, text) = (path.into(), text.into());
        let (code, comments) = match path.ends_with(".rs") {
            true => (only(Kind::Code, &text), only(Kind::Comment, &text)),
            false => (String::new(), text.clone()),
        };
        Source { path, text, code, comments }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    pub(crate) fn is_markdown(&self) -> bool {
        self.path.ends_with(".md")
    }

    /// True inside one of these folders (given with a slash at the end) or for one of these files.
    pub(crate) fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path == *place || place.ends_with('/') && self.path.starts_with(place))
    }

    /// The line, counted from one, of a byte of the text.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        1 + self.text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count()
    }

    pub(crate) fn complain(&self, line: usize, wrong: impl Into<String>, remedy: &'static str) -> Complaint {
        Complaint { path: self.path.clone(), line, wrong: wrong.into(), remedy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_from_one() {
        let source = Source::new("a.rs", "one\ntwo\nthree");
        assert_eq!([0, 3, 4, 12].map(|offset| source.line_of(offset)), [1, 1, 2, 3]);
    }

    #[test]
    fn a_place_is_a_folder_or_a_file() {
        let source = Source::new("cli/src/a.rs", "");
        assert!(source.is_in(&["cli/"]) && source.is_in(&["cli/src/a.rs"]));
        assert!(!source.is_in(&["cli/src/a"]) && !source.is_in(&["src/"]));
    }

    #[test]
    fn a_complaint_can_be_clicked() {
        let complaint = Source::new("a.rs", "").complain(7, "it is wrong", "mend it");
        assert_eq!(complaint.to_string(), "a.rs:7: it is wrong: mend it");
    }
}
