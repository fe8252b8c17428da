//! `cargo xtask counts`: instructions per item of the single-threaded cases, counted by callgrind, beside a baseline.
//!
//! Counts repeat where nanoseconds do not: two runs, and two builds in different folders, differ by less than a
//! thousandth of an instruction per item. So a small tolerance finds a single instruction more in the path of a put.

mod baseline;
mod build;
mod callgrind;
mod case;
mod measure;
mod report;
mod table;
mod tolerance;
mod valgrind;
mod verdict;

use crate::compiler::Compiler;
use crate::workspace::root;
use anyhow::{Result, bail};
use baseline::Baseline;
use report::Report;
use valgrind::Valgrind;

/// What the counts are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Show,
    Check,
    Update,
}

impl Purpose {
    fn parse(args: &[String]) -> Result<Self> {
        match args {
            [] => Ok(Self::Show),
            [flag] if flag == "--check" => Ok(Self::Check),
            [flag] if flag == "--update" => Ok(Self::Update),
            _ => bail!("`counts` takes nothing, --check, or --update"),
        }
    }
}

/// Counts, prints the table, and checks against the baseline or replaces it.
pub(crate) fn counts(args: &[String]) -> Result<()> {
    let purpose = Purpose::parse(args)?;
    let valgrind = match valgrind::find_or_install()? {
        Valgrind::Found(version) => version,
        Valgrind::Missing(why) => {
            eprintln!("\n!!!!!!!!\n!!!!!!!! counts SKIPPED: {why}\n!!!!!!!!");
            return Ok(());
        }
    };
    let compiler = Compiler::ask()?;
    let path = root().join("benches/counts.json");
    let report = Report::new(measure::all()?, Baseline::read(&path)?, compiler, valgrind);
    print!("{report}");
    println!("written to {}", report.write()?.display());
    match purpose {
        Purpose::Show => Ok(()),
        Purpose::Check => report.require_no_regression(),
        Purpose::Update => report.as_baseline().write(&path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_purpose_at_a_time() {
        let parse =
            |line: &str| Purpose::parse(&line.split_whitespace().map(String::from).collect::<Vec<_>>());
        assert_eq!(parse("").unwrap(), Purpose::Show);
        assert_eq!(parse("--check").unwrap(), Purpose::Check);
        assert_eq!(parse("--update").unwrap(), Purpose::Update);
        assert!(parse("--check --update").is_err() && parse("put").is_err());
    }
}
