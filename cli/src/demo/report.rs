//! The report of a demo: in words for people, as JSON with stable names for programs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::batched::Batched;
use super::change::DATA_SET;
use super::database::{JOURNAL_MODE, SYNCHRONOUS};
use super::naive::Naive;
use super::producers::WAITS_SAMPLED;
use super::replay::Source;
use super::verify::Check;
use crate::args::DemoArgs;
use crate::commit::{COMMIT, VERSION};
use crate::count::{self, grouped, rounded};
use crate::duration::{human, human_ns};
use crate::exit::Outcome;
use crate::machine::Machine;
use crate::table::Table;

/// Everything a run has to tell.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) fsync: Duration,
    pub(crate) parameters: Parameters,
    pub(crate) source: Source,
    pub(crate) naive: Naive,
    pub(crate) batched: Batched,
    pub(crate) checks: Vec<Check>,
    pub(crate) interrupted: bool,
}

/// What the run was asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Parameters {
    pub(crate) rows: u64,
    pub(crate) producers: u64,
    pub(crate) batch_items_max: u64,
    pub(crate) queue_items_max: u64,
    pub(crate) linger_ns: u64,
    pub(crate) journal_mode: &'static str,
    pub(crate) synchronous: &'static str,
    pub(crate) waits_sampled_one_in: u64,
    pub(crate) database: PathBuf,
    pub(crate) kept: bool,
}

impl Parameters {
    pub(crate) fn of(args: &DemoArgs, database: &Path, queue_items_max: u64) -> Self {
        Self {
            rows: args.rows,
            producers: args.producers,
            batch_items_max: args.batch,
            queue_items_max,
            linger_ns: nanoseconds(args.linger),
            journal_mode: JOURNAL_MODE,
            synchronous: SYNCHRONOUS,
            waits_sampled_one_in: WAITS_SAMPLED,
            database: database.to_owned(),
            kept: args.keep,
        }
    }
}

impl Report {
    pub(crate) fn adds_up(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }

