//! The binary `page`: draws a saved run as one HTML file, or compares two. See `--help`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports where it wrote")]

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use batchline_benches::{compare, json, page};
use clap::Parser;

/// Draws a saved run as one HTML page, or compares two saved runs.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes of --compare: 0 nothing of ours is slower, 1 something is, 2 no comparison."
)]
struct Arguments {
    /// The saved run to draw
    #[arg(value_name = "RUN.json", required_unless_present = "compare")]
    run: Option<PathBuf>,
    /// Where the page goes, instead of target/bench/index.html
    #[arg(short, long, value_name = "FILE", conflicts_with = "compare")]
    output: Option<PathBuf>,
    /// Compare two saved runs instead
    #[arg(long, num_args = 2, value_names = ["BEFORE.json", "AFTER.json"], conflicts_with = "run")]
    compare: Option<Vec<PathBuf>>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match (&arguments.run, arguments.compare.as_deref()) {
        (_, Some([before, after])) => compare_files(before, after),
        (Some(run), _) => draw(run, arguments.output.as_deref()),
        (None, _) => Err("there is no run to draw".to_owned()),
    };
    done.unwrap_or_else(|complaint| {
        eprintln!("{complaint}");
        ExitCode::from(2)
    })
}

fn compare_files(before: &Path, after: &Path) -> Result<ExitCode, String> {
    let is_slower = compare::compare_files(before, after, &mut io::stdout().lock());
    is_slower.map(|is_slower| ExitCode::from(u8::from(is_slower))).map_err(|refusal| refusal.to_string())
}

fn draw(run: &Path, output: Option<&Path>) -> Result<ExitCode, String> {
    let report = page::Report::read(run).map_err(|error| format!("{} {error}", run.display()))?;
    let written = write(output, &page::render(&report)).map_err(|error| format!("the page: {error}"))?;
    println!("{}", written.display());
    Ok(ExitCode::SUCCESS)
}

fn write(output: Option<&Path>, page: &str) -> io::Result<PathBuf> {
    let output = match output {
        Some(output) => output.to_owned(),
        None => json::directory()?.join("index.html"),
    };
    if let Some(directory) = output.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(&output, page)?;
    Ok(output)
}
