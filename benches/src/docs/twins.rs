//! The table of naive against optimized: one row for each table of the suite that has both.

use super::{
    entry::{Entry, rates},
    markdown_table,
    refusal::Missing,
};
use crate::{
    page::{Report, saved::Table},
    results::{MIMALLOC, SYSTEM},
    suite,
};

/// The naive twin, and what is held against it.
pub(super) struct Twins<'a> {
    pub(super) naive: Entry<'a>,
    pub(super) ours: Entry<'a>,
}

impl<'a> Twins<'a> {
    pub(super) fn of(table: &'a Table) -> Result<Self, Missing> {
        Ok(Self { naive: Entry::naive(table)?, ours: Entry::optimized(table)? })
    }

    /// As in 5.21x.
    pub(super) fn ratio(&self) -> Result<String, Missing> {
        Ok(format!("{:.2}x", self.naive.item_ns()? / self.ours.item_ns()?))
    }

    /// One figure of both.
    pub(super) fn both(
        &self,
        figure: fn(Entry<'a>) -> Result<f64, Missing>,
        digits: usize,
    ) -> Result<[String; 2], Missing> {
        let written = |entry| figure(entry).map(|value| format!("{value:.digits$}"));
        Ok([written(self.naive)?, written(self.ours)?])
    }
}

/// Writes it. The suite says which rows there are, so that a partial run is seen.
pub(super) fn write(report: &Report) -> Result<String, Missing> {
    let rows = suite::twin_jobs().into_iter().map(|job| row(report, job.group, &job.scenario));
    let heading = [
        "group",
        "scenario",
        "naive",
        "ours",
        "ratio",
        "system",
        "allocs naive",
        "ours",
        "p99 naive",
        "ours",
    ];
    Ok(markdown_table::render(&heading, &rows.collect::<Result<Vec<_>, _>>()?))
}

fn row(report: &Report, group: &str, scenario: &str) -> Result<Vec<String>, Missing> {
    let twins = Twins::of(rates(report, group, scenario, MIMALLOC)?)?;
    let system = Twins::of(rates(report, group, scenario, SYSTEM)?)?;
    let mut cells = vec![group.to_owned(), scenario.to_owned()];
    cells.extend(twins.both(Entry::item_ns, 2)?);
    cells.extend([twins.ratio()?, system.ratio()?]);
    cells.extend(twins.both(Entry::item_allocations, 3)?);
    cells.extend(twins.both(Entry::p99_ns, 0)?);
    Ok(cells)
}
