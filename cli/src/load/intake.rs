//! Takes lines from the input and puts rows into the batcher. Bad lines never stop it.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use batchline::Batcher;
use rusqlite::types::Value;

use super::fit::fit;
use super::layout::Layout;
use super::records::{Record, Records};
use super::rejects::Rejects;
use super::row::Row;
use super::sample::Sample;
use super::schema::Plan;
use super::store::Progress;
use crate::interrupt;

/// A line that is valid text.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) number: u64,
    pub(crate) text: String,
}

/// Why the intake ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The input did.
    Input,
    Interrupted,
    /// The input, the reject file or the database failed.
    Failed(String),
}

/// The reading end of a load, with its counts.
#[derive(Debug)]
pub(crate) struct Intake {
    records: Records,
    rejects: Arc<Rejects>,
    /// Lines (CSV: records) taken from the input, without header and blank lines.
    pub(crate) read: u64,
    /// Those rejected before they reached the batcher.
    pub(crate) rejected: u64,
    /// Those that an early end left neither rejected nor in the batcher.
    pub(crate) left: u64,
}

impl Intake {
    pub(crate) fn new(records: Records, rejects: Arc<Rejects>) -> Self {
        Self { records, rejects, read: 0, rejected: 0, left: 0 }
    }

    /// The number of the last line that was looked at.
    pub(crate) fn lines(&self) -> u64 {
        self.records.lines()
    }

    /// The next line that is valid text. Those that are not are rejected here.
    pub(crate) fn next(&mut self) -> Result<Option<Line>> {
        while let Some(record) = self.records.next().context("cannot read the input")? {
            self.read += 1;
            let Record { line, bytes, length, fault } = record;
            let (reason, bytes) = match (fault, String::from_utf8(bytes)) {
                (None, Ok(text)) => return Ok(Some(Line { number: line, text })),
                (Some(fault), text) => {
                    (fault, text.map_or_else(|error| error.into_bytes(), String::into_bytes))
                }
                (None, Err(error)) => {
                    let place = error.utf8_error().valid_up_to() + 1;
                    (format!("invalid UTF-8 at byte {place}"), error.into_bytes())
                }
            };
            self.keep(line, &reason, &bytes, length)?;
        }
        Ok(None)
    }

    /// Rejects a line for what is in it.
    pub(crate) fn reject(&mut self, line: &Line, reason: &str) -> Result<()> {
        self.keep(line.number, reason, line.text.as_bytes(), line.text.len() as u64)
    }

    fn keep(&mut self, line: u64, reason: &str, raw: &[u8], length: u64) -> Result<()> {
        let kept = self.rejects.keep(line, reason, raw, length);
        let count = if kept.is_ok() { &mut self.rejected } else { &mut self.left };
        *count += 1;
        kept
    }

    /// Puts the sample, then all the rest.
    pub(crate) fn put_all(
        &mut self,
        sample: Sample,
        layout: &mut Layout,
        plan: &Plan,
        batcher: &Batcher<Row>,
        progress: &Progress,
    ) -> Ending {
        let mut sampled = sample.lines.into_iter();
        let put = self.put_each(&mut sampled, layout, plan, batcher, progress);
        self.left += sampled.len() as u64;
        match put {
            // What the database said comes first: it is why the batcher took no more.
            _ if progress.failure().is_some() => {
                Ending::Failed(progress.failure().unwrap_or_default().to_owned())
            }
            _ if interrupt::requested() => Ending::Interrupted,
            Ok(()) => Ending::Input,
            Err(error) => Ending::Failed(format!("{error:#}")),
        }
    }

    fn put_each(
        &mut self,
        sampled: &mut impl Iterator<Item = Line>,
        layout: &mut Layout,
        plan: &Plan,
        batcher: &Batcher<Row>,
        progress: &Progress,
    ) -> Result<()> {
        while progress.failure().is_none() && !interrupt::requested() {
            let Some(line) = sampled.next().map_or_else(|| self.next(), |line| Ok(Some(line)))? else {
                break;
            };
            match values(&line.text, layout, plan) {
                Ok(values) => self.put(line, values, batcher)?,
                Err(reason) => self.reject(&line, &reason)?,
            }
        }
        Ok(())
    }

    fn put(&mut self, line: Line, values: Box<[Value]>, batcher: &Batcher<Row>) -> Result<()> {
        let row = Row { line: line.number, raw: line.text.into(), values };
        batcher.put(row).map_err(|refused| {
            self.left += 1;
            anyhow!("the batcher refused line {}: {refused}", line.number)
        })
    }
}

fn values(text: &str, layout: &mut Layout, plan: &Plan) -> Result<Box<[Value]>, String> {
    let mut values = vec![Value::Null; plan.kinds.len()];
    for (place, cell) in layout.cells(text)? {
        values[place] = fit(cell, plan.kinds[place])
            .map_err(|reason| format!("column {}: {reason}", layout.names[place]))?;
    }
    Ok(values.into())
}
