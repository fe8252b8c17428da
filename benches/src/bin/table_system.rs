//! The binary `table-system`: the naive and optimized ones again, with the system's allocator. `table` runs it.

use std::{alloc::System, io};

use batchline_benches::{
    cli::{self, Arguments},
    counting_alloc::CountingAlloc,
};
use clap::Parser;

#[global_allocator]
static ALLOCATOR: CountingAlloc<System> = CountingAlloc(System);

fn main() -> io::Result<()> {
    cli::run_system(&Arguments::parse())
}
