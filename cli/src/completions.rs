//! `batchline completions`: the script that lets a shell complete our command line.

use anyhow::{Context, Result};
use clap::CommandFactory;

use crate::args::{CommandLine, CompletionsArgs};
use crate::{console, exit::Outcome};

/// Prints the script for one shell.
pub(crate) fn run(args: &CompletionsArgs) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut CommandLine::command(), "batchline", &mut script);
    console::print(&String::from_utf8_lossy(&script)).context("cannot write the completions")?;
    Ok(Outcome::Done)
}
