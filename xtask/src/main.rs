//! `cargo xtask <command>`: every command of this project, for people and for CI alike. This file only dispatches.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task runner talks to a terminal: printing is its job"
)]

mod bench;
mod compiler;
mod counts;
mod dist;
mod header;
mod help;
mod lexer;
mod packages;
mod program;
mod python;
mod run;
mod test;
mod tidy;
mod workspace;

use anyhow::{Result, bail};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<()> {
    let (name, rest) = args.split_first().map_or(("help", args), |(name, rest)| (name.as_str(), rest));
    if help::is_asked_for(name, rest) {
        help::print();
        return Ok(());
    }
    match name {
        "run" => run::run(rest),
        "test" => test::test(rest),
        "bench" => bench::bench(rest),
        "counts" => counts::counts(rest),
        "header" => header::header(rest),
        "dist" => dist::dist(rest),
        "tidy" => tidy::tidy(rest),
        other => bail!("there is no command `{other}`; `cargo xtask help` lists them"),
    }
}
