//! The binary `docs`: writes the figures of a saved run into the project's pages. See `--help`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports what it wrote")]

use std::{path::PathBuf, process::ExitCode};

use batchline_benches::{docs, json, page::Report};
use clap::Parser;

/// Writes the figures of a saved run into README.md and docs/guide/performance.md, between their marks.
#[derive(Debug, Parser)]
#[command(version)]
#[command(after_help = "Exit codes: 0 the pages have these figures, 2 the pages are as they were.")]
struct Arguments {
    /// The saved run, instead of target/bench/all.json; it must be complete
    #[arg(value_name = "RUN.json")]
    run: Option<PathBuf>,
    /// The root of the repository, instead of the current folder
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    root: PathBuf,
}

fn main() -> ExitCode {
    match write(&Arguments::parse()) {
        Ok(report) => println!("{report}"),
        Err(complaint) => {
            eprintln!("{complaint}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn write(arguments: &Arguments) -> Result<String, String> {
    let run = match &arguments.run {
        Some(run) => run.clone(),
        None => json::directory().map_err(|error| format!("target/bench: {error}"))?.join("all.json"),
    };
    let report = Report::read(&run).map_err(|error| format!("{} {error}", run.display()))?;
    let changed = docs::write(&arguments.root, &report).map_err(|refusal| refusal.to_string())?;
    let what = if changed.is_empty() { "no page".to_owned() } else { changed.join(", ") };
    Ok(format!("{what} changed, from the run of commit {}", report.conditions.commit))
}