    /// How the command ends. What does not add up outweighs an interruption: it must not go unseen.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            _ if self.batched.seen.first_error.is_some() => Outcome::Failed,
            _ if !self.adds_up() => Outcome::Unbalanced,
            _ if self.interrupted => Outcome::Interrupted,
            _ => Outcome::Done,
        }
    }

    /// How many times as many rows per second. Zero when a side wrote nothing.
    pub(crate) fn ratio(&self) -> f64 {
        if self.naive.rows == 0 { 0.0 } else { self.batched.rows_per_s() / self.naive.rows_per_s() }
    }

    /// Whether the naive side wrote a sample only.
    pub(crate) fn extrapolates(&self) -> bool {
        self.naive.rows < self.parameters.rows
    }

    /// The object behind `--json`. Names stay; new ones may come.
    pub(crate) fn json(&self, page: &Path) -> Value {
        json!({
            "command": "demo",
            "ok": self.outcome() == Outcome::Done,
            "exit_code": self.outcome().code(),
            "interrupted": self.interrupted,
            "version": VERSION,
            "commit": COMMIT,
            "sqlite": rusqlite::version(),
            "machine": self.machine,
            "fsync_ns": nanoseconds(self.fsync),
            "parameters": self.parameters,
            "source": { "rows": self.source.changes.len(), "name": DATA_SET },
            "naive": self.naive_json(),
            "batched": {
                "rows": self.batched.ledger.done,
                "elapsed_ns": nanoseconds(self.batched.elapsed),
                "rows_per_s": self.batched.rows_per_s(),
                "first_error": self.batched.seen.first_error,
            },
            "ratio": self.ratio(),
            "ledger": self.batched.ledger,
            "batches": self.batches_json(),
            "waits_ns": self.waits_json(),
            "checks": self.checks,
            "page": page,
        })
    }

    fn naive_json(&self) -> Value {
        json!({
            "rows": self.naive.rows,
            "elapsed_ns": nanoseconds(self.naive.elapsed),
            "rows_per_s": self.naive.rows_per_s(),
            "extrapolated": self.extrapolates(),
            "all_rows_elapsed_ns": nanoseconds(self.naive.extrapolated(self.parameters.rows)),
        })
    }

    fn batches_json(&self) -> Value {
        let sizes = self.sizes();
        let by_reason: serde_json::Map<_, _> =
            self.batched.by_reason.iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
        json!({
            "count": sizes.count,
            "by_reason": by_reason,
            "items_min": sizes.min,
            "items_p50": sizes.median,
            "items_mean": sizes.mean,
            "items_max": sizes.max,
        })
    }

    fn waits_json(&self) -> Value {
        let waits = &self.batched.seen.waits_ns;
        json!({
            "samples": waits.count(),
            "mean": waits.mean(),
            "p50": waits.quantile(0.5),
            "p90": waits.quantile(0.9),
            "p99": waits.quantile(0.99),
            "max": waits.max(),
        })
    }

    pub(crate) fn sizes(&self) -> Sizes {
        Sizes::of(&self.batched.seen.sizes)
    }

    /// The report for people.
    pub(crate) fn words(&self, page: &Path) -> String {
        let mut out = format!("{}\n\n{}\n{}", self.title(), self.setting().render(), self.sides().render());
        out += &format!("\n{}\n", self.comparison());
        for (title, table) in [
            ("Ledger of the batcher", self.batched.ledger.table()),
            ("Batches", self.batches()),
            ("Wait of a row, from put to disk", self.waits()),
            ("Checks", self.verdicts()),
        ] {
            out += &format!("\n{title}\n{}", table.render());
        }
        out += &format!("\n{}\nPage with plots: {}\n", self.verdict(), page.display());
        out
    }

    pub(crate) fn title(&self) -> String {
        format!("{} into SQLite, one by one and in batches", count::of(self.parameters.rows, "row"))
    }

    fn setting(&self) -> Table {
        let mut table = Table::default();
        for (name, text) in self.facts() {
            // Padded here: the table would push the second column to the right.
            table.row([format!("{name:<10}{text}")]);
        }
        table
    }

    /// Name and text of what the figures depend on.
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        let (machine, asked) = (&self.machine, &self.parameters);
        let commit = COMMIT.map(|commit| format!(" ({commit})")).unwrap_or_default();
        let replays = asked.rows.div_ceil(self.source.changes.len() as u64);
        vec![
            (
                "machine",
                format!("{}, {}, {}", count::of(machine.cores as u64, "core"), machine.cpu, machine.system),
            ),
            ("disk", format!("{}; one wait for it (fsync) takes {}", machine.filesystem, human(self.fsync))),
            ("versions", format!("batchline {VERSION}{commit}, SQLite {}", rusqlite::version())),
            ("settings", format!("journal_mode {JOURNAL_MODE}, synchronous {SYNCHRONOUS}, on both sides")),
            (
                "batcher",
                format!(
                    "{}, batches of up to {}, linger {}, at most {} accepted and not done",
                    count::of(asked.producers, "producer"),
                    count::of(asked.batch_items_max, "row"),
                    human_ns(asked.linger_ns),
                    grouped(asked.queue_items_max)
                ),
            ),
            (
                "source",
                format!(
                    "{} {DATA_SET}, gone through {}",
                    grouped(self.source.changes.len() as u64),
                    count::of(replays, "time")
                ),
            ),
        ]
    }

    fn sides(&self) -> Table {
        let mut table = Table::default();
        table.row(["", "rows", "time", "rows/s"]);
        let (naive, batched) = (&self.naive, &self.batched);
        let side =
            |name: &str, rows, elapsed, rate| [name.to_owned(), grouped(rows), human(elapsed), rounded(rate)];
        table.row(side("naive", naive.rows, naive.elapsed, naive.rows_per_s()));
        table.row(side("batched", batched.ledger.done, batched.elapsed, batched.rows_per_s()));
        table
    }

    /// The ratio, and plainly what of it is measured and what extrapolated.
    pub(crate) fn comparison(&self) -> String {
        if self.naive.rows == 0 {
            return "Nothing was written one by one: there is nothing to compare with".into();
        }
        let ratio = format!("Batched is {} times as fast", rounded(self.ratio()));
        if !self.extrapolates() {
            return format!("{ratio}; both sides wrote all rows");
        }
        format!(
            "{ratio}; the naive side wrote a sample of {}, at its pace all {} would take {} (extrapolated)",
            grouped(self.naive.rows),
            grouped(self.parameters.rows),
            human(self.naive.extrapolated(self.parameters.rows))
        )
    }

    fn batches(&self) -> Table {
        let mut table = Table::default();
        let sizes = self.sizes();
        for (name, count) in self.batched.by_reason.iter().filter(|(_, count)| *count > 0) {
            table.row([format!("sealed by {name}"), grouped(*count)]);
        }
        table.row(["rows, least".into(), grouped(sizes.min)]);
        table.row(["rows, median".into(), grouped(sizes.median)]);
        table.row(["rows, mean".into(), rounded(sizes.mean)]);
        table.row(["rows, most".into(), grouped(sizes.max)]);
        table
    }

    fn waits(&self) -> Table {
        let waits = &self.batched.seen.waits_ns;
        let mut table = Table::default();
        table.row([format!("samples, 1 in {WAITS_SAMPLED}"), grouped(waits.count())]);
        for (name, share) in [("median", 0.5), ("90 %", 0.9), ("99 %", 0.99)] {
            table.row([name.to_owned(), human_ns(waits.quantile(share))]);
        }
        table.row(["longest".to_owned(), human_ns(waits.max())]);
        table
    }

    fn verdicts(&self) -> Table {
        let mut table = Table::default();
        for check in &self.checks {
            let (expected, found) = (grouped(check.expected), grouped(check.found));
            let told =
                if check.ok { "ok".into() } else { format!("WRONG: expected {expected}, found {found}") };
            table.row([check.name.to_owned(), told]);
        }
        table
    }

    pub(crate) fn verdict(&self) -> String {
        let done = grouped(self.batched.ledger.done);
        match (self.adds_up(), self.interrupted) {
            (false, _) => {
                let error = self.batched.seen.first_error.as_deref().unwrap_or("see the checks");
                format!("It does NOT add up: {error}")
            }
            (true, true) => {
                format!("Interrupted. What was accepted is in the table exactly once: {done} rows.")
            }
            (true, false) => {
                format!("Every row arrived exactly once: {done} of {}.", grouped(self.parameters.rows))
            }
        }
    }
}

/// Figures of the batch sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sizes {
    pub(crate) count: u64,
    pub(crate) min: u64,
    pub(crate) median: u64,
    pub(crate) mean: f64,
    pub(crate) max: u64,
}

impl Sizes {
    fn of(sizes: &std::collections::BTreeMap<u64, u64>) -> Self {
        let count: u64 = sizes.values().sum();
        let rows: u64 = sizes.iter().map(|(size, times)| size * times).sum();
        let mut seen = 0;
        let median = sizes.iter().find(|(_, times)| {
            seen += *times;
            seen * 2 >= count
        });
        Self {
            count,
            min: sizes.keys().next().copied().unwrap_or(0),
            median: median.map_or(0, |(size, _)| *size),
            mean: if count == 0 { 0.0 } else { rows as f64 / count as f64 },
            max: sizes.keys().next_back().copied().unwrap_or(0),
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
