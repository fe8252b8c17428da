//! Verdicts about two saved runs, on runs whose truth is known.

mod saved_run;

use std::{fs, path::PathBuf, process::Command};

use batchline_benches::{
    compare::{Comparison, Refusal, compare, print_comparison, verdict::Verdict},
    page::Report,
};
use saved_run::SavedRun;
use serde_json::{Value, json};

fn report(run: &Value) -> Report {
    Report::parse(&run.to_string()).expect("it is a saved run")
}

fn compared(before: &SavedRun, after: &SavedRun) -> Comparison {
    compare(&report(&before.json()), &report(&after.json())).expect("they have groups in common")
}

fn verdict(comparison: &Comparison, group: &str) -> Verdict {
    let found = comparison.groups.iter().find(|found| found.group == group);
    found.expect("the group is there").verdict
}

fn printed(before: &Value, after: &Value) -> (String, bool) {
    let mut out = Vec::new();
    let is_slower =
        print_comparison(&report(before), &report(after), &mut out).expect("they can be compared");
    (String::from_utf8(out).expect("it is text"), is_slower)
}

#[test]
fn the_same_run_is_level() {
    let found = compared(&SavedRun::default(), &SavedRun::default());
    for group in ["put", "submit", "map-set"] {
        assert_eq!(verdict(&found, group), Verdict::Level, "{group}");
    }
    assert!(!found.is_anything_slower());
    assert!(found.warnings.is_empty());
}

#[test]
fn another_run_of_the_same_code_is_level() {
    let found = compared(&SavedRun::default(), &SavedRun { seed: 77, ..SavedRun::default() });
    assert_eq!(["put", "submit", "map-set", "wake"].map(|group| verdict(&found, group)), [Verdict::Level; 4]);
}

#[test]
fn twenty_percent_are_seen_in_both_directions() {
    let changed =
        |factor| SavedRun { seed: 77, changed: vec![("batchline-put", factor)], ..SavedRun::default() };
    let slower = compared(&SavedRun::default(), &changed(1.2));
    assert_eq!(["put", "submit"].map(|group| verdict(&slower, group)), [Verdict::Slower, Verdict::Level]);
    assert!(slower.is_anything_slower());
    let rows = slower.ours().filter(|row| row.verdict == Verdict::Slower);
    let contenders: Vec<&str> = rows.map(|row| row.pair.place.contender.as_str()).collect();
    assert_eq!(contenders, ["batchline-put"; 10], "it is slower in each table of the group, and alone");
    let faster = compared(&SavedRun::default(), &changed(1.0 / 1.2));
    assert_eq!(verdict(&faster, "put"), Verdict::Faster);
    assert!(!faster.is_anything_slower());
}

#[test]
fn a_small_change_is_level_however_clear() {
    let changed = SavedRun { noise: 0.001, changed: vec![("batchline-put", 1.04)], ..SavedRun::default() };
    let found = compared(&SavedRun { noise: 0.001, ..SavedRun::default() }, &changed);
    assert_eq!(verdict(&found, "put"), Verdict::Level);
}

#[test]
fn noise_hides_a_change_and_says_so() {
    let noisy = |seed, factor| {
        let changed = vec![("optimized", factor)];
        SavedRun { seed, noise: 0.6, changed, ..SavedRun::default() }
    };
    let found = compared(&noisy(1, 1.0), &noisy(2, 1.2));
    assert_eq!(verdict(&found, "map-set"), Verdict::TooNoisy);
}

#[test]
fn noise_alone_is_hardly_ever_a_change() {
    let noisy = |seed| SavedRun { seed, noise: 0.6, ..SavedRun::default() };
    let runs: Vec<Comparison> = (2..30).map(|seed| compared(&noisy(1), &noisy(seed))).collect();
    let rows: Vec<Verdict> = runs.iter().flat_map(Comparison::ours).map(|row| row.verdict).collect();
    let called = rows.iter().filter(|verdict| matches!(verdict, Verdict::Slower | Verdict::Faster)).count();
    assert!(rows.len() > 1_000 && called <= 3, "{called} of {} rows", rows.len());
}

#[test]
fn a_machine_that_is_slower_as_a_whole_is_not_our_fault() {
    let slow_machine = SavedRun { slowness: 1.3, seed: 77, ..SavedRun::default() };
    let found = compared(&SavedRun::default(), &slow_machine);
    assert!((found.rates.ratio - 1.3).abs() < 0.02, "{:?}", found.rates);
    assert_eq!(["put", "submit", "map-set"].map(|group| verdict(&found, group)), [Verdict::Level; 3]);
    let changed = SavedRun { changed: vec![("optimized", 1.2)], ..slow_machine };
    let found = compared(&SavedRun::default(), &changed);
    assert_eq!(["put", "map-set"].map(|group| verdict(&found, group)), [Verdict::Level, Verdict::Slower]);
}

