//! Runs the binary in a folder of its own.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use rusqlite::{Connection, types::Value};
use serde_json::Value as Json;
use tempfile::TempDir;

/// A folder to run in.
pub(crate) struct Program {
    folder: TempDir,
}

/// How a run ended.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), bytes).unwrap();
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// The command, not yet started.
    pub(crate) fn command(&self, args: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_batchline"));
        command.args(args).current_dir(self.folder.path());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        self.command(args).stdin(Stdio::null()).output().unwrap().into()
    }

    pub(crate) fn run_with_stdin(&self, args: &[&str], stdin: &[u8]) -> Run {
        let piped =
            self.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = piped.unwrap();
        child.stdin.take().unwrap().write_all(stdin).unwrap();
        child.wait_with_output().unwrap().into()
    }

    /// Loads a file into table `t` of `d.db`.
    pub(crate) fn load(&self, file: &str, more: &[&str]) -> Run {
        self.run(&[&["load", file, "--into", "sqlite:d.db", "--table", "t"], more].concat())
    }

    pub(crate) fn database(&self) -> Connection {
        Connection::open(self.path("d.db")).unwrap()
    }

    /// Runs statements before a load.
    pub(crate) fn sql(&self, statements: &str) -> &Self {
        self.database().execute_batch(statements).unwrap();
        self
    }

    /// The rows of a query, each with its columns joined by `|`.
    pub(crate) fn rows(&self, query: &str) -> Vec<String> {
        let database = self.database();
        let mut statement = database.prepare(query).unwrap();
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let shown = (0..columns).map(|place| shown(row.get_unwrap(place)));
            Ok(shown.collect::<Vec<_>>().join("|"))
        };
        statement.query_map([], row).unwrap().map(Result::unwrap).collect()
    }

    /// Line number and reason of each entry of a reject file, sorted by line.
    pub(crate) fn rejects(&self, name: &str) -> Vec<(u64, String)> {
        let entry = |line: &str| {
            let entry: Json = serde_json::from_str(line).unwrap();
            (entry["line"].as_u64().unwrap(), entry["reason"].as_str().unwrap().to_owned())
        };
        let mut entries: Vec<_> = self.read(name).lines().map(entry).collect();
        entries.sort();
        entries
    }
}

impl Run {
    /// The one JSON object on stdout.
    pub(crate) fn json(&self) -> Json {
        assert_eq!(self.stdout.lines().count(), 1, "{}", self.stdout);
        serde_json::from_str(&self.stdout).unwrap()
    }

    #[track_caller]
    pub(crate) fn ended(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn told(&self, words: &str) -> &Self {
        assert!(self.stderr.contains(words), "`{words}` is not in:\n{}", self.stderr);
        self
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

fn shown(value: Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(integer) => integer.to_string(),
        Value::Real(real) => format!("{real:?}"),
        Value::Text(text) => format!("'{text}'"),
        Value::Blob(bytes) => format!("{bytes:?}"),
    }
}
