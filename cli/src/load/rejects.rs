//! The reject file: every line that could not be loaded, as NDJSON, with its number and the reason.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use serde::Serialize;

/// One line of the reject file.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    line: u64,
    reason: &'a str,
    raw: &'a str,
    /// All bytes, when they are no valid text and `raw` only shows them.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_hex: Option<String>,
    /// The whole length, when only the beginning is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_bytes: Option<u64>,
}

/// Shared by the thread that reads and the worker that inserts.
#[derive(Debug)]
pub(crate) struct Rejects {
    pub(crate) path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Made with the first reject.
    file: Option<BufWriter<File>>,
    count: u64,
}

impl Rejects {
    /// Refuses to touch the rejects of an earlier load; those may be all that is left of their rows.
    pub(crate) fn at(path: PathBuf) -> Result<Self> {
        if path.metadata().is_ok_and(|about| about.is_file() && about.len() > 0) {
            bail!(
                "the reject file {} is there already: move it, or name another with --rejects",
                path.display()
            );
        }
        Ok(Self { path, state: Mutex::default() })
    }

    /// Keeps a line. `length` is its whole length, of which `raw` may be the beginning.
    pub(crate) fn keep(&self, line: u64, reason: &str, raw: &[u8], length: u64) -> Result<()> {
        let text = String::from_utf8_lossy(raw);
        let valid = matches!(text, std::borrow::Cow::Borrowed(_));
        let raw_hex = (!valid).then(|| hex(raw));
        let raw_bytes = (length > raw.len() as u64).then_some(length);
        let entry = serde_json::to_string(&Entry { line, reason, raw: &text, raw_hex, raw_bytes })?;
        let mut state = self.lock();
        self.write(&mut state, &entry).with_context(|| self.failed())?;
        state.count += 1;
        Ok(())
    }

    pub(crate) fn count(&self) -> u64 {
        self.lock().count
    }

    /// Brings everything to the disk. Only then may the count be told.
    pub(crate) fn finish(&self) -> Result<u64> {
        let mut state = self.lock();
        if let Some(file) = state.file.as_mut() {
            file.flush().with_context(|| self.failed())?;
            // A terminal or a pipe can not be synced, and need not be.
            if self.path.is_file() {
                file.get_ref().sync_all().with_context(|| self.failed())?;
            }
        }
        Ok(state.count)
    }

    fn write(&self, state: &mut State, entry: &str) -> std::io::Result<()> {
        if state.file.is_none() {
            let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
            state.file = Some(BufWriter::new(file));
        }
        state.file.as_mut().map_or(Ok(()), |file| writeln!(file, "{entry}"))
    }

    fn failed(&self) -> String {
        format!("cannot write the reject file {}", self.path.display())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The path, once there is something in it.
    pub(crate) fn path_if_any(&self) -> Option<&Path> {
        (self.count() > 0).then_some(self.path.as_path())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
