//! The ledger of a batcher: every accepted item, by outcome.

use batchline::Stats;
use serde::Serialize;

use crate::{count::grouped, table::Table};

/// What became of the accepted items. The names are part of the JSON that `--json` prints.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Ledger {
    pub(crate) accepted: u64,
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) cancelled: u64,
    pub(crate) expired: u64,
    pub(crate) handed_back: u64,
    pub(crate) live: u64,
    pub(crate) balanced: bool,
}

impl Ledger {
    pub(crate) fn of(stats: &Stats) -> Self {
        let mut ledger = Self {
            accepted: stats.accepted,
            done: stats.done,
            failed: stats.failed,
            cancelled: stats.cancelled,
            expired: stats.expired,
            handed_back: stats.handed_back,
            live: stats.live,
            balanced: false,
        };
        // Added up here as well: the judge is not only the judged.
        let sum: u64 = ledger.lines().iter().map(|(_, count)| count).sum();
        ledger.balanced = ledger.accepted == sum && stats.is_balanced();
        ledger
    }

    /// The parts whose sum is `accepted`.
    pub(crate) fn lines(&self) -> [(&'static str, u64); 6] {
        [
            ("done", self.done),
            ("failed", self.failed),
            ("cancelled", self.cancelled),
            ("expired", self.expired),
            ("handed back", self.handed_back),
            ("live", self.live),
        ]
    }

    /// The ledger as an aligned table that ends with its verdict.
    pub(crate) fn table(&self) -> Table {
        let mut table = Table::default();
        table.row(["accepted", &grouped(self.accepted)]);
        for (place, (name, count)) in self.lines().into_iter().enumerate() {
            let sign = if place == 0 { "=" } else { "+" };
            table.row([&format!("  {sign} {name}"), &grouped(count)]);
        }
        table.row(["balanced", if self.balanced { "yes" } else { "NO" }]);
        table
    }
}
