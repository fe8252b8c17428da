//! What travels through the batcher: the values of a line, and the line itself in case it is refused.

use rusqlite::types::Value;

/// One row to insert.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The line it began on, from 1.
    pub(crate) line: u64,
    pub(crate) raw: Box<str>,
    /// One value per column of the insert.
    pub(crate) values: Box<[Value]>,
}

impl Row {
    /// The memory it holds, near enough for the bounds of the batcher.
    pub(crate) fn bytes(&self) -> usize {
        let text = |value: &Value| if let Value::Text(text) = value { text.len() } else { 0 };
        let texts: usize = self.values.iter().map(text).sum();
        size_of::<Self>() + size_of_val(&*self.values) + self.raw.len() + texts
    }
}
