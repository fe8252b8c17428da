//! `batchline load`: a file into a table, in batches, with a reject file and a receipt.
//!
//! The files in the order a line travels: [`input`] brings bytes, [`records`] cuts them into lines or
//! CSV records with the help of [`scan`], [`csv_cells`] and [`json_cells`] read cells, [`layout`] finds
//! their columns, [`sample`] guesses types from [`kind`] and [`number`], [`schema`] creates or matches
//! the table, [`fit`] turns cells into values, [`intake`] puts rows into the batcher, [`store`] writes
//! batches, [`rejects`] keeps what could not be loaded, [`receipt`] adds up.

mod cell;
mod csv_cells;
mod fit;
mod input;
mod intake;
mod json_cells;
mod kind;
mod layout;
mod name;
mod number;
mod receipt;
mod records;
mod refusal;
mod rejects;
mod row;
mod sample;
mod scan;
mod schema;
mod store;
pub(crate) mod target;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use batchline::{Batcher, Deadline, Oversize, Retry};

use crate::args::LoadArgs;
use crate::exit::Outcome;
use crate::ledger::Ledger;
use crate::{console, interrupt};
use input::{Input, Source};
use intake::{Ending, Intake};
use layout::Layout;
use receipt::Receipt;
use records::Records;
use rejects::Rejects;
use row::Row;
use sample::Sample;
use schema::{Plan, Table};
use store::{Progress, Store};

/// A batch of large rows is sealed by bytes, long before it is full.
const BATCH_BYTES_MAX: usize = 16 << 20;
/// Rows that wait for the worker hold no more memory than this, plus a few of the longest lines.
const QUEUE_BYTES: usize = 64 << 20;
/// Batches that may wait for the worker; more would only take memory.
const BATCHES_WAITING: usize = 8;

/// Loads, prints the receipt, and says how it went.
pub(crate) fn run(args: &LoadArgs) -> Result<Outcome> {
    interrupt::watch()?;
    let receipt = load(args)?;
    let outcome = receipt.outcome(args.allow_rejects);
    console::report(args.json.then(|| receipt.json(outcome)).as_ref(), &receipt.words())
        .context("cannot write the receipt")?;
    if let Some(complaint) = receipt.complaint(outcome) {
        console::note(&format!("error: {complaint}"));
    }
    Ok(outcome)
}

fn load(args: &LoadArgs) -> Result<Receipt> {
    let source = Source::of(args)?;
    let rejects = Arc::new(Rejects::at(rejects_path(args))?);
    let input = Input::open(&source)?;
    let table = Table::find(args)?;
    let mut records = Records::of(input, source.format, source.delimiter, args.line_bytes_max);
    let mut layout = Layout::read(&mut records, source.format, source.delimiter)?;
    let mut intake = Intake::new(records, Arc::clone(&rejects));
    let sample = Sample::take(&mut intake, &mut layout, table.is_there())?;
    match table.ready(&layout, &sample)? {
        None if intake.lines() == 0 => bail!("the input is empty"),
        None => Ok(Receipt::of_input(args, &intake, &rejects)),
        Some(plan) => {
            let (ending, ledger, progress) =
                transfer(args, &plan, &mut intake, sample, &mut layout, &rejects)?;
            let receipt = Receipt::of_input(args, &intake, &rejects);
            Ok(receipt.about_table(plan.created, table.had_rows).with_rows(ending, ledger, &progress))
        }
    }
}

/// Moves the rows through a batcher of their own.
fn transfer(
    args: &LoadArgs,
    plan: &Plan,
    intake: &mut Intake,
    sample: Sample,
    layout: &mut Layout,
    rejects: &Arc<Rejects>,
) -> Result<(Ending, Ledger, Arc<Progress>)> {
    let progress = Arc::new(Progress::default());
    let batcher = batcher(args, plan.insert.clone(), rejects, &progress)?;
    let ending = intake.put_all(sample, layout, plan, &batcher, &progress);
    // Whatever ended the intake, all that was accepted gets its outcome; a second Ctrl-C ends at once.
    batcher.close(Deadline::never());
    Ok((ending, Ledger::of(&batcher.stats()), progress))
}

fn batcher(
    args: &LoadArgs,
    insert: String,
    rejects: &Arc<Rejects>,
    progress: &Arc<Progress>,
) -> Result<Batcher<Row>> {
    let (target, busy_timeout) = (args.into.clone(), args.busy_timeout);
    let (rejects, progress) = (Arc::clone(rejects), Arc::clone(progress));
    Batcher::builder()
        .name("load")
        .batch_items_max(args.batch as usize)
        .queue_items_max(args.batch as usize * BATCHES_WAITING)
        .linger(args.linger)
        .weigher(Row::bytes)
        .batch_bytes_max(BATCH_BYTES_MAX)
        .queue_bytes_max(QUEUE_BYTES + 4 * args.line_bytes_max as usize)
        .oversize(Oversize::Alone)
        // Enough to bring every single row of a batch apart, whatever the pattern of bad ones.
        .retry(Retry::bisect(2 * args.batch as u32))
        // Failures are told by the receipt and the reject file.
        .on_failure(|_| ())
        .build_per_worker(move |_| {
            let mut store =
                Store::open(&target, busy_timeout, &insert, Arc::clone(&rejects), Arc::clone(&progress));
            move |batch: &mut batchline::Batch<Row>| store.handle(batch)
        })
        .context("the batcher refuses these parameters")
}

fn rejects_path(args: &LoadArgs) -> PathBuf {
    let usual = || Path::new("").join(format!("{}.rejects.ndjson", name::for_file(&args.table)));
    args.rejects.clone().unwrap_or_else(usual)
}
