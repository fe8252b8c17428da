//! The command line of the binary `table`: which scenarios, how thoroughly, and where the JSON goes.

use std::{io, path::PathBuf, time::Duration};

use clap::Parser;

use crate::{
    goals,
    interleave::{self, Contender, Plan},
    json,
    latency::Latency,
    load::PRODUCER_COUNTS,
    machine::Machine,
    report,
    results::{LatencyTable, RateTable, Results},
    scenarios::{linger, overload, put, submit, wake},
};

/// Measures Batchline beside its naive twin and its peers, and prints tables.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Arguments {
    /// Under three minutes in all (the default)
    #[arg(long)]
    quick: bool,
    /// More rounds, longer runs
    #[arg(long, conflicts_with = "quick")]
    full: bool,
    /// Only contenders whose SCENARIO/CONTENDER contains this, as in put/2/crossfire
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// Rounds that count, instead of the 9 of --quick or the 31 of --full
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// Write the whole report here instead of target/bench/all.json
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Measures what the arguments ask for, and reports.
pub fn run(arguments: &Arguments) -> io::Result<()> {
    let machine = Machine::inspect();
    report::print_machine(&machine);
    let mut results = Results::default();
    for producers in PRODUCER_COUNTS {
        let group = put::group(producers);
        arguments.measure_rates(&mut results, group, put::contenders(producers), arguments.put_plan());
    }
    arguments.measure_rates(
        &mut results,
        submit::GROUP.to_owned(),
        submit::contenders(),
        arguments.submit_plan(),
    );
    let samples = |quick: usize| if arguments.full { 4 * quick } else { quick };
    arguments.measure_latencies(&mut results, wake::SCENARIO, || wake::measure(samples(2_000)));
    arguments.measure_latencies(&mut results, linger::SCENARIO, || linger::measure(samples(500)));
    let overload_for = Duration::from_secs(if arguments.full { 10 } else { 2 });
    arguments.measure_latencies(&mut results, overload::SCENARIO, || overload::measure(overload_for));
    let goals = goals::all(&results);
    report::print_goals(&goals);
    let directory = json::write(&machine, &results, &goals, arguments.json.as_deref())?;
    report::print_directory(&directory);
    Ok(())
}

impl Arguments {
    fn put_plan(&self) -> Plan {
        let run_target = Duration::from_millis(if self.full { 150 } else { 50 });
        Plan { rounds: self.rounds(), run_target, items_min: 100_000, items_max: 200_000_000 }
    }

    fn submit_plan(&self) -> Plan {
        let run_target = Duration::from_millis(if self.full { 300 } else { 100 });
        Plan { rounds: self.rounds(), run_target, items_min: 40_000, items_max: 20_000_000 }
    }

    fn rounds(&self) -> usize {
        self.rounds.map_or(if self.full { 31 } else { 9 }, usize::from)
    }

    fn admits(&self, scenario: &str, contender: &str) -> bool {
        self.only.as_ref().is_none_or(|pattern| format!("{scenario}/{contender}").contains(pattern))
    }

    fn measure_rates(&self, results: &mut Results, scenario: String, all: Vec<Contender>, plan: Plan) {
        let admitted: Vec<Contender> =
            all.into_iter().filter(|contender| self.admits(&scenario, &contender.name)).collect();
        if !admitted.is_empty() {
            let table = RateTable { scenario, rows: interleave::measure(&admitted, plan) };
            report::print_rates(&table);
            results.rates.push(table);
        }
    }

    fn measure_latencies(
        &self,
        results: &mut Results,
        scenario: &'static str,
        measure: impl FnOnce() -> Vec<Latency>,
    ) {
        // Latencies are sampled in turns, so a scenario runs as a whole or not at all.
        if self.admits(scenario, "") {
            let table = LatencyTable { scenario, rows: measure() };
            report::print_latencies(&table);
            results.latencies.push(table);
        }
    }
}
