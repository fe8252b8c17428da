//! The naive side: one INSERT in a transaction of its own for each row.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::database::{self, Fresh, INSERT};
use super::replay::Source;
use super::timeline::Timeline;
use crate::{interrupt, progress};

/// Long enough for a fair sample, and not longer than anyone wants to wait.
const SAMPLE_TIME: Duration = Duration::from_secs(3);
const SAMPLE_ROWS: u64 = 20_000;

/// What the naive side did.
#[derive(Clone, Debug)]
pub(crate) struct Naive {
    pub(crate) rows: u64,
    pub(crate) elapsed: Duration,
    pub(crate) timeline: Timeline,
}

impl Naive {
    pub(crate) fn rows_per_s(&self) -> f64 {
        rate(self.rows, self.elapsed)
    }

    /// How long `rows` would take at this pace. Zero when nothing was measured.
    pub(crate) fn extrapolated(&self, rows: u64) -> Duration {
        let seconds = if self.rows == 0 { 0.0 } else { rows as f64 / self.rows_per_s() };
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

/// Rows per second.
pub(crate) fn rate(rows: u64, elapsed: Duration) -> f64 {
    rows as f64 / elapsed.as_secs_f64().max(1e-9)
}

/// Writes a sample of the source: `asked` rows, or for the usual time.
pub(crate) fn run(database: &Fresh, source: &Source, asked: Option<u64>) -> Result<Naive> {
    let most = asked.unwrap_or(SAMPLE_ROWS).min(source.rows);
    let time = asked.map_or(SAMPLE_TIME, |_| Duration::MAX);
    let connection = database.open()?;
    let mut statement = connection.prepare(INSERT)?;
    let bar = progress::rows("naive", most);
    let mut naive = Naive { rows: 0, elapsed: Duration::ZERO, timeline: Timeline::default() };
    let start = Instant::now();
    while naive.rows < most && naive.elapsed < time && !interrupt::requested() {
        // No BEGIN and no COMMIT: SQLite then makes each statement a transaction.
        database::insert(&mut statement, &source.row(naive.rows + 1))
            .with_context(|| format!("cannot insert into {}", database.path.display()))?;
        naive.rows += 1;
        naive.elapsed = start.elapsed();
        naive.timeline.record(naive.elapsed, 1);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(naive)
}
