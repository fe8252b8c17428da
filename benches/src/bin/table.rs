//! The binary `table`: measures, and prints the tables. See `--help`.

use std::{io, process::ExitCode};

use batchline_benches::{
    cli::{self, Arguments},
    counting_alloc::CountingAlloc,
};
use clap::Parser;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: CountingAlloc<MiMalloc> = CountingAlloc(MiMalloc);

fn main() -> io::Result<ExitCode> {
    cli::run(&Arguments::parse())
}
