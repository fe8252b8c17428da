//! The short table of naive against optimized: a few scenarios that say most.

use super::{
    entry::{Entry, rates},
    markdown_table,
    refusal::Missing,
    twins::Twins,
};
use crate::{page::Report, results::MIMALLOC};

/// Group and scenario.
const CHOSEN: [(&str, &str); 10] = [
    ("map-set", "new-key-8-bytes"),
    ("map-set", "recent-duplicate-8-bytes"),
    ("map-set", "old-duplicate-8-bytes"),
    ("map-get", "miss-32-bytes"),
    ("dedup-batcher", "duplicates-0"),
    ("dedup-batcher", "duplicates-90"),
    ("close", "drain"),
    ("put", "bursty"),
    ("put", "light"),
    ("put", "batches-of-10"),
];

/// Writes it.
pub(super) fn write(report: &Report) -> Result<String, Missing> {
    let rows = CHOSEN.iter().map(|chosen| row(report, chosen)).collect::<Result<Vec<_>, _>>()?;
    Ok(markdown_table::render(&["scenario", "naive", "ours", "ratio"], &rows))
}

fn row(report: &Report, (group, scenario): &(&str, &str)) -> Result<Vec<String>, Missing> {
    let twins = Twins::of(rates(report, group, scenario, MIMALLOC)?)?;
    let [naive, ours] = twins.both(Entry::item_ns, 2)?;
    Ok(vec![format!("{group}, {scenario}"), naive, ours, twins.ratio()?])
}
