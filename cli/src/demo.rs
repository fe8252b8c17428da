//! `batchline demo`: the same real rows into SQLite, one by one and in batches, and the proof that
//! every row arrived exactly once.
//!
//! The files in the order of the work: [`change`] holds the rows, [`replay`] numbers them,
//! [`database`] writes them, [`naive`] is one side, [`batched`] with its
//! [`producers`] and its [`worker`] the other, [`verify`] asks SQL what
//! arrived, [`report`] puts it into words and JSON, [`page`] and [`plots`] into a page.

mod batched;
mod change;
mod database;
mod disk;
mod naive;
mod page;
mod plots;
mod producers;
mod replay;
mod report;
mod spread;
mod timeline;
mod verify;
mod worker;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::args::DemoArgs;
use crate::exit::Outcome;
use crate::machine::Machine;
use crate::{console, interrupt};
use database::Files;
use replay::Source;
use report::{Parameters, Report};

/// Runs both sides, writes the page and prints the report.
pub(crate) fn run(args: &DemoArgs) -> Result<Outcome> {
    interrupt::watch()?;
    fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot create the folder {}", args.out.display()))?;
    let path = args.db.clone().unwrap_or_else(|| args.out.join("demo.db"));
    let report = measure(args, &path)?;
    let page = args.out.join("demo.html");
    fs::write(&page, page::render(&report)?).with_context(|| format!("cannot write {}", page.display()))?;
    let words = report.words(&page);
    console::report(args.json.then(|| report.json(&page)).as_ref(), &words)
        .context("cannot write the report")?;
    if let Some(error) = &report.batched.seen.first_error {
        console::note(&format!("error: a batch could not be written: {error}"));
    }
    Ok(report.outcome())
}

fn measure(args: &DemoArgs, path: &Path) -> Result<Report> {
    let source = Source::of(change::embedded()?, args.rows);
    let files = Files::at(path, args.keep)?;
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let fsync = disk::fsync_median(folder)?;
    let machine = Machine::with_files_in(folder);
    let naive = naive::run(&files.naive, &source, args.naive_rows)?;
    let batched = batched::run(&files.batched, &source, args)?;
    let checks = verify::all(&files, &source, &naive, &batched)?;
    let interrupted = interrupt::requested();
    let parameters = Parameters::of(args, path, batched.queue_items_max);
    Ok(Report { machine, fsync, parameters, source, naive, batched, checks, interrupted })
}
