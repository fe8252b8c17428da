//! The binary `counts`: `counts --list` names the cases, `counts CASE N` works through N items of one of them.
//!
//! Run under callgrind by `cargo xtask counts`. It reads no clock and starts no thread.

use std::{
    env,
    io::{self, Write},
    process::ExitCode,
};

use batchline_benches::counts::{CASES, Case, find};
use mimalloc::MiMalloc;

/// That of all benchmarks. The system's own would count differently from machine to machine.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Wrong usage, as the command line of the project has it.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["--list"] => list(&mut io::stdout()).map_err(|error| error.to_string()),
        [case, items] => chosen(case, items).map(|(case, items)| (case.run)(items)),
        _ => Err("counts --list, or counts CASE N".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => complain(&why),
    }
}

/// One line per case: name, side, whether it is seeded, and the items of the shorter run, apart by tabs.
fn list(out: &mut impl Write) -> io::Result<()> {
    CASES.iter().try_for_each(|case| {
        let repeats = if case.seeded { "seeded" } else { "exact" };
        writeln!(out, "{}\t{}\t{repeats}\t{}", case.name, case.side, case.items)
    })
}

fn chosen(case: &str, items: &str) -> Result<(&'static Case, u64), String> {
    let case = find(case).ok_or_else(|| format!("there is no case `{case}`; see counts --list"))?;
    let items: u64 = items.parse().map_err(|error| format!("`{items}` is no number of items: {error}"))?;
    if items.is_multiple_of(case.step_items) {
        return Ok((case, items));
    }
    Err(format!("{} takes multiples of {} items", case.name, case.step_items))
}

fn complain(why: &str) -> ExitCode {
    // Nobody is left to tell when standard error is closed too.
    let _ = writeln!(io::stderr(), "{why}");
    ExitCode::from(USAGE)
}
