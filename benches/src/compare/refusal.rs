//! Why two runs cannot be compared.

use std::{fmt, io, path::PathBuf};

use crate::page::saved::Unreadable;

/// Why there is no comparison.
#[derive(Debug)]
pub enum Refusal {
    /// This file is no saved run.
    Unreadable(PathBuf, Unreadable),
    /// The runs share no contender of any table.
    NothingInCommon,
    /// The result could not be printed.
    Output(io::Error),
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, cause) => write!(out, "{} {cause}", path.display()),
            Self::NothingInCommon => write!(out, "the two runs have no group in common: nothing to compare"),
            Self::Output(error) => write!(out, "the comparison could not be printed: {error}"),
        }
    }
}

impl std::error::Error for Refusal {}
