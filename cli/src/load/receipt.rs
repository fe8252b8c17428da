//! The receipt of a load: what became of every line, and whether it adds up.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::intake::{Ending, Intake};
use super::rejects::Rejects;
use super::store::Progress;
use crate::args::LoadArgs;
use crate::commit::{COMMIT, VERSION};
use crate::count::{self, grouped};
use crate::exit::Outcome;
use crate::ledger::Ledger;
use crate::table::Table;

/// What became of the lines.
#[derive(Debug)]
pub(crate) struct Receipt {
    into: String,
    table: String,
    created: bool,
    appended: bool,
    /// Lines (CSV: records) read, without header and blank lines.
    read: u64,
    /// The last line of the input that was looked at.
    lines: u64,
    loaded: u64,
    rejected: u64,
    /// Read, and neither loaded nor rejected: only after a failure or an interruption.
    not_loaded: u64,
    rejects: Option<PathBuf>,
    ledger: Option<Ledger>,
    interrupted: bool,
    failure: Option<String>,
    /// Whether the worker counted as many commits and rejects as the batcher counted outcomes.
    agreed: bool,
}

impl Receipt {
    /// Of what was read, before anything was loaded.
    pub(crate) fn of_input(args: &LoadArgs, intake: &Intake, rejects: &Rejects) -> Self {
        let mut receipt = Self {
            into: args.into.to_string(),
            table: args.table.clone(),
            created: false,
            appended: false,
            read: intake.read,
            lines: intake.lines(),
            loaded: 0,
            rejected: intake.rejected,
            not_loaded: intake.left,
            rejects: rejects.path_if_any().map(PathBuf::from),
            ledger: None,
            interrupted: false,
            failure: None,
            agreed: true,
        };
        // Rejects that did not reach the disk must not be told as kept.
        receipt.failure = rejects.finish().err().map(|error| format!("{error:#}"));
        receipt
    }

    /// Adds what the batcher and its worker did.
    pub(crate) fn with_rows(mut self, ending: Ending, ledger: Ledger, progress: &Progress) -> Self {
        let by_database = progress.rejected();
        self.loaded = ledger.done;
        self.rejected += by_database;
        let unfinished = ledger.cancelled + ledger.expired + ledger.handed_back + ledger.live;
        self.not_loaded += unfinished + ledger.failed.saturating_sub(by_database);
        self.agreed = ledger.done == progress.committed() && ledger.failed >= by_database;
        self.interrupted = matches!(ending, Ending::Interrupted);
        if let Ending::Failed(failure) = ending {
            self.failure.get_or_insert(failure);
        }
        // The last batches may fail after the intake has ended well.
        if let Some(failure) = progress.failure() {
            self.failure.get_or_insert_with(|| failure.to_owned());
        }
        self.ledger = Some(ledger);
        self
    }

    pub(crate) fn about_table(mut self, created: bool, had_rows: bool) -> Self {
        (self.created, self.appended) = (created, had_rows);
        self
    }

    fn adds_up(&self) -> bool {
        let ends_well = self.failure.is_some() || self.interrupted || self.not_loaded == 0;
        let balanced = self.ledger.as_ref().is_none_or(|ledger| ledger.balanced);
        self.agreed && balanced && ends_well && self.read == self.loaded + self.rejected + self.not_loaded
    }

    /// How the command ends.
    pub(crate) fn outcome(&self, allowed: Option<Option<u64>>) -> Outcome {
        let rejects_max = allowed.map_or(0, |max| max.unwrap_or(u64::MAX));
        match self {
            _ if !self.adds_up() => Outcome::Unbalanced,
            _ if self.failure.is_some() => Outcome::Failed,
            _ if self.interrupted => Outcome::Interrupted,
            _ if self.rejected > rejects_max => Outcome::Rejected,
            _ => Outcome::Done,
        }
    }

    /// What stands between this load and success, for stderr.
    pub(crate) fn complaint(&self, outcome: Outcome) -> Option<String> {
        match outcome {
            Outcome::Failed => self.failure.clone(),
            Outcome::Rejected => {
                Some(format!("{} rejected; --allow-rejects lets them pass", count::of(self.rejected, "line")))
            }
            _ => None,
        }
    }

    /// The object behind `--json`. Names stay; new ones may come.
    pub(crate) fn json(&self, outcome: Outcome) -> Value {
        json!({
            "command": "load",
            "ok": outcome == Outcome::Done,
            "exit_code": outcome.code(),
            "version": VERSION,
            "commit": COMMIT,
            "into": self.into,
            "table": self.table,
            "created": self.created,
            "appended": self.appended,
            "read": self.read,
            "loaded": self.loaded,
            "rejected": self.rejected,
            "not_loaded": self.not_loaded,
            "last_line": self.lines,
            "rejects": self.rejects,
            "ledger": self.ledger,
            "interrupted": self.interrupted,
            "error": self.failure,
            "adds_up": self.adds_up(),
        })
    }

    /// The receipt for people.
    pub(crate) fn words(&self) -> String {
        let mut table = Table::default();
        table.row(["read", &grouped(self.read)]);
        table.row(["  = loaded", &grouped(self.loaded)]);
        table.row(["  + rejected", &grouped(self.rejected)]);
        table.row(["  + not loaded", &grouped(self.not_loaded)]);
        table.row(["adds up", if self.adds_up() { "yes" } else { "NO" }]);
        let mut out = format!("{}\n{}", self.title(), table.render());
        if let Some(ledger) = &self.ledger {
            out += &format!("\nLedger of the batcher\n{}", ledger.table().render());
        }
        for note in self.notes() {
            out += &format!("\n{note}\n");
        }
        out
    }

    fn title(&self) -> String {
        let state = if self.created {
            " (created)"
        } else if self.appended {
            " (appended)"
        } else {
            ""
        };
        format!("Load into {}, table {}{state}", self.into, self.table)
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.ledger.is_none() {
            notes.push("There were no rows to load; no table was created or changed.".to_owned());
        }
        if let (Some(path), None) = (&self.rejects, &self.failure) {
            notes.push(format!("Rejected lines with reasons: {}", path.display()));
        }
        if self.interrupted {
            notes.push(format!("Interrupted. The input was read up to line {}.", self.lines));
        }
        if self.failure.is_some() {
            let lines = self.lines;
            notes.push(format!(
                "FAILED at line {lines} or before. Only what is told as loaded is in the table."
            ));
        }
        if !self.adds_up() {
            notes.push("The numbers do NOT add up: this is a defect, please report it.".to_owned());
        }
        notes
    }
}
