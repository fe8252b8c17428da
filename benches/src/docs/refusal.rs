//! Why the pages stay as they are.

use std::{fmt, io};

use super::marks::Fault;

/// What a run should hold for a block, and does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing(pub String);

/// Why no page was rewritten. The first field is always the page.
#[derive(Debug)]
pub enum Refusal {
    /// It cannot be read or written.
    File(&'static str, io::Error),
    /// Its marks are not as they should be.
    Marks(&'static str, Fault),
    /// The run lacks something for this block.
    Data(&'static str, &'static str, Missing),
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(page, error) => write!(out, "{page}: {error}"),
            Self::Marks(page, fault) => write!(out, "{page}: {fault}"),
            Self::Data(page, block, Missing(what)) => {
                write!(out, "{page}: block `{block}` cannot be made, the run lacks {what}")
            }
        }
    }
}

impl std::error::Error for Refusal {}
