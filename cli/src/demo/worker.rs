//! The handler of the demo: one connection, one transaction per batch, and a look at each batch.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use batchline::Batch;
use indicatif::ProgressBar;
use rusqlite::Connection;

use super::database::{self, INSERT};
use super::replay::Row;
use super::spread::Spread;
use super::timeline::Timeline;

/// What the worker saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) timeline: Timeline,
    /// Batches by their number of rows.
    pub(crate) sizes: BTreeMap<u64, u64>,
    /// From put until the row was on disk, in nanoseconds.
    pub(crate) waits_ns: Spread,
    pub(crate) first_error: Option<String>,
}

/// Shared by the worker, which writes it once per batch, and by those who wait for it.
#[derive(Debug)]
pub(crate) struct Watch {
    start: Instant,
    failed: AtomicBool,
    seen: Mutex<Seen>,
}

impl Watch {
    pub(crate) fn starting_at(start: Instant) -> Self {
        Self { start, failed: AtomicBool::new(false), seen: Mutex::default() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    pub(crate) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn stored(&self, rows: &[Row]) {
        let (now, mut seen) = (Instant::now(), self.lock());
        seen.timeline.record(now - self.start, rows.len() as u64);
        *seen.sizes.entry(rows.len() as u64).or_default() += 1;
        for put_at in rows.iter().filter_map(|row| row.put_at) {
            seen.waits_ns.record(u64::try_from((now - put_at).as_nanos()).unwrap_or(u64::MAX));
        }
    }

    fn failed(&self, error: &str) {
        self.failed.store(true, Ordering::Relaxed);
        self.lock().first_error.get_or_insert_with(|| error.to_owned());
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Owns the connection.
#[derive(Debug)]
pub(crate) struct Worker {
    connection: Result<Connection>,
    watch: Arc<Watch>,
    bar: ProgressBar,
}

impl Worker {
    pub(crate) fn open(path: &Path, watch: Arc<Watch>, bar: ProgressBar) -> Self {
        Self { connection: database::open(path), watch, bar }
    }

    pub(crate) fn handle(&mut self, batch: &mut Batch<Row>) -> Result<(), String> {
        let written = match &self.connection {
            Ok(connection) => write(connection, batch).map_err(|error| error.to_string()),
            Err(error) => Err(format!("{error:#}")),
        };
        match &written {
            Ok(()) => self.watch.stored(batch),
            Err(error) => self.watch.failed(error),
        }
        self.bar.inc(batch.len() as u64);
        written
    }
}

fn write(connection: &Connection, rows: &[Row]) -> rusqlite::Result<()> {
    // A transaction that is dropped uncommitted rolls back: a batch is stored whole or not at all.
    let transaction = connection.unchecked_transaction()?;
    let mut statement = transaction.prepare_cached(INSERT)?;
    rows.iter().try_for_each(|row| database::insert(&mut statement, row).map(drop))?;
    drop(statement);
    transaction.commit()
}
