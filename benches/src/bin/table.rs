//! The binary `table`: measures, and prints the tables. See `--help`.

use std::io;

use batchline_benches::cli::{self, Arguments};
use clap::Parser;

fn main() -> io::Result<()> {
    cli::run(&Arguments::parse())
}
