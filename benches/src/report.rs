//! The report on the terminal: the conditions, a table per scenario as soon as it is measured, the goals at the end.
#![allow(clippy::print_stdout, reason = "this is the file that prints the report")]

use std::path::Path;

use crate::{
    goals::{Bound, Goal},
    interleave::Measured,
    latency::Latency,
    machine::Machine,
    results::{LatencyTable, RateTable},
    text_table,
};

/// Prints the conditions of the run.
pub fn print_machine(machine: &Machine) {
    println!("{} cores, {}, Linux {}", machine.cores, machine.cpu, machine.kernel);
    println!("{}, commit {}, load average {}", machine.rustc, machine.commit, machine.load_average);
    let peers: Vec<String> =
        machine.peers.iter().map(|(name, version)| format!("{name} {version}")).collect();
    println!("{}", peers.join(", "));
}

/// Prints one table of rates.
pub fn print_rates(table: &RateTable) {
    let rival = table.best_rival();
    let rows: Vec<Vec<String>> = table.rows.iter().map(|row| rate_row(row, rival)).collect();
    let heading = [
        "contender",
        "producers",
        "ns/item",
        "p25..p75",
        "M items/s",
        "allocs/item",
        "items/batch",
        "vs rival",
    ];
    println!("\n{}", table.scenario);
    println!("{}", text_table::render(&heading, &rows));
    if let Some(rival) = rival {
        println!("vs rival: how many times faster than {}, the best of the peers", rival.name);
    }
}

fn rate_row(row: &Measured, rival: Option<&Measured>) -> Vec<String> {
    let (low, high) = row.quartiles_ns();
    vec![
        row.name.clone(),
        row.producers.to_string(),
        format!("{:.2}", row.median_ns()),
        format!("{low:.2}..{high:.2}"),
        format!("{:.1}", 1e3 / row.median_ns()),
        format!("{:.3}", row.item_allocations),
        row.batch_items.map_or_else(|| "-".to_owned(), |items| format!("{items:.0}")),
        rival.map_or_else(|| "-".to_owned(), |rival| format!("{:.2}x", row.speedup_over(rival))),
    ]
}

/// Prints one table of latencies.
pub fn print_latencies(table: &LatencyTable) {
    let rows: Vec<Vec<String>> = table.rows.iter().map(latency_row).collect();
    println!("\n{}", table.scenario);
    println!(
        "{}",
        text_table::render(&["contender", "samples", "p50", "p99", "p99.9", "max", "remark"], &rows)
    );
}

fn latency_row(row: &Latency) -> Vec<String> {
    vec![
        row.name.clone(),
        row.samples().to_string(),
        duration(row.quantile_ns(0.5)),
        duration(row.quantile_ns(0.99)),
        duration(row.quantile_ns(0.999)),
        duration(row.max_ns()),
        row.remark.clone(),
    ]
}

fn duration(ns: u64) -> String {
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

/// Prints where the JSON is.
pub fn print_directory(directory: &Path) {
    println!("JSON: {}", directory.display());
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
