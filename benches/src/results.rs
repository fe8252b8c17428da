//! What one invocation measured: a table of rates per group of contenders, a table of latencies per scenario.

use crate::{
    interleave::{Measured, Role},
    latency::Latency,
};

/// Everything that was measured, in the order it was.
#[derive(Debug, Default)]
pub struct Results {
    /// Scenarios `put` and `submit`.
    pub rates: Vec<RateTable>,
    /// Scenarios `wake`, `linger` and `overload`.
    pub latencies: Vec<LatencyTable>,
}

/// Contenders that ran in turns, and so can be compared.
#[derive(Debug)]
pub struct RateTable {
    /// The scenario and the group, as in `put/2`.
    pub scenario: String,
    /// One row per contender.
    pub rows: Vec<Measured>,
}

/// Latencies that were sampled in turns.
#[derive(Debug)]
pub struct LatencyTable {
    /// The scenario.
    pub scenario: &'static str,
    /// One row per contender.
    pub rows: Vec<Latency>,
}

impl RateTable {
    /// The fastest contender that `admit` lets in.
    pub fn fastest(&self, admit: impl Fn(&Measured) -> bool) -> Option<&Measured> {
        let admitted = self.rows.iter().filter(|row| admit(row));
        admitted.min_by(|a, b| a.median_ns().total_cmp(&b.median_ns()))
    }

    /// The rival that ours is held against.
    pub fn best_rival(&self) -> Option<&Measured> {
        self.fastest(|row| row.role == Role::Rival)
    }

    /// The contender of this name.
    pub fn named(&self, name: &str) -> Option<&Measured> {
        self.rows.iter().find(|row| row.name == name)
    }
}

impl Results {
    /// The rates of one group.
    pub fn rate_table(&self, scenario: &str) -> Option<&RateTable> {
        self.rates.iter().find(|table| table.scenario == scenario)
    }

    /// The latencies of one contender.
    pub fn latency(&self, name: &str) -> Option<&Latency> {
        self.latencies.iter().flat_map(|table| &table.rows).find(|row| row.name == name)
    }
}
