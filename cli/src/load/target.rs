//! Where the rows go: the value of `--into`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, anyhow};
use rusqlite::{Connection, OpenFlags};

use super::refusal;

/// A SQLite database file, written `sqlite:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) path: PathBuf,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(path) = text.strip_prefix("sqlite:") else {
            return Err("write it like sqlite:data.db; other databases are not supported yet".into());
        };
        // Both sqlite:data.db and sqlite:///var/data.db are written by people.
        let path = path.strip_prefix("//").unwrap_or(path);
        match path {
            "" => Err("the path of the database is missing: write it like sqlite:data.db".into()),
            ":memory:" => Err("a database in memory would be gone at the end: name a file".into()),
            _ => Ok(Self { path: path.into() }),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sqlite:{}", self.path.display())
    }
}

impl Target {
    /// Opens the database; makes it only when it may.
    pub(crate) fn open(&self, busy_timeout: Duration, may_create: bool) -> Result<Connection> {
        let create = if may_create { OpenFlags::SQLITE_OPEN_CREATE } else { OpenFlags::empty() };
        // No URI flag: a file named `file:x` is a file named so.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | create;
        let connection = Connection::open_with_flags(&self.path, flags).and_then(|connection| {
            connection.busy_timeout(busy_timeout)?;
            // On in our build of SQLite; said here because rejects depend on it.
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            Ok(connection)
        });
        connection.map_err(|error| self.failed("cannot open", &error))
    }

    /// What SQLite said, in context.
    pub(crate) fn failed(&self, doing: &str, error: &rusqlite::Error) -> anyhow::Error {
        anyhow!("{doing} {self}: {}", refusal::told(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_paths_and_refuses_the_rest() {
        let path = |text: &str| text.parse::<Target>().map(|target| target.path.display().to_string());
        assert_eq!(path("sqlite:a.db").unwrap(), "a.db");
        assert_eq!(path("sqlite:///var/a.db").unwrap(), "/var/a.db");
        assert_eq!(path("sqlite:/var/a.db").unwrap(), "/var/a.db");
        for bad in ["a.db", "postgres:x", "sqlite:", "sqlite::memory:"] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }
}
