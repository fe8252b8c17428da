//! The command line of the binaries `table` and `table-system`: which scenarios, how thoroughly, where the JSON goes.

use std::{
    env, fs, io,
    path::PathBuf,
    process::{Command, ExitCode},
    time::Duration,
};

use clap::Parser;

use crate::{
    compare,
    goals::{self, Goal},
    interleave,
    json::{self, Frame},
    latency::Latency,
    machine::Machine,
    page::{self, Report},
    progress::{self, Progress},
    report,
    results::{LatencyRow, LatencyTable, MIMALLOC, RateTable, Results, SYSTEM},
    scenarios::{linger, overload, put, wake},
    suite::{self, RateJob},
};

/// The binary that measures the naive and optimized ones with the system allocator; it stands beside `table`.
const SYSTEM_BINARY: &str = "table-system";

/// Takes all samples of a scenario.
type MeasureLatencies = Box<dyn Fn() -> Vec<Latency>>;

/// Measures Batchline beside its naive twins and its peers, and prints tables.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Arguments {
    /// Under three minutes in all (the default)
    #[arg(long)]
    quick: bool,
    /// More rounds, longer runs
    #[arg(long, conflicts_with = "quick")]
    full: bool,
    /// Only contenders whose GROUP/SCENARIO/CONTENDER contains this, as in put/producers-2/crossfire
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// Rounds that count, instead of the 7 or 9 of --quick or the 31 of --full
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// Write the whole report here instead of target/bench/all.json
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Compare with a saved run at the end; exit code 1 when something of ours is slower
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
}

/// Measures everything the arguments ask for, and reports: the work of `table`.
pub fn run(arguments: &Arguments) -> io::Result<ExitCode> {
    // Read first: the run may be about to overwrite it.
    let before = arguments.compare.as_deref().map(Report::read).transpose().map_err(io::Error::other)?;
    let machine = Machine::inspect();
    report::print_machine(&machine);
    let mut results = Results::default();
    let mut progress = arguments.measure_jobs(suite::rate_jobs(), MIMALLOC, &mut results);
    arguments.measure_latencies(&mut progress, &mut results);
    arguments.measure_system(&mut results)?;
    let goals = goals::all(&results);
    report::print_goals(&goals);
    let frame = arguments.frame(&machine, MIMALLOC, &goals);
    let directory = json::directory()?;
    json::write_tables(frame, &results, &directory)?;
    let whole = arguments.json.clone().unwrap_or_else(|| directory.join("all.json"));
    json::write(frame, &results, &whole)?;
    let after = Report::read(&whole).map_err(io::Error::other)?;
    let drawn = directory.join("index.html");
    fs::write(&drawn, page::render(&after))?;
    report::print_end(&whole, &drawn, progress.seconds());
    let Some(before) = before else { return Ok(ExitCode::SUCCESS) };
    let is_slower = compare::print_comparison(&before, &after, &mut io::stdout().lock());
    is_slower.map(|is_slower| ExitCode::from(u8::from(is_slower))).map_err(io::Error::other)
}

/// Measures the naive and optimized ones, in a process whose allocator is the system's: the work of `table-system`.
pub fn run_system(arguments: &Arguments) -> io::Result<()> {
    let mut results = Results::default();
    arguments.measure_jobs(suite::twin_jobs(), SYSTEM, &mut results);
    let whole = arguments.json.clone().map_or_else(system_file, Ok)?;
    json::write(arguments.frame(&Machine::inspect(), SYSTEM, &[]), &results, &whole)
}

fn system_file() -> io::Result<PathBuf> {
    Ok(json::directory()?.join("system.json"))
}

