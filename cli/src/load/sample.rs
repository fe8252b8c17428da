//! The first good lines of the input: what a new table's columns are guessed from.

use anyhow::Result;

use super::intake::{Intake, Line};
use super::kind::{Guess, Kind};
use super::layout::Layout;

/// Lines to look at before the columns are settled.
const LINES_MAX: usize = 1000;
/// Long lines settle them sooner, so that the sample fits in memory.
const BYTES_MAX: usize = 64 << 20;

/// The lines, still to be loaded, and what was seen in their columns.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    pub(crate) lines: Vec<Line>,
    guesses: Vec<Guess>,
}

impl Sample {
    /// Reads lines until there are enough good ones. The others are rejected at once.
    ///
    /// When the columns and their types are known, one line is enough: a slow pipe loads at once.
    pub(crate) fn take(intake: &mut Intake, layout: &mut Layout, types_known: bool) -> Result<Self> {
        let (mut sample, mut bytes) = (Self::default(), 0);
        let lines_max = if types_known && layout.is_settled() { 1 } else { LINES_MAX };
        while sample.lines.len() < lines_max && bytes < BYTES_MAX {
            let Some(line) = intake.next()? else { break };
            match layout.cells(&line.text) {
                Ok(cells) => {
                    sample.guesses.resize(layout.names.len(), Guess::default());
                    cells.iter().for_each(|(place, cell)| sample.guesses[*place].see(cell));
                    bytes += line.text.len();
                    sample.lines.push(line);
                }
                Err(reason) => intake.reject(&line, &reason)?,
            }
        }
        sample.guesses.resize(layout.names.len(), Guess::default());
        layout.close();
        Ok(sample)
    }

    /// The guessed types, one per column.
    pub(crate) fn kinds(&self) -> Vec<Kind> {
        self.guesses.iter().map(|guess| guess.kind()).collect()
    }
}
