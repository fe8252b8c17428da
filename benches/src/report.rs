//! The report on the terminal: the conditions, a table per scenario as soon as it is measured, the goals at the end.
#![allow(clippy::print_stdout, reason = "this is the file that prints the report")]

use std::path::Path;

use crate::{
    goals::{Bound, Goal},
    interleave::Measured,
    latency::Summary,
    machine::Machine,
    results::{LatencyRow, LatencyTable, RateTable},
    text_table,
};

/// Prints the conditions of the run.
pub fn print_machine(machine: &Machine) {
    println!("{} cores, {}, Linux {}", machine.cores, machine.cpu, machine.kernel);
    println!("{}, commit {}, load average {}", machine.rustc, machine.commit, machine.load_average);
    let peers: Vec<String> =
        machine.peers.iter().map(|(name, version)| format!("{name} {version}")).collect();
    println!("{}", peers.join(", "));
    println!("a read of the clock takes {:.1} ns, and is a part of every latency", machine.clock_read_ns);
}

/// Prints one table of rates.
pub fn print_rates(table: &RateTable) {
    let (rival, naive) = (table.best_rival(), table.naive());
    let rows: Vec<Vec<String>> = table.rows.iter().map(|row| rate_row(row, rival, naive)).collect();
    let heading = [
        "contender",
        "producers",
        "ns/item",
        "p25..p75",
        "M items/s",
        "allocs/item",
        "bytes/item",
        "items/batch",
        "op p50",
        "p95",
        "p99",
        "max",
        "vs rival",
        "vs naive",
    ];
    println!("\n{}, {}", table.name(), table.allocator);
    println!("{}", text_table::render(&heading, &rows));
    if let Some(rival) = rival {
        println!("vs rival: how many times faster than {}, the best of the peers", rival.name);
    }
}

fn rate_row(row: &Measured, rival: Option<&Measured>, naive: Option<&Measured>) -> Vec<String> {
    let (low, high) = row.quartiles_ns();
    let mut cells = vec![
        row.name.clone(),
        row.producers.to_string(),
        format!("{:.2}", row.median_ns()),
        format!("{low:.2}..{high:.2}"),
        format!("{:.1}", 1e3 / row.median_ns()),
        format!("{:.3}", row.item_allocations),
        format!("{:.2}", row.item_bytes),
        row.batch_items.map_or_else(absent, |items| format!("{items:.0}")),
    ];
    cells.extend(latency_cells(row.latency.as_ref()));
    cells.extend(
        [rival, naive]
            .map(|other| other.map_or_else(absent, |other| format!("{:.2}x", row.speedup_over(other)))),
    );
    cells
}

fn latency_cells(latency: Option<&Summary>) -> [String; 4] {
    let Some(latency) = latency else { return [(); 4].map(|()| absent()) };
    [latency.p50_ns, latency.p95_ns, latency.p99_ns, latency.max_ns].map(duration)
}

fn absent() -> String {
    "-".to_owned()
}

/// Prints one table of latencies.
pub fn print_latencies(table: &LatencyTable) {
    let rows: Vec<Vec<String>> = table.rows.iter().map(latency_row).collect();
    println!("\n{}/{}, {}", table.group, table.scenario, table.allocator);
    let heading = ["contender", "samples", "p50", "p95", "p99", "p99.9", "max", "remark"];
    println!("{}", text_table::render(&heading, &rows));
}

fn latency_row(row: &LatencyRow) -> Vec<String> {
    let Summary { samples, p50_ns, p95_ns, p99_ns, p999_ns, max_ns, .. } = row.summary;
    let mut cells = vec![row.name.clone(), samples.to_string()];
    cells.extend([p50_ns, p95_ns, p99_ns, p999_ns, max_ns].map(duration));
    cells.push(row.remark.clone());
    cells
}

/// A time in the unit that fits.
pub(crate) fn duration(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{:.1} µs", ns as f64 / 1e3),
        _ => format!("{:.2} ms", ns as f64 / 1e6),
    }
}

/// Prints the goals, and how many were reached.
pub fn print_goals(goals: &[Goal]) {
    let rows: Vec<Vec<String>> = goals.iter().map(goal_row).collect();
    println!("\ngoals");
    println!("{}", text_table::render(&["goal", "wanted", "measured", "verdict"], &rows));
    let reached = goals.iter().filter(|goal| goal.is_reached() == Some(true)).count();
    let measured = goals.iter().filter(|goal| goal.is_reached().is_some()).count();
    println!("{reached} of {measured} reached, {} not measured", goals.len() - measured);
}

/// Prints how long it took, and where the JSON is.
pub fn print_end(whole: &Path, page: &Path, seconds: u64) {
    println!("measured in {seconds} s; JSON: {}, page: {}", whole.display(), page.display());
}

fn goal_row(goal: &Goal) -> Vec<String> {
    let wanted = match goal.bound {
        Bound::AtLeast(bound) => format!(">= {bound}{}", goal.unit),
        Bound::AtMost(bound) => format!("<= {bound}{}", goal.unit),
    };
    let verdict = match goal.is_reached() {
        Some(true) => "reached",
        Some(false) => "NOT reached",
        None => "not measured",
    };
    let measured =
        goal.measured.map_or_else(|| "-".to_owned(), |measured| format!("{measured:.2}{}", goal.unit));
    vec![goal.text.clone(), wanted, measured, verdict.to_owned()]
}
