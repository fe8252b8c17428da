//! The same report as JSON: one file per table in `target/bench/`, and the whole in one file. The README says what is
//! in it; `schema` counts the changes that readers must know of.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    goals::{Bound, Goal},
    interleave::Measured,
    machine::Machine,
    results::{LatencyRow, LatencyTable, MIMALLOC, RateTable, Results},
};

/// The version of the shape.
const SCHEMA: u32 = 2;

/// What a report says beside its tables.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Where and with what it was made.
    pub machine: &'a Machine,
    /// `quick` or `full`.
    pub mode: &'a str,
    /// The allocator of this process.
    pub allocator: &'a str,
    /// The verdicts.
    pub goals: &'a [Goal],
}

/// Where the files go unless somebody says otherwise; makes the folder.
pub fn directory() -> io::Result<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target");
    let directory = env::var_os("CARGO_TARGET_DIR").map_or_else(default, PathBuf::from).join("bench");
    fs::create_dir_all(&directory)?;
    Ok(directory)
}

/// Writes the whole report to `whole`.
pub fn write(frame: Frame<'_>, results: &Results, whole: &Path) -> io::Result<()> {
    write_value(whole, &report(frame, results))
}

/// Writes one file per table into the folder.
pub fn write_tables(frame: Frame<'_>, results: &Results, directory: &Path) -> io::Result<()> {
    let report = report(frame, results);
    for table in report["tables"].as_array().into_iter().flatten() {
        let file = json!({ "schema": SCHEMA, "conditions": report["conditions"], "table": table });
        write_value(&directory.join(file_name(table)).with_extension("json"), &file)?;
    }
    Ok(())
}

/// The tables of rates in a report that another process wrote.
pub fn read_rates(whole: &Path) -> io::Result<Vec<RateTable>> {
    let report: Value = serde_json::from_slice(&fs::read(whole)?)?;
    let tables = report["tables"].as_array().into_iter().flatten();
    let rates = tables.filter(|table| table["kind"] == "rate");
    Ok(rates.map(|table| serde_json::from_value(table.clone())).collect::<Result<_, _>>()?)
}

fn write_value(path: &Path, value: &Value) -> io::Result<()> {
    fs::write(path, format!("{value:#}\n"))
}

fn file_name(table: &Value) -> String {
    let part = |key| table[key].as_str().unwrap_or("unnamed");
    let suffix =
        if part("allocator") == MIMALLOC { String::new() } else { format!("-{}", part("allocator")) };
    format!("{}-{}{suffix}", part("group"), part("scenario"))
}

fn report(frame: Frame<'_>, results: &Results) -> Value {
    let rates = results.rates.iter().map(rate_table);
    let latencies = results.latencies.iter().map(latency_table);
    let tables: Vec<Value> = rates.chain(latencies).collect();
    let goals: Vec<Value> = frame.goals.iter().map(goal_value).collect();
    let instructions = instructions(&frame.machine.commit).unwrap_or_default();
    json!({
        "schema": SCHEMA,
        "conditions": conditions(frame),
        "tables": tables,
        "goals": goals,
        "instructions": instructions,
    })
}

/// What `cargo xtask counts` has counted, if that was the same commit.
fn instructions(commit: &str) -> Option<Vec<Value>> {
    let counts: Value =
        serde_json::from_slice(&fs::read(directory().ok()?.join("counts.json")).ok()?).ok()?;
    (counts["commit"] == commit).then(|| counts["counts"].as_array().cloned())?
}

fn conditions(frame: Frame<'_>) -> Value {
    let machine = frame.machine;
    let peers: serde_json::Map<String, Value> =
        machine.peers.iter().map(|(name, version)| ((*name).to_owned(), json!(version))).collect();
    json!({
        "cores": machine.cores,
        "cpu": machine.cpu,
        "kernel": machine.kernel,
        "rustc": machine.rustc,
        "commit": machine.commit,
        "load_average": machine.load_average,
        "clock_read_ns": machine.clock_read_ns,
        "peers": peers,
        "mode": frame.mode,
        "allocator": frame.allocator,
    })
}

fn rate_table(table: &RateTable) -> Value {
    let rows: Vec<Value> = table.rows.iter().map(|row| rate_row(row, table)).collect();
    json!({
        "group": table.group,
        "scenario": table.scenario,
        "kind": "rate",
        "allocator": table.allocator,
        "optimized": table.optimized,
        "rival": table.best_rival().map(|rival| &rival.name),
        "rows": rows,
    })
}

fn rate_row(row: &Measured, table: &RateTable) -> Value {
    let (low, high) = row.quartiles_ns();
    let derived = json!({
        "item_ns": row.median_ns(),
        "item_ns_p25": low,
        "item_ns_p75": high,
        "items_per_second": 1e9 / row.median_ns(),
        "speedup_over_rival": table.best_rival().map(|rival| row.speedup_over(rival)),
        "speedup_over_naive": table.naive().map(|naive| row.speedup_over(naive)),
    });
    merged(json!(row), derived)
}

fn latency_table(table: &LatencyTable) -> Value {
    let rows: Vec<Value> = table.rows.iter().map(latency_row).collect();
    json!({
        "group": table.group,
        "scenario": table.scenario,
        "kind": "latency",
        "allocator": table.allocator,
        "rows": rows,
    })
}

fn latency_row(row: &LatencyRow) -> Value {
    let beside = json!({ "contender": row.name, "role": row.role, "remark": row.remark });
    merged(json!(row.summary), beside)
}

/// Two objects as one.
fn merged(mut into: Value, from: Value) -> Value {
    if let (Value::Object(into), Value::Object(from)) = (&mut into, from) {
        into.extend(from);
    }
    into
}

fn goal_value(goal: &Goal) -> Value {
    let (side, bound) = match goal.bound {
        Bound::AtLeast(bound) => ("at_least", bound),
        Bound::AtMost(bound) => ("at_most", bound),
    };
    json!({
        "goal": goal.text,
        side: bound,
        "unit": goal.unit.trim(),
        "measured": goal.measured,
        "reached": goal.is_reached(),
    })
}

#[cfg(test)]
mod tests;