impl Arguments {
    fn frame<'a>(&self, machine: &'a Machine, allocator: &'a str, goals: &'a [Goal]) -> Frame<'a> {
        Frame { machine, mode: if self.full { "full" } else { "quick" }, allocator, goals }
    }

    /// Leaves the jobs and contenders that the pattern admits.
    fn admitted(&self, mut jobs: Vec<RateJob>) -> Vec<RateJob> {
        if let Some(pattern) = &self.only {
            jobs.iter_mut().for_each(|job| job.admit(pattern));
        }
        jobs.retain(|job| !job.contenders.is_empty());
        jobs
    }

    fn measure_jobs(&self, jobs: Vec<RateJob>, allocator: &str, results: &mut Results) -> Progress {
        let jobs = self.admitted(jobs);
        let runs = |job: &RateJob| self.plan(job).runs() * job.contenders.len();
        let mut progress = Progress::new(jobs.iter().map(runs).sum());
        for job in jobs {
            progress.begin(&format!("{}/{}, {allocator}", job.group, job.scenario));
            let rows = interleave::measure(&job.contenders, self.plan(&job), || progress.ran());
            let RateJob { group, scenario, optimized, .. } = job;
            let (group, optimized) = (group.to_owned(), optimized.map(str::to_owned));
            let table = RateTable { group, scenario, allocator: allocator.to_owned(), optimized, rows };
            report::print_rates(&table);
            end_to_end(&table).into_iter().for_each(|second| add_latencies(second, results));
            results.rates.push(table);
        }
        progress
    }

    fn plan(&self, job: &RateJob) -> interleave::Plan {
        job.pace.plan(self.full, self.rounds.map(usize::from))
    }

    fn measure_latencies(&self, progress: &mut Progress, results: &mut Results) {
        for (scenario, measure) in latency_jobs(self.full) {
            // Latencies are sampled in turns, so a scenario runs as a whole or not at all.
            if self.only.as_ref().is_none_or(|pattern| format!("{scenario}/{scenario}/").contains(pattern)) {
                progress.begin(scenario);
                let rows: Vec<LatencyRow> = measure().into_iter().map(LatencyRow::from).collect();
                let allocator = MIMALLOC.to_owned();
                add_latencies(LatencyTable { group: scenario, scenario, allocator, rows }, results);
            }
        }
    }

    /// Runs `table-system` and takes over its tables.
    fn measure_system(&self, results: &mut Results) -> io::Result<()> {
        if self.admitted(suite::twin_jobs()).is_empty() {
            return Ok(());
        }
        let binary = env::current_exe()?.with_file_name(SYSTEM_BINARY);
        if !binary.exists() {
            progress::left_out("the system allocator", "table-system is not beside this binary; build both");
            return Ok(());
        }
        let file = system_file()?;
        let status = self.repeat_on(&mut Command::new(binary)).arg("--json").arg(&file).status()?;
        if !status.success() {
            return Err(io::Error::other(format!("{SYSTEM_BINARY}: {status}")));
        }
        let tables = json::read_rates(&file)?;
        results.latencies.extend(tables.iter().filter_map(end_to_end));
        results.rates.extend(tables);
        Ok(())
    }

    /// Gives the command what was given to us.
    fn repeat_on<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if self.full {
            command.arg("--full");
        }
        let pattern = self.only.iter().flat_map(|pattern| ["--only".to_owned(), pattern.clone()]);
        let rounds = self.rounds.iter().flat_map(|rounds| ["--rounds".to_owned(), rounds.to_string()]);
        command.args(pattern.chain(rounds))
    }
}

fn latency_jobs(full: bool) -> [(&'static str, MeasureLatencies); 3] {
    let samples = move |quick: usize| if full { 4 * quick } else { quick };
    let overload_for = Duration::from_secs(if full { 10 } else { 2 });
    [
        (wake::SCENARIO, Box::new(move || wake::measure(samples(2_000)))),
        (linger::SCENARIO, Box::new(move || linger::measure(samples(500)))),
        (overload::SCENARIO, Box::new(move || overload::measure(overload_for))),
    ]
}

/// The second table of a scenario that knows how long its items were on their way.
fn end_to_end(table: &RateTable) -> Option<LatencyTable> {
    let (rows, allocator) = (table.end_to_end(), table.allocator.clone());
    let any = !rows.is_empty();
    any.then_some(LatencyTable { group: put::GROUP, scenario: put::light::END_TO_END, allocator, rows })
}

fn add_latencies(table: LatencyTable, results: &mut Results) {
    report::print_latencies(&table);
    results.latencies.push(table);
}
