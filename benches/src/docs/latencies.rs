//! The table of latencies: of a lone item, and of a put when the handler is too slow.

use super::{
    entry::{Entry, latencies},
    markdown_table,
    refusal::Missing,
};
use crate::{
    page::Report,
    report::duration,
    scenarios::{linger, overload, wake},
};

/// Scenario and contender.
const ROWS: [(&str, &str); 7] = [
    (wake::SCENARIO, wake::BARE),
    (wake::SCENARIO, wake::OURS),
    (linger::SCENARIO, linger::BARE),
    (linger::SCENARIO, linger::OURS),
    (overload::SCENARIO, overload::FLOOR),
    (overload::SCENARIO, overload::BLOCK_FOR),
    (overload::SCENARIO, overload::FAIL),
];

/// Writes it.
pub(super) fn write(report: &Report) -> Result<String, Missing> {
    let rows = ROWS.iter().map(|place| row(report, place)).collect::<Result<Vec<_>, _>>()?;
    Ok(markdown_table::render(&["scenario", "contender", "p50", "p99", "max"], &rows))
}

fn row(report: &Report, (scenario, name): &(&str, &str)) -> Result<Vec<String>, Missing> {
    let own = Entry::named(latencies(report, scenario)?, name)?;
    let times = [own.p50_ns()?, own.p99_ns()?, own.max_ns()?].map(|ns| duration(ns as u64));
    Ok([(*scenario).to_owned(), (*name).to_owned()].into_iter().chain(times).collect())
}
