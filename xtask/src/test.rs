//! `cargo xtask test`: every kind of test, one step after the other, stopping at the first that fails.

mod asked;
mod cargo_tests;
mod count;
mod dist;
mod go;
mod model;
mod outcome;
mod python;
mod report;
mod request;
mod step;
mod steps;
mod tee;

use anyhow::{Result, bail};
use asked::Asked;
use outcome::Outcome;
use report::Report;
use request::Request;
use std::time::Instant;

/// Runs the steps and prints the table, also when a step failed.
pub(crate) fn test(args: &[String]) -> Result<()> {
    let request = Request::parse(args)?;
    let mut report = Report::default();
    let verdict = run_steps(request, &mut report);
    print!("{report}");
    verdict.and_then(|()| report.require_a_test())
}

fn run_steps(request: Request, report: &mut Report) -> Result<()> {
    let plan = steps::plan(request.quick);
    let asked = Asked::of(request.filters, &steps::own_names());
    for (index, step) in plan.iter().enumerate() {
        println!("\n=== {}/{} {}: {}", index + 1, plan.len(), step.name, step.purpose);
        let start = Instant::now();
        let outcome = step.run(&asked);
        report.add(step.name, start.elapsed(), outcome.clone());
        announce(step.name, start, &outcome)?;
    }
    Ok(())
}

/// Says how the step went; a failed one ends the run.
fn announce(name: &str, start: Instant, outcome: &Outcome) -> Result<()> {
    let seconds = start.elapsed().as_secs_f64();
    match outcome {
        Outcome::Passed(_) => println!("=== {name}: ok in {seconds:.1} s"),
        Outcome::Unmatched => println!("=== {name}: no test here matches the filter"),
        Outcome::Skipped(why) => eprintln!("\n!!!!!!!!\n!!!!!!!! {name} SKIPPED: {why}\n!!!!!!!!"),
        Outcome::Failed(_, why) => bail!("step `{name}` failed after {seconds:.1} s: {why}"),
    }
    Ok(())
}
