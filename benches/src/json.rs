//! The same report as JSON: one file per scenario in `target/bench/`, and the whole in one file on request.

use std::{env, fs, io, path::Path, path::PathBuf};

use serde_json::{Value, json};

use crate::{
    goals::{Bound, Goal},
    interleave::{Measured, Role},
    latency::Latency,
    machine::Machine,
    results::{LatencyTable, RateTable, Results},
};

/// Writes one file per scenario, and the whole to `whole` if asked; returns the directory.
pub fn write(
    machine: &Machine,
    results: &Results,
    goals: &[Goal],
    whole: Option<&Path>,
) -> io::Result<PathBuf> {
    let directory = target_directory().join("bench");
    fs::create_dir_all(&directory)?;
    let rates = results.rates.iter().map(rate_table);
    let tables: Vec<Value> = rates.chain(results.latencies.iter().map(latency_table)).collect();
    let conditions = conditions(machine);
    for table in &tables {
        let name = table["scenario"].as_str().unwrap_or("unnamed").replace('/', "-");
        let file = json!({ "conditions": conditions, "table": table });
        write_value(&directory.join(name).with_extension("json"), &file)?;
    }
    let goals: Vec<Value> = goals.iter().map(goal_value).collect();
    let everything = json!({ "conditions": conditions, "tables": tables, "goals": goals });
    write_value(whole.unwrap_or(&directory.join("all.json")), &everything)?;
    Ok(directory)
}

fn target_directory() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target");
    env::var_os("CARGO_TARGET_DIR").map_or_else(default, PathBuf::from)
}

fn write_value(path: &Path, value: &Value) -> io::Result<()> {
    fs::write(path, format!("{value:#}\n"))
}

fn conditions(machine: &Machine) -> Value {
    let peers: serde_json::Map<String, Value> =
        machine.peers.iter().map(|(name, version)| ((*name).to_owned(), json!(version))).collect();
    json!({
        "cores": machine.cores,
        "cpu": machine.cpu,
        "kernel": machine.kernel,
        "rustc": machine.rustc,
        "commit": machine.commit,
        "load_average": machine.load_average,
        "peers": peers,
    })
}

fn rate_table(table: &RateTable) -> Value {
    let rival = table.best_rival();
    let rows: Vec<Value> = table.rows.iter().map(|row| rate_row(row, rival)).collect();
    json!({ "scenario": table.scenario, "rival": rival.map(|rival| &rival.name), "rows": rows })
}

fn rate_row(row: &Measured, rival: Option<&Measured>) -> Value {
    let (low, high) = row.quartiles_ns();
    json!({
        "contender": row.name,
        "role": role_name(row.role),
        "producers": row.producers,
        "run_items": row.items,
        "item_ns": row.median_ns(),
        "item_ns_p25": low,
        "item_ns_p75": high,
        "item_ns_by_round": row.item_ns,
        "item_allocations": row.item_allocations,
        "batch_items": row.batch_items,
        "speedup_over_rival": rival.map(|rival| row.speedup_over(rival)),
    })
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Floor => "floor",
        Role::Rival => "rival",
        Role::Naive => "naive",
        Role::Ours => "ours",
    }
}

fn latency_table(table: &LatencyTable) -> Value {
    let rows: Vec<Value> = table.rows.iter().map(latency_row).collect();
    json!({ "scenario": table.scenario, "rows": rows })
}

fn latency_row(row: &Latency) -> Value {
    json!({
        "contender": row.name,
        "samples": row.samples(),
        "p50_ns": row.quantile_ns(0.5),
        "p99_ns": row.quantile_ns(0.99),
        "p999_ns": row.quantile_ns(0.999),
        "max_ns": row.max_ns(),
        "remark": row.remark,
    })
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
