//! The sentence about what a window of keys takes.

use super::{
    entry::{Entry, rates},
    fill::fill,
    refusal::Missing,
};
use crate::{page::Report, results::MIMALLOC};

/// Writes it.
pub(super) fn write(report: &Report) -> Result<String, Missing> {
    let per_key =
        |scenario| Entry::optimized(rates(report, "map-set", scenario, MIMALLOC)?)?.held_item_bytes();
    let (short, long) = (per_key("new-key-8-bytes")?, per_key("new-key-32-bytes")?);
    Ok(fill(&format!("Memory per key: {short:.1} bytes for 8-byte keys, {long:.1} for 32-byte keys.")))
}
