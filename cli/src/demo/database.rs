//! The databases of the demo: the same settings and the same statement for both sides.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rusqlite::{Connection, Statement, params};

use super::replay::Row;

/// Both sides append to a write-ahead log: the mode that is kindest to single inserts.
pub(crate) const JOURNAL_MODE: &str = "WAL";
/// Both sides wait for the disk at each commit: what was committed survives a power cut.
pub(crate) const SYNCHRONOUS: &str = "FULL";
/// The statement of both sides.
pub(crate) const INSERT: &str = "INSERT INTO changes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const TABLE: &str = "CREATE TABLE changes (
    seq INTEGER PRIMARY KEY,
    zone TEXT NOT NULL,
    utc TEXT NOT NULL,
    unix_s INTEGER NOT NULL,
    offset_before_s INTEGER NOT NULL,
    offset_after_s INTEGER NOT NULL,
    abbreviation TEXT NOT NULL,
    is_dst INTEGER NOT NULL
) STRICT";

/// Marks a database as made by the demo, so that a later run may replace it ("BLdm").
const APPLICATION_ID: i32 = 0x424c_646d;
const APPLICATION_ID_AT: usize = 68;

/// The two databases of a run.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) naive: Fresh,
    pub(crate) batched: Fresh,
}

impl Files {
    /// Makes both: the batched side at `path`, the naive side beside it.
    pub(crate) fn at(path: &Path, keep: bool) -> Result<Self> {
        Ok(Self {
            naive: Fresh::at(beside(path, "naive"), keep)?,
            batched: Fresh::at(path.to_owned(), keep)?,
        })
    }
}

/// `out/demo.db` with `naive` is `out/demo-naive.db`.
fn beside(path: &Path, label: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let dot = path.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
    path.with_file_name(format!("{stem}-{label}{}", dot.unwrap_or_default()))
}

/// A new database file that goes away with this value, unless it is to be kept.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) path: PathBuf,
    keep: bool,
}

impl Fresh {
    /// Makes the database and its table. Replaces what an earlier demo left, and nothing else.
    pub(crate) fn at(path: PathBuf, keep: bool) -> Result<Self> {
        if path.exists() && !made_by_a_demo(&path) {
            bail!(
                "{} is there and was not made by the demo: it stays; name another with --db",
                path.display()
            );
        }
        remove(&path);
        let fresh = Self { path, keep };
        let connection = fresh.open()?;
        let prepared =
            connection.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; {TABLE}"));
        prepared.with_context(|| format!("cannot prepare {}", fresh.path.display()))?;
        Ok(fresh)
    }

    /// A connection with the settings of both sides.
    pub(crate) fn open(&self) -> Result<Connection> {
        open(&self.path)
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if !self.keep {
            remove(&self.path);
        }
    }
}

/// Opens a database with the settings of both sides.
pub(crate) fn open(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let settings = format!("PRAGMA journal_mode = {JOURNAL_MODE}; PRAGMA synchronous = {SYNCHRONOUS};");
    connection.execute_batch(&settings).with_context(|| format!("cannot set up {}", path.display()))?;
    Ok(connection)
}

/// Inserts one row through the prepared statement.
pub(crate) fn insert(statement: &mut Statement<'_>, row: &Row) -> rusqlite::Result<usize> {
    let Row { seq, change, .. } = row;
    statement.execute(params![
        *seq as i64,
        change.zone,
        change.utc,
        change.unix_s,
        change.offset_before_s,
        change.offset_after_s,
        change.abbreviation,
        change.is_dst
    ])
}

fn made_by_a_demo(path: &Path) -> bool {
    let mut header = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(100).read_to_end(&mut header));
    // A demo that was killed at once leaves an empty file.
    let marked =
        header.get(APPLICATION_ID_AT..).is_some_and(|id| id.starts_with(&APPLICATION_ID.to_be_bytes()));
    read.is_ok() && (header.is_empty() || marked)
}

fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        // Most of these are not there; what can not be removed shows when the file is opened.
        let _ = fs::remove_file(PathBuf::from(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_naive_database_lies_beside() {
        assert_eq!(beside(Path::new("out/demo.db"), "naive"), Path::new("out/demo-naive.db"));
        assert_eq!(beside(Path::new("plain"), "naive"), Path::new("plain-naive"));
    }

    #[test]
    fn only_a_demo_may_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.db");
        fs::write(&path, "precious").unwrap();
        assert!(Fresh::at(path.clone(), false).unwrap_err().to_string().contains("not made by the demo"));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        let kept = folder.path().join("demo.db");
        drop(Fresh::at(kept.clone(), true).unwrap());
        assert!(kept.exists());
        drop(Fresh::at(kept.clone(), false).unwrap());
        assert!(!kept.exists());
    }
}
