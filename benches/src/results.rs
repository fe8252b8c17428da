//! What one invocation measured: a table of rates per job, a table of latencies per scenario.

use serde::{Deserialize, Serialize};

use crate::{
    interleave::{Measured, Role},
    latency::{Latency, Summary},
};

/// The allocator of the binary `table`, and of all tables but those of `table-system`.
pub const MIMALLOC: &str = "mimalloc";
/// The allocator of the binary `table-system`.
pub const SYSTEM: &str = "system";

/// Everything that was measured, in the order it was.
#[derive(Debug, Default)]
pub struct Results {
    /// What was timed per item.
    pub rates: Vec<RateTable>,
    /// What was timed per operation: `put/light-end-to-end`, `wake`, `linger` and `overload`.
    pub latencies: Vec<LatencyTable>,
}

/// Contenders that ran in turns, and so can be compared; in JSON the raw part of a table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RateTable {
    /// What was measured.
    pub group: String,
    /// Under which circumstances.
    pub scenario: String,
    /// The allocator of the process.
    pub allocator: String,
    /// The contender that is held against the naive one.
    pub optimized: Option<String>,
    /// One row per contender.
    pub rows: Vec<Measured>,
}

/// Latencies that were sampled in turns.
#[derive(Debug)]
pub struct LatencyTable {
    /// What was measured.
    pub group: &'static str,
    /// Under which circumstances.
    pub scenario: &'static str,
    /// The allocator of the process.
    pub allocator: String,
    /// One row per contender.
    pub rows: Vec<LatencyRow>,
}

/// One contender's latencies.
#[derive(Debug)]
pub struct LatencyRow {
    /// The contender's name.
    pub name: String,
    /// The contender's part.
    pub role: Role,
    /// How long it took.
    pub summary: Summary,
    /// What else there is to say.
    pub remark: String,
}

impl From<Latency> for LatencyRow {
    fn from(latency: Latency) -> Self {
        let summary = latency.summary();
        Self { name: latency.name, role: latency.role, summary, remark: latency.remark }
    }
}

impl RateTable {
    /// The name in headings, file names and `--only`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.group, self.scenario)
    }

    /// The fastest contender that `admit` lets in.
    pub fn fastest(&self, admit: impl Fn(&Measured) -> bool) -> Option<&Measured> {
        let admitted = self.rows.iter().filter(|row| admit(row));
        admitted.min_by(|a, b| a.median_ns().total_cmp(&b.median_ns()))
    }

    /// The rival that ours is held against.
    pub fn best_rival(&self) -> Option<&Measured> {
        self.fastest(|row| row.role == Role::Rival)
    }

    /// The naive twin.
    pub fn naive(&self) -> Option<&Measured> {
        self.rows.iter().find(|row| row.role == Role::Naive)
    }

    /// What is held against the naive twin.
    pub fn optimized(&self) -> Option<&Measured> {
        self.named(self.optimized.as_deref()?)
    }

    /// The contender of this name.
    pub fn named(&self, name: &str) -> Option<&Measured> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// How long items were on their way, where the scenario knows.
    pub fn end_to_end(&self) -> Vec<LatencyRow> {
        let row = |row: &Measured| {
            let summary = row.end_to_end.clone()?;
            Some(LatencyRow { name: row.name.clone(), role: row.role, summary, remark: String::new() })
        };
        self.rows.iter().filter_map(row).collect()
    }
}

impl Results {
    /// The rates of one scenario, with mimalloc.
    pub fn rate_table(&self, group: &str, scenario: &str) -> Option<&RateTable> {
        let mut tables = self.rates.iter().filter(|table| table.allocator == MIMALLOC);
        tables.find(|table| table.group == group && table.scenario == scenario)
    }

    /// The latencies of one contender, in tables of their own.
    pub fn latency(&self, group: &str, name: &str) -> Option<&Summary> {
        let tables = self.latencies.iter().filter(|table| table.group == group);
        let row = tables.flat_map(|table| &table.rows).find(|row| row.name == name)?;
        Some(&row.summary)
    }
}
