//! The proof: what SQL says arrived, against what the source and the ledger say should have.

use anyhow::{Context, Result};
use rusqlite::Connection;
use serde::Serialize;

use super::batched::Batched;
use super::change::Change;
use super::database::{Files, Fresh};
use super::naive::Naive;
use super::replay::{Source, bound};
use crate::interrupt;

/// One thing that must hold.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) expected: u64,
    pub(crate) found: u64,
    pub(crate) ok: bool,
}

/// Asks everything there is to ask.
pub(crate) fn all(files: &Files, source: &Source, naive: &Naive, batched: &Batched) -> Result<Vec<Check>> {
    let arrived = Arrived::at(&files.batched)?;
    let plain = Arrived::at(&files.naive)?;
    let ledger = &batched.ledger;
    let parts = ledger.lines().iter().map(|(_, count)| count).sum();
    let mut checks = vec![
        check("ledger: outcomes and live add up to accepted", ledger.accepted, parts),
        check("ledger: nothing failed", 0, ledger.failed),
        check("ledger: nothing is live after close", 0, ledger.live),
        check("close: no row was cut off by its deadline", 0, batched.cut_off),
        check("close: the receipt agrees with the ledger", ledger.done, batched.receipt_done),
        check("table: rows are those done", ledger.done, arrived.count),
        check("table: numbers are distinct", arrived.count, arrived.distinct),
        check("naive table: rows are those inserted", naive.rows, plain.count),
        check("naive table: checksum over all columns", source.checksum(naive.rows), plain.checksum),
    ];
    // After an interruption fewer rows were accepted, and which ones is up to the producers.
    if !interrupt::requested() {
        checks.extend([
            check("ledger: every row was accepted", source.rows, ledger.accepted),
            check("table: lowest number", 1, arrived.lowest),
            check("table: highest number", source.rows, arrived.highest),
            check("table: checksum over all columns", source.checksum(source.rows), arrived.checksum),
        ]);
    }
    Ok(checks)
}

fn check(name: &'static str, expected: u64, found: u64) -> Check {
    Check { name, expected, found, ok: expected == found }
}

/// What is in the table.
#[derive(Debug)]
struct Arrived {
    count: u64,
    distinct: u64,
    lowest: u64,
    highest: u64,
    checksum: u64,
}

impl Arrived {
    fn at(database: &Fresh) -> Result<Self> {
        let arrived = Self::in_table(&database.open()?);
        arrived.with_context(|| format!("cannot check {}", database.path.display()))
    }

    fn in_table(connection: &Connection) -> rusqlite::Result<Self> {
        let counts =
            "SELECT count(*), count(DISTINCT seq), coalesce(min(seq), 0), coalesce(max(seq), 0) FROM changes";
        let (count, distinct, lowest, highest): (i64, i64, i64, i64) =
            connection
                .query_row(counts, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        let checksum = checksum(connection)?;
        let [count, distinct, lowest, highest] =
            [count, distinct, lowest, highest].map(|figure| figure as u64);
        Ok(Self { count, distinct, lowest, highest, checksum })
    }
}

/// Reads every row back and adds up the fingerprints.
fn checksum(connection: &Connection) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare("SELECT * FROM changes")?;
    let mut rows = statement.query([])?;
    let mut sum = 0u64;
    while let Some(row) = rows.next()? {
        let change = Change {
            zone: row.get(1)?,
            utc: row.get(2)?,
            unix_s: row.get(3)?,
            offset_before_s: row.get(4)?,
            offset_after_s: row.get(5)?,
            abbreviation: row.get(6)?,
            is_dst: row.get(7)?,
        };
        sum = sum.wrapping_add(bound(row.get::<_, i64>(0)? as u64, change.fingerprint()));
    }
    Ok(sum)
}
