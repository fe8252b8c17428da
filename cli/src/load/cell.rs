//! One cell of a line, before its column says what it must be.

use std::borrow::Cow;

use super::number::{self, Number};

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    Null,
    /// A CSV field: a number when it looks like one.
    Field(Cow<'a, str>),
    /// A JSON string: a text, whatever it looks like.
    Text(Cow<'a, str>),
    /// A JSON number, with all its digits.
    Number(&'a str),
    Bool(bool),
    /// A JSON array or object, as it stands in the line.
    Nested(&'a str),
}

impl Cell<'_> {
    /// The number it is or looks like.
    pub(crate) fn number(&self) -> Option<Number> {
        match self {
            Self::Field(text) | Self::Text(text) => number::read(text),
            Self::Number(text) => number::read(text),
            Self::Bool(flag) => Some(Number::Integer(i64::from(*flag))),
            Self::Null | Self::Nested(_) => None,
        }
    }

    /// The cell as people should see it in a reason: short.
    pub(crate) fn shown(&self) -> String {
        let text = match self {
            Self::Null => "null",
            Self::Field(text) | Self::Text(text) => text,
            Self::Number(text) | Self::Nested(text) => text,
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
        };
        shortened(text)
    }
}

const SHOWN_CHARS: usize = 60;

/// A text in quotes, cut when it is long.
pub(crate) fn shortened(text: &str) -> String {
    let mut chars = text.chars();
    let head: String = chars.by_ref().take(SHOWN_CHARS).collect();
    format!("`{head}{}`", if chars.next().is_some() { "…" } else { "" })
}
