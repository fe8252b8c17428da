//! The handler: writes one batch in one transaction, and finds out which rows SQLite does not take.
//!
//! A row that its INSERT refuses fails alone; the transaction goes on without it. When the batch is
//! refused as a whole, at COMMIT or by `ON CONFLICT ROLLBACK`, it is rolled back and fails, and the
//! batcher halves it until the row at fault is alone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use batchline::Batch;
use rusqlite::{Connection, Transaction, TransactionBehavior, params_from_iter};

use super::refusal::{blames_row, told};
use super::rejects::Rejects;
use super::row::Row;
use super::target::Target;

/// What the worker did, for the receipt, and why it can do no more.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    committed: AtomicU64,
    rejected: AtomicU64,
    failure: OnceLock<String>,
}

impl Progress {
    pub(crate) fn committed(&self) -> u64 {
        self.committed.load(Ordering::Relaxed)
    }

    pub(crate) fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// The first failure is the one to tell; the others follow from it.
    fn fail(&self, failure: String) -> String {
        self.failure.get_or_init(|| failure).clone()
    }
}

/// A worker's connection.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Result<Connection, String>,
    insert: String,
    rejects: Arc<Rejects>,
    progress: Arc<Progress>,
    target: Target,
}

/// Rows that were refused one by one: their place in the batch and the reason.
type Refused = Vec<(usize, String)>;

enum Failed {
    /// Some row is at fault; the smaller the batch, the nearer the row.
    Batch(String),
    /// The database is; nothing can be loaded any more.
    Database(String),
}

impl Store {
    pub(crate) fn open(
        target: &Target,
        busy_timeout: Duration,
        insert: &str,
        rejects: Arc<Rejects>,
        progress: Arc<Progress>,
    ) -> Self {
        let connection = target.open(busy_timeout, false).map_err(|error| error.to_string());
        Self { connection, insert: insert.to_owned(), rejects, progress, target: target.clone() }
    }

    /// Handles a batch. An error makes the batcher halve it and try again.
    pub(crate) fn handle(&mut self, batch: &mut Batch<Row>) -> Result<(), String> {
        // After a failure of the database nothing is tried again: each try may wait for a lock.
        if let Some(failure) = self.progress.failure() {
            return Err(failure.to_owned());
        }
        match self.write(batch) {
            Ok(refused) => {
                let committed = batch.len() - refused.len();
                self.progress.committed.fetch_add(committed as u64, Ordering::Relaxed);
                self.reject_each(batch, refused);
                Ok(())
            }
            Err(Failed::Batch(reason)) if batch.len() == 1 => {
                self.reject_each(batch, vec![(0, reason)]);
                Ok(())
            }
            Err(Failed::Batch(reason)) => Err(reason),
            Err(Failed::Database(failure)) => Err(self.progress.fail(failure)),
        }
    }

    // Rows are rejected only after the commit: a batch that is tried again must leave no trace.
    fn reject_each(&self, batch: &mut Batch<Row>, refused: Refused) {
        for (place, reason) in refused {
            let row = &batch[place];
            match self.rejects.keep(row.line, &reason, row.raw.as_bytes(), row.raw.len() as u64) {
                Ok(()) => _ = self.progress.rejected.fetch_add(1, Ordering::Relaxed),
                Err(error) => _ = self.progress.fail(format!("{error:#}")),
            }
            batch.fail(place, reason);
        }
    }

    fn write(&self, rows: &[Row]) -> Result<Refused, Failed> {
        let connection = self.connection.as_ref().map_err(|failure| Failed::Database(failure.clone()))?;
        let begun = Transaction::new_unchecked(connection, TransactionBehavior::Immediate);
        let transaction = begun.map_err(|error| self.failed(&error))?;
        let refused = self.insert_each(&transaction, rows)?;
        transaction.commit().map_err(|error| self.failed(&error))?;
        Ok(refused)
    }

    fn insert_each(&self, transaction: &Transaction<'_>, rows: &[Row]) -> Result<Refused, Failed> {
        let mut insert = transaction.prepare_cached(&self.insert).map_err(|error| self.failed(&error))?;
        let mut refused = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            match insert.execute(params_from_iter(row.values.iter())) {
                Ok(0) => {
                    refused.push((place, "SQLite ignored it: ON CONFLICT IGNORE, or a trigger".to_owned()))
                }
                Ok(_) => {}
                Err(error) if blames_row(&error) && !transaction.is_autocommit() => {
                    refused.push((place, error.to_string()));
                }
                // Also when SQLite has ended the transaction: going on would commit row by row.
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(refused)
    }

    fn failed(&self, error: &rusqlite::Error) -> Failed {
        if blames_row(error) {
            Failed::Batch(error.to_string())
        } else {
            Failed::Database(format!("cannot write to {}: {}", self.target, told(error)))
        }
    }
}