#[test]
fn controls_that_scatter_raise_the_tolerance() {
    let scattered =
        vec![("crossbeam", 1.3), ("kanal", 0.7), ("flume", 1.4), ("floor", 0.75), ("batchline-put", 1.1)];
    let found = compared(&SavedRun::default(), &SavedRun { changed: scattered, ..SavedRun::default() });
    assert!(found.rates.tolerance() > 0.2, "{:?}", found.rates);
    let mut changed = found.ours().filter(|row| row.pair.place.contender == "batchline-put");
    assert!(changed.all(|row| row.verdict == Verdict::TooNoisy), "10 % are not worth the name here");
    assert!(!found.is_anything_slower());
}

#[test]
fn groups_come_and_go() {
    let all = SavedRun::default().json();
    let without = |group: &str| {
        let mut run = all.clone();
        let tables = run["tables"].as_array_mut().expect("tables are a list");
        tables.retain(|table| table["group"] != group);
        run
    };
    let gone = compare(&report(&all), &report(&without("submit"))).expect("others are there");
    assert_eq!(["put", "submit"].map(|group| verdict(&gone, group)), [Verdict::Level, Verdict::Gone]);
    let new = compare(&report(&without("submit")), &report(&all)).expect("others are there");
    assert_eq!(verdict(&new, "submit"), Verdict::New);
    assert!(!gone.is_anything_slower() && !new.is_anything_slower());
}

#[test]
fn nothing_in_common_is_refused() {
    let mut other = SavedRun::default().json();
    for table in other["tables"].as_array_mut().expect("tables are a list") {
        table["group"] = json!("elsewhere");
    }
    let refused = compare(&report(&SavedRun::default().json()), &report(&other));
    assert!(matches!(refused, Err(Refusal::NothingInCommon)));
}

#[test]
fn unusable_rows_are_noise_and_not_a_verdict() {
    let run = |item_ns: Value| {
        let row = json!({ "contender": "optimized", "role": "ours", "item_ns": item_ns });
        json!({ "schema": 2, "tables": [{ "group": "g", "scenario": "s", "kind": "rate", "rows": [row] }] })
    };
    for (before, after) in [(json!(0.0), json!(5.0)), (json!(5.0), Value::Null), (json!(5.0), json!(50.0))] {
        let found = compare(&report(&run(before)), &report(&run(after))).expect("the group is in both");
        assert_eq!(verdict(&found, "g"), Verdict::TooNoisy, "one figure without rounds proves nothing");
    }
}

#[test]
fn the_print_says_what_counts() {
    let after = SavedRun { slowness: 1.3, changed: vec![("batchline-put", 1.2)], ..SavedRun::default() };
    let mut after = after.json();
    after["conditions"]["cpu"] = json!("Another 1000");
    after["conditions"]["peers"]["flume"] = json!("0.13.0");
    let (text, is_slower) = printed(&SavedRun::default().json(), &after);
    assert!(is_slower);
    for part in [
        "WARNING: another processor: \"Example 9000 @ 3.0 GHz\", then \"Another 1000\"",
        "WARNING: other versions: flume 0.12.0 -> 0.13.0",
        "took 1.300 times as long after as before (controls: 64, scatter 0.0 %)",
        "\nput: slower (10 slower, 30 level)\n",
        "\nsubmit: level (2 level)\n",
        "+20.0 %",
        "overall: SLOWER (10 slower, 34 level)",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn the_binary_tells_by_its_exit_code() {
    let file = |name: &str, text: &str| {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, text).expect("the target directory can be written");
        path
    };
    let before = file("compare-before.json", &SavedRun::default().text());
    let changed = vec![("optimized", 1.2)];
    let slower = file("compare-slower.json", &SavedRun { changed, ..SavedRun::default() }.text());
    let old = file("compare-old.json", r#"{ "schema": 1, "tables": [] }"#);
    let code = |after: &PathBuf| {
        let binary =
            Command::new(env!("CARGO_BIN_EXE_page")).arg("--compare").arg(&before).arg(after).output();
        binary.expect("the binary runs").status.code()
    };
    assert_eq!([&before, &slower, &old].map(code), [Some(0), Some(1), Some(2)]);
}
