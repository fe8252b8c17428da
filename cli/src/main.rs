//! The binary `batchline`: `demo` shows the core on real rows, `load` brings files into a database.
//!
//! Start here, then go to the file named like the subcommand: [`demo`], [`load`], [`completions`].

mod args;
mod commit;
mod completions;
mod console;
mod count;
mod demo;
mod duration;
mod exit;
mod interrupt;
mod ledger;
mod load;
mod machine;
mod progress;
mod table;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use args::{Command, CommandLine};
use exit::Outcome;

// Rows are made on one thread and dropped on another, which mimalloc does well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command = match CommandLine::try_parse() {
        Ok(line) => line.command,
        Err(answer) => return exit::after_parsing(&answer),
    };
    let (name, json) = (command.name(), command.wants_json());
    match run(command) {
        Ok(outcome) => outcome.into(),
        Err(error) => exit::after_failure(name, json, &error),
    }
}

fn run(command: Command) -> Result<Outcome> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Load(args) => load::run(&args),
        Command::Completions(args) => completions::run(&args),
    }
}
