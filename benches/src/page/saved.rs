//! A saved run as it is read back: leniently, since fields come and go, but never from a file of another schema.

use std::{collections::BTreeMap, fmt, fs, io, path::Path};

use serde::Deserialize;

/// The schema this program reads.
pub const SCHEMA: u64 = 2;

/// One saved run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Where and with what it was made.
    pub conditions: Conditions,
    /// One table per group, scenario and allocator.
    pub tables: Vec<Table>,
    /// What the project wants to reach.
    pub goals: Vec<Goal>,
    /// Instructions per item, where they were counted.
    pub instructions: Vec<Instructions>,
    /// The only table, in files that hold one.
    table: Option<Table>,
}

/// The conditions of a run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Conditions {
    /// Cores the process could use.
    pub cores: Option<u64>,
    /// The processor.
    pub cpu: String,
    /// The kernel's release.
    pub kernel: String,
    /// The compiler.
    pub rustc: String,
    /// The commit, with `+` when there were changes on top.
    pub commit: String,
    /// Load average before the run.
    pub load_average: String,
    /// Name and version of each peer.
    pub peers: BTreeMap<String, String>,
    /// `quick` or `full`.
    pub mode: String,
    /// The allocator of tables that name none.
    pub allocator: String,
}

/// What a table's rows are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Costs per item, over rounds.
    #[default]
    Rate,
    /// Samples of a latency.
    Latency,
}

/// Contenders that ran in turns.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Table {
    /// The group.
    pub group: String,
    /// The scenario within the group.
    pub scenario: String,
    /// What the rows are.
    pub kind: Kind,
    /// The allocator, when it is not that of the conditions.
    pub allocator: String,
    /// The contender that is held against the naive one.
    pub optimized: Option<String>,
    /// One row per contender.
    pub rows: Vec<Row>,
}

/// What a contender is to the project.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The work without a hand-over.
    Floor,
    /// What one writes first.
    Naive,
    /// What the project is about.
    Ours,
    /// Someone else's; also whatever this program does not know.
    #[default]
    #[serde(other)]
    Rival,
}

/// One contender's figures. Numbers that could not be measured are absent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Row {
    /// The contender.
    pub contender: String,
    /// What it is to the project.
    pub role: Role,
    /// Threads or tasks that put.
    pub producers: Option<u64>,
    /// The limit on items in a batch.
    pub batch_items_max: Option<u64>,
    /// Items of one run.
    pub run_items: Option<u64>,
    /// Nanoseconds per item: the median over rounds.
    pub item_ns: Option<f64>,
    /// The lower quartile over rounds.
    pub item_ns_p25: Option<f64>,
    /// The upper quartile over rounds.
    pub item_ns_p75: Option<f64>,
    /// Nanoseconds per item, round by round.
    pub item_ns_by_round: Vec<Option<f64>>,
    /// Items per second.
    pub items_per_second: Option<f64>,
    /// Allocations per item.
    pub item_allocations: Option<f64>,
    /// Bytes allocated per item.
    pub item_bytes: Option<f64>,
    /// Items per batch, on average.
    pub batch_items: Option<f64>,
    /// Bytes that a map holds per key.
    pub held_item_bytes: Option<f64>,
    /// Latencies of a row of rates.
    pub latency: Option<Distribution>,
    /// How many times faster than the best rival.
    pub speedup_over_rival: Option<f64>,
    /// How many times faster than the naive contender.
    pub speedup_over_naive: Option<f64>,
    /// What else there is to say.
    pub remark: String,
    /// Latencies of a row of latencies.
    #[serde(flatten)]
    pub own_latency: Distribution,
}

/// A distribution of latencies.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Distribution {
    /// How many samples.
    pub samples: Option<u64>,
    /// The median.
    pub p50_ns: Option<f64>,
    /// 95 of 100 samples are at most this.
    pub p95_ns: Option<f64>,
    /// 99 of 100.
    pub p99_ns: Option<f64>,
    /// 999 of 1000.
    pub p999_ns: Option<f64>,
    /// The longest.
    pub max_ns: Option<f64>,
    /// The quantiles at 0, 1, ... 100 percent.
    pub quantiles_ns: Vec<Option<f64>>,
}

/// One goal, and what was measured for it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Goal {
    /// What it says.
    pub goal: String,
    /// This or more.
    pub at_least: Option<f64>,
    /// This or less.
    pub at_most: Option<f64>,
    /// The unit of both sides.
    pub unit: String,
    /// What was measured.
    pub measured: Option<f64>,
    /// Whether it was reached; none when not measured.
    pub reached: Option<bool>,
}

/// Instructions of one contender, counted rather than timed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Instructions {
    /// The group.
    pub group: String,
    /// The contender.
    pub contender: String,
    /// Instructions per item.
    pub item_instructions: Option<f64>,
    /// What they were when the baseline was taken.
    pub baseline: Option<f64>,
}

impl Report {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, Unreadable> {
        Self::parse(&fs::read_to_string(path).map_err(Unreadable::File)?)
    }

    /// Reads text.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let head: Head = serde_json::from_str(text).map_err(Unreadable::Json)?;
        if head.schema != Some(SCHEMA) {
            return Err(Unreadable::Schema(head.schema));
        }
        let mut report: Self = serde_json::from_str(text).map_err(Unreadable::Json)?;
        report.tables.extend(report.table.take());
        for table in report.tables.iter_mut().filter(|table| table.allocator.is_empty()) {
            table.allocator.clone_from(&report.conditions.allocator);
        }
        Ok(report)
    }
}

#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    schema: Option<u64>,
}

impl Row {
    /// The rounds that gave a usable figure.
    pub fn rounds_ns(&self) -> Vec<f64> {
        self.item_ns_by_round.iter().copied().flatten().filter(|&ns| is_usable(ns)).collect()
    }

    /// Its latencies, if there are any.
    pub fn distribution(&self) -> Option<&Distribution> {
        let own = Some(&self.own_latency);
        self.latency.as_ref().or(own).filter(|found| found.p50_ns.is_some() || !found.quantiles_ns.is_empty())
    }
}

impl Distribution {
    /// The quantile at a whole number of percent.
    pub fn percentile_ns(&self, percent: usize) -> Option<f64> {
        let is_complete = self.quantiles_ns.len() == 101;
        is_complete.then(|| self.quantiles_ns[percent]).flatten().filter(|&ns| is_usable(ns))
    }
}

/// Times are above zero and below thirty years, in nanoseconds; anything else is a missing measurement.
pub(crate) fn is_usable(ns: f64) -> bool {
    (1e-9..1e18).contains(&ns)
}

/// Why a file is no saved run.
#[derive(Debug)]
pub enum Unreadable {
    /// It cannot be read at all.
    File(io::Error),
    /// It is not JSON, or not of this shape.
    Json(serde_json::Error),
    /// It is of this schema, or names none.
    Schema(Option<u64>),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => write!(out, "cannot be read: {error}"),
            Self::Json(error) => write!(out, "is no saved run: {error}"),
            Self::Schema(Some(schema)) => write!(out, "has schema {schema}, but this program reads {SCHEMA}"),
            Self::Schema(None) => write!(out, "names no schema, but this program reads schema {SCHEMA}"),
        }
    }
}

impl std::error::Error for Unreadable {}
