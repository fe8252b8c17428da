//! What a check says of a run: it passes, or names what is wrong.

use super::*;
use crate::counts::case::Case;
use tinyjson::JsonValue;

const TARGET: &str = "x86_64-unknown-linux-gnu";

fn compiler(rustc: &str) -> Compiler {
    Compiler { rustc: rustc.into(), target: TARGET.into() }
}

fn counted(name: &str, ours: bool, item_instructions: f64) -> Counted {
    Counted {
        case: Case { name: name.into(), ours, seeded: name.starts_with("map-"), items: 1000 },
        item_instructions,
    }
}

fn baseline(counts: &[(&str, f64)]) -> Baseline {
    let item_instructions = counts.iter().map(|(name, count)| ((*name).into(), *count)).collect();
    Baseline { compiler: compiler("1.95.0"), valgrind: "3.19.0".into(), item_instructions }
}

fn report(now: &[(&str, bool, f64)], then: &[(&str, f64)], rustc: &str) -> Report {
    let now = now.iter().map(|(name, ours, count)| counted(name, *ours, *count)).collect();
    Report::new(now, Some(baseline(then)), compiler(rustc), "3.19.0".into())
}

fn complaint(report: &Report) -> String {
    report.require_no_regression().expect_err("the check fails").to_string()
}

#[test]
fn equal_counts_and_moved_peers_pass() {
    let now = [("put/batcher", true, 36.1), ("put/flume", false, 200.0)];
    report(&now, &[("put/batcher", 36.0), ("put/flume", 150.0)], "1.95.1").require_no_regression().unwrap();
}

#[test]
fn a_risen_case_of_ours_fails_and_is_named() {
    let now = [("put/batcher", true, 37.0), ("put/producer", true, 30.0)];
    let text = complaint(&report(&now, &[("put/batcher", 36.0), ("put/producer", 30.0)], "1.95.0"));
    assert!(text.contains("put/batcher (RISEN)") && !text.contains("put/producer"), "{text}");
}

#[test]
fn a_fallen_case_is_a_hint() {
    let fallen = report(&[("put/batcher", true, 30.0)], &[("put/batcher", 36.0)], "1.95.0");
    fallen.require_no_regression().unwrap();
    assert!(fallen.to_string().contains("--update"), "{fallen}");
}

#[test]
fn a_seeded_case_is_compared_less_closely() {
    let risen =
        |count| report(&[("map-get/optimized", true, count)], &[("map-get/optimized", 100.0)], "1.95.0");
    risen(102.0).require_no_regression().unwrap();
    assert!(complaint(&risen(103.0)).contains("map-get/optimized (RISEN)"));
}

#[test]
fn both_sides_must_have_the_same_cases() {
    let text = complaint(&report(&[("put/new", true, 1.0)], &[("put/old", 1.0)], "1.95.0"));
    assert!(text.contains("put/new (NO BASELINE)") && text.contains("put/old (in the baseline"), "{text}");
}

#[test]
fn another_release_compares_with_the_wider_tolerance_and_says_so() {
    let wide = report(&[("put/batcher", true, 37.0)], &[("put/batcher", 36.0)], "1.96.0");
    wide.require_no_regression().unwrap();
    assert!(wide.to_string().contains("made by rustc 1.95.0, this is 1.96.0"), "{wide}");
    let risen = report(&[("put/batcher", true, 72.0)], &[("put/batcher", 36.0)], "1.96.0");
    assert!(complaint(&risen).contains("put/batcher (RISEN)"));
}

#[test]
fn another_target_and_a_missing_baseline_fail() {
    let other = Compiler { rustc: "1.95.0".into(), target: "aarch64-unknown-linux-gnu".into() };
    let now = || vec![counted("put/batcher", true, 36.0)];
    let elsewhere =
        Report::new(now(), Some(baseline(&[("put/batcher", 36.0)])), other.clone(), "3.19.0".into());
    assert!(elsewhere.to_string().contains("nothing can be compared"), "{elsewhere}");
    assert!(complaint(&elsewhere).contains("NO BASELINE"));
    let first = Report::new(now(), None, other, "3.19.0".into());
    assert!(first.to_string().contains("benches/counts.json is missing"), "{first}");
    assert!(complaint(&first).contains("NO BASELINE"));
}

#[test]
fn the_file_is_json_with_a_null_where_there_is_no_baseline() {
    let now = [("put/batcher", true, 36.0), ("put/new", true, 1.5)];
    let json = report(&now, &[("put/batcher", 36.0)], "1.95.0").to_json();
    let value: JsonValue = json.parse().unwrap();
    let count = |index: usize, key: &str| value["counts"][index][key].clone();
    assert_eq!(value["schema"], JsonValue::Number(1.0));
    assert_eq!(value["tolerance_percent"], JsonValue::Number(1.0));
    assert_eq!(count(0, "contender"), JsonValue::String("batcher".into()));
    assert_eq!(count(0, "baseline"), JsonValue::Number(36.0));
    assert_eq!(count(1, "item_instructions"), JsonValue::Number(1.5));
    assert_eq!(count(1, "baseline"), JsonValue::Null);
}

#[test]
fn a_run_can_become_the_baseline() {
    let now = report(&[("put/batcher", true, 37.0)], &[("put/batcher", 36.0), ("put/old", 1.0)], "1.96.0");
    let next = now.as_baseline();
    assert_eq!(next.compiler, compiler("1.96.0"));
    assert_eq!(next.item_instructions, [("put/batcher".to_owned(), 37.0)].into());
}
