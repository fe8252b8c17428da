//! The threads that put rows, each through a lane of its own.

use std::thread;
use std::time::Instant;

use anyhow::{Result, anyhow};
use batchline::Batcher;

use super::replay::{Row, Source};
use super::worker::Watch;
use crate::interrupt;

/// One row in so many carries the time of its put.
pub(crate) const WAITS_SAMPLED: u64 = 64;

/// Puts all rows, or fewer after Ctrl-C or a failure of the worker.
pub(crate) fn put_all(batcher: &Batcher<Row>, source: &Source, producers: u64, watch: &Watch) -> Result<()> {
    thread::scope(|scope| {
        let one = |first| scope.spawn(move || put_each(batcher, source, first, producers, watch));
        let threads: Vec<_> = (1..=producers).map(one).collect();
        let mut ends = threads.into_iter().map(|thread| thread.join());
        ends.try_for_each(|end| end.map_err(|_| anyhow!("a producer panicked"))?)
    })
}

/// Puts the rows `first`, `first + step` and so on, so that the producers advance side by side.
fn put_each(batcher: &Batcher<Row>, source: &Source, first: u64, step: u64, watch: &Watch) -> Result<()> {
    let mut producer = batcher.producer();
    for (turn, seq) in (first..=source.rows).step_by(step as usize).enumerate() {
        // Each further batch would fail like the first one, and some only after a wait for the disk.
        if interrupt::requested() || watch.has_failed() {
            break;
        }
        let mut row = source.row(seq);
        if (turn as u64).is_multiple_of(WAITS_SAMPLED) {
            row.put_at = Some(Instant::now());
        }
        producer.put(row).map_err(|refused| anyhow!("row {seq} was refused: {refused}"))?;
    }
    Ok(())
}
