//! The batched side: producers put rows into a batcher, its worker writes each batch at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use batchline::{Batcher, Deadline, SealReason};

use super::database::Fresh;
use super::naive::rate;
use super::producers;
use super::replay::Source;
use super::worker::{Seen, Watch, Worker};
use crate::args::DemoArgs;
use crate::ledger::Ledger;
use crate::progress;

/// Batches that may wait for the worker: enough to never let it starve, few enough to keep waits short.
const BATCHES_WAITING: u64 = 4;

/// Far beyond what a healthy disk needs for the batches that wait at the end.
const CLOSE_WITHIN: Duration = Duration::from_secs(120);

/// What the batched side did.
#[derive(Clone, Debug)]
pub(crate) struct Batched {
    pub(crate) elapsed: Duration,
    pub(crate) ledger: Ledger,
    /// Rows that the close did not finish in time.
    pub(crate) cut_off: u64,
    /// Rows done, by the receipt of the close.
    pub(crate) receipt_done: u64,
    pub(crate) queue_items_max: u64,
    pub(crate) by_reason: [(&'static str, u64); SealReason::COUNT],
    pub(crate) seen: Seen,
}

impl Batched {
    pub(crate) fn rows_per_s(&self) -> f64 {
        rate(self.ledger.done, self.elapsed)
    }
}

/// Puts all rows of the source, closes, and tells what happened.
pub(crate) fn run(database: &Fresh, source: &Source, args: &DemoArgs) -> Result<Batched> {
    let bar = progress::rows("batched", source.rows);
    let queue_items_max = args.batch * BATCHES_WAITING;
    let watch = Arc::new(Watch::starting_at(Instant::now()));
    let batcher = Batcher::builder()
        .name("demo")
        .batch_items_max(args.batch as usize)
        .queue_items_max(queue_items_max as usize)
        .linger(args.linger)
        // The report tells the first failure; the others follow from it.
        .on_failure(|_| ())
        .build_per_worker(|_| {
            let mut worker = Worker::open(&database.path, Arc::clone(&watch), bar.clone());
            move |batch: &mut batchline::Batch<_>| worker.handle(batch)
        })
        .context("the batcher refuses these parameters")?;
    let put = producers::put_all(&batcher, source, args.producers, &watch);
    let receipt = batcher.close(Deadline::after(CLOSE_WITHIN));
    let elapsed = watch.elapsed();
    bar.finish_and_clear();
    put?;
    let stats = batcher.stats();
    let by_reason = SealReason::ALL.map(|reason| (reason.name(), stats.batches_for(reason)));
    Ok(Batched {
        elapsed,
        ledger: Ledger::of(&stats),
        cut_off: receipt.handed_back + receipt.still_running,
        receipt_done: receipt.done,
        queue_items_max,
        by_reason,
        seen: watch.seen(),
    })
}
