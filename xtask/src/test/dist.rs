//! The step `dist`: the tree of the C library is made, moved away, and then used as its users would.

mod guide;
mod moved;
mod other_archive;
mod strict;
mod symbols;

use super::count::Count;
use super::outcome::Outcome;
use crate::dist::build_and_make;
use anyhow::Result;
use moved::Moved;
use std::fs;

/// Runs all checks, up to the first that fails.
pub(crate) fn test() -> Outcome {
    let mut count = Count::default();
    match run(&mut count) {
        Ok(()) => Outcome::judge(true, count, false),
        Err(error) => Outcome::Failed(Count { failed: 1, ..count }, format!("{error:#}")),
    }
}

fn run(count: &mut Count) -> Result<()> {
    let moved = make_and_move()?;
    let mut check = |name: &str, result: Result<()>| {
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        println!("dist: {name} ... {verdict}");
        count.passed += u64::from(result.is_ok());
        result
    };
    check("the shared library exports calls only", symbols::exported(&moved))?;
    check("the static library has calls as its only global names", symbols::global(&moved))?;
    check("the soname has the major number of the ABI", symbols::soname(&moved))?;
    check("another Rust archive fits into the same program", other_archive::fits(&moved))?;
    let guide = guide::read()?;
    guide::write_files(&guide, &moved.programs)?;
    for name in guide::programs(&guide) {
        check(&format!("{name} compiles under strict rules"), strict::compiles(&moved, name))?;
        check(&format!("{name} has no complaint of valgrind"), strict::passes_valgrind(&moved, name))?;
    }
    for block in guide::commands(&guide) {
        check(&format!("the commands at line {} of the guide", block.line), guide::run(block, &moved))?;
    }
    Ok(())
}

/// In a folder of its own in the target directory, new each time.
fn make_and_move() -> Result<Moved> {
    let layout = build_and_make(|target| target.join("dist-test/made/batchline"))?;
    let folder = layout.place.ancestors().nth(2).map(ToOwned::to_owned).unwrap_or_default();
    for old in ["moved", "programs"].map(|name| folder.join(name)) {
        if old.exists() {
            fs::remove_dir_all(old)?;
        }
    }
    let layout = layout.moved_to(&folder.join("moved/elsewhere"))?;
    fs::create_dir_all(folder.join("programs"))?;
    Ok(Moved { layout, programs: folder.join("programs") })
}
