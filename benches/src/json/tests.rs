//! The shape of the JSON, which other programs read.

use std::{env, fs, process};

use serde_json::{Value, json};

use super::{Frame, file_name, read_rates, report, write};
use crate::{
    goals::{Bound, Goal},
    interleave::{Measured, Role},
    latency::Summary,
    machine::Machine,
    results::{LatencyRow, LatencyTable, MIMALLOC, RateTable, Results, SYSTEM},
};

fn row(role: Role, name: &str, item_ns: Vec<f64>) -> Measured {
    Measured {
        name: name.to_owned(),
        role,
        producers: 2,
        batch_items_max: 1_000,
        items: 64_000,
        item_ns,
        batch_items: Some(998.5),
        item_allocations: 0.25,
        item_bytes: 16.0,
        held_item_bytes: None,
        latency: Summary::of(vec![10, 20, 30]),
        end_to_end: None,
    }
}

fn results() -> Results {
    let rows = vec![
        row(Role::Rival, "crossbeam", vec![10.0, 12.0, 11.0]),
        row(Role::Naive, "naive", vec![300.0, 303.0, 297.0]),
        row(Role::Ours, "batchline-put", vec![3.0, 2.0, 4.0]),
    ];
    let table = |allocator: &str| RateTable {
        group: "put".to_owned(),
        scenario: "heavy".to_owned(),
        allocator: allocator.to_owned(),
        optimized: Some("batchline-put".to_owned()),
        rows: rows.clone(),
    };
    let summary = Summary::of((1..=1_000).collect()).expect("there are samples");
    let bare = LatencyRow { name: "bare".to_owned(), role: Role::Floor, summary, remark: "cold".to_owned() };
    let latencies = vec![LatencyTable {
        group: "wake",
        scenario: "wake",
        allocator: MIMALLOC.to_owned(),
        rows: vec![bare],
    }];
    Results { rates: vec![table(MIMALLOC), table(SYSTEM)], latencies }
}

fn value() -> Value {
    let goals =
        [Goal { text: "a goal".to_owned(), bound: Bound::AtLeast(4.0), measured: Some(5.0), unit: "x" }];
    let machine = Machine::inspect();
    let frame = Frame { machine: &machine, mode: "quick", allocator: MIMALLOC, goals: &goals };
    report(frame, &results())
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn a_report_says_its_schema_and_conditions() {
    let value = value();
    assert_eq!(keys(&value), ["conditions", "goals", "instructions", "schema", "tables"]);
    assert_eq!(value["schema"], 2);
    let conditions = &value["conditions"];
    assert_eq!((&conditions["mode"], &conditions["allocator"]), (&json!("quick"), &json!("mimalloc")));
    let named = ["cores", "cpu", "kernel", "rustc", "commit", "load_average", "clock_read_ns", "peers"];
    named.iter().for_each(|key| assert!(!conditions[key].is_null(), "{key}"));
    assert_eq!(
        value["goals"][0],
        json!({"goal": "a goal", "at_least": 4.0, "unit": "x", "measured": 5.0, "reached": true})
    );
}

#[test]
fn a_rate_row_holds_what_readers_look_for() {
    let value = value();
    let table = &value["tables"][0];
    assert_eq!(
        (&table["group"], &table["scenario"], &table["kind"]),
        (&json!("put"), &json!("heavy"), &json!("rate"))
    );
    let row = &table["rows"][2];
    let expected = [
        ("contender", json!("batchline-put")),
        ("role", json!("ours")),
        ("producers", json!(2)),
        ("batch_items_max", json!(1000)),
        ("run_items", json!(64_000)),
        ("item_ns", json!(3.0)),
        ("item_ns_p25", json!(2.5)),
        ("item_ns_p75", json!(3.5)),
        ("item_ns_by_round", json!([3.0, 2.0, 4.0])),
        ("items_per_second", json!(1e9 / 3.0)),
        ("item_allocations", json!(0.25)),
        ("item_bytes", json!(16.0)),
        ("batch_items", json!(998.5)),
        ("speedup_over_naive", json!(100.0)),
    ];
    expected.iter().for_each(|(key, expected)| assert_eq!(row[key], *expected, "{key}"));
    assert!(row["speedup_over_rival"].as_f64().is_some_and(|ratio| (2.7..6.1).contains(&ratio)));
    assert_eq!(row["latency"]["p50_ns"], 20);
    assert_eq!(row["latency"]["quantiles_ns"].as_array().map(Vec::len), Some(101));
}

#[test]
fn a_latency_row_is_flat() {
    let value = value();
    let table = &value["tables"][2];
    assert_eq!((&table["kind"], &table["allocator"]), (&json!("latency"), &json!("mimalloc")));
    let row = &table["rows"][0];
    assert_eq!((&row["contender"], &row["role"]), (&json!("bare"), &json!("floor")));
    let numbers = ["samples", "p50_ns", "p95_ns", "p99_ns", "p999_ns", "max_ns"].map(|key| row[key].as_u64());
    assert_eq!(numbers, [1_000, 500, 950, 990, 999, 1_000].map(Some));
    assert_eq!(row["quantiles_ns"].as_array().map(Vec::len), Some(101));
    assert_eq!(row["remark"], "cold");
}

#[test]
fn files_of_the_system_allocator_have_names_of_their_own() {
    let value = value();
    assert_eq!(file_name(&value["tables"][0]), "put-heavy");
    assert_eq!(file_name(&value["tables"][1]), "put-heavy-system");
}

#[test]
fn another_process_reads_the_rates_back() -> std::io::Result<()> {
    let path = env::temp_dir().join(format!("batchline-bench-{}.json", process::id()));
    let machine = Machine::inspect();
    let frame = Frame { machine: &machine, mode: "quick", allocator: SYSTEM, goals: &[] };
    write(frame, &results(), &path)?;
    let tables = read_rates(&path)?;
    fs::remove_file(&path)?;
    assert_eq!(tables.len(), 2);
    let (read, written) = (&tables[1], &results().rates[1]);
    assert_eq!(json!(read), json!(written), "nothing is lost on the way");
    Ok(())
}
