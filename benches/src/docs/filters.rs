//! The table of what a filter buys, and which.

use super::{
    entry::{Entry, rates},
    markdown_table,
    refusal::Missing,
};
use crate::{
    page::{Report, saved::Table},
    results::MIMALLOC,
};

/// Contenders, and what the page calls their filter.
const CONTENDERS: [(&str, &str); 3] = [
    ("batchline-no-filter", "none"),
    ("batchline-bloomfilter", "`bloomfilter`"),
    ("batchline-fastbloom", "`fastbloom`, the default"),
];

/// Writes it.
pub(super) fn write(report: &Report) -> Result<String, Missing> {
    let table = |scenario| rates(report, "map-set", scenario, MIMALLOC);
    let tables = [table("new-key-8-bytes")?, table("new-key-32-bytes")?];
    let rows = CONTENDERS.iter().map(|contender| row(contender, tables)).collect::<Result<Vec<_>, _>>()?;
    Ok(markdown_table::render(&["filter", "8 bytes", "32 bytes"], &rows))
}

fn row((name, label): &(&str, &str), [short, long]: [&Table; 2]) -> Result<Vec<String>, Missing> {
    let item_ns = |table| Entry::named(table, name)?.item_ns().map(|ns| format!("{ns:.2}"));
    Ok(vec![(*label).to_owned(), item_ns(short)?, item_ns(long)?])
}
