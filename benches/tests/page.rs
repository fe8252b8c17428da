//! The page of a saved run: complete, escaped, and sound for runs with holes in them.

mod saved_run;

use std::{collections::HashSet, fs, path::Path, process::Command};

use batchline_benches::page::{Report, render, saved::Unreadable};
use saved_run::SavedRun;
use serde_json::{Value, json};

fn page_of(run: &Value) -> String {
    render(&Report::parse(&run.to_string()).expect("it is a saved run"))
}

fn table(kind: &str, rows: &Value) -> Value {
    json!({ "schema": 2, "tables": [{ "group": "g", "scenario": "s", "kind": kind, "rows": rows }] })
}

fn count(page: &str, part: &str) -> usize {
    page.matches(part).count()
}

/// What a drawing writes for a number that is none, or that was cast to an integer.
const ODD_NUMBERS: [&str; 6] = ["nan", "inf", "infinity", "2147483647", "2147483648", "e308"];

/// Numbers in attributes and texts alike; the style sheet is left out, since it may say what it likes.
fn assert_no_odd_numbers(page: &str) {
    let body = page.split_once("<body>").expect("the page has a body").1.to_lowercase();
    let mut words = body.split(|letter: char| !letter.is_alphanumeric());
    assert_eq!(words.find(|word| ODD_NUMBERS.contains(word)), None);
}

#[test]
fn each_group_stands_once_and_can_be_reached() {
    let page = page_of(&SavedRun::default().json());
    for group in ["put", "submit", "map-set", "wake"] {
        assert_eq!(count(&page, &format!("<section id=\"{group}\">")), 1, "{group}");
        assert_eq!(count(&page, &format!("href=\"#{group}\"")), 1, "{group}");
    }
    let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let unique: HashSet<&&str> = ids.iter().collect();
    assert_eq!(ids.len(), unique.len(), "{ids:?}");
    let targets = page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next());
    targets.for_each(|target| assert!(unique.contains(&target), "{target} leads nowhere"));
}

#[test]
fn the_page_stands_alone() {
    let page = page_of(&SavedRun::default().json());
    assert_eq!(count(&page, "<html"), 1);
    for foreign in ["<script", "<link", "<img", "src=", "@import", "url(", "http://", "https://"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn every_kind_of_plot_is_there() {
    let page = page_of(&SavedRun::default().json());
    assert_eq!(count(&page, "<b>Time per item</b>"), 12, "one per table of rates");
    assert_eq!(count(&page, "<b>Latency by percentile</b>"), 13, "one per table with latencies");
    assert_eq!(count(&page, "<b>Median latency</b>"), 1, "one per table of latencies");
    assert_eq!(count(&page, "<b>Time per item against number of producers</b>"), 2, "one per allocator");
    assert_eq!(count(&page, "<b>Time per item against batch size</b>"), 1);
    assert_eq!(count(&page, "<svg class=\"plot\""), 29);
    assert!(page.contains("1 of 2 reached"), "the goals are counted");
    assert!(page.contains("≥ 4×") && page.contains("≤ 0.8 ns/item"), "their bounds are as they were set");
    assert!(page.contains("+2.6 %"), "the instructions have moved from their baseline");
    assert_no_odd_numbers(&page);
}

#[test]
fn all_text_is_escaped() {
    let evil = "<script>alert('&\"')</script>";
    let mut run = SavedRun::default().json();
    run["conditions"]["cpu"] = json!(evil);
    run["conditions"]["peers"][evil] = json!(evil);
    run["goals"][0]["goal"] = json!(evil);
    run["goals"][0]["unit"] = json!(evil);
    run["instructions"][0]["contender"] = json!(evil);
    for index in [0, 12] {
        run["tables"][index]["group"] = json!(format!("{evil}{index}"));
        run["tables"][index]["scenario"] = json!(evil);
        run["tables"][index]["allocator"] = json!(evil);
        run["tables"][index]["rows"][1]["contender"] = json!(evil);
        run["tables"][index]["rows"][1]["remark"] = json!(evil);
    }
    let page = page_of(&run);
    assert!(!page.contains("<script"), "a name became an element");
    assert!(!page.contains("alert('&\""), "a name can leave its attribute");
    assert!(page.contains("&lt;script&gt;alert("), "the name is shown all the same");
}

#[test]
fn holes_leave_no_odd_numbers() {
    let rows = json!([
        { "contender": "zero", "role": "ours", "item_ns": 0.0, "item_ns_p25": 0.0, "item_ns_p75": 0.0,
          "latency": { "samples": 0, "p50_ns": 0, "p99_ns": 0, "max_ns": 0, "quantiles_ns": vec![0; 101] } },
        { "contender": "missing", "role": "naive" },
        { "contender": "null", "role": "rival", "item_ns": null, "item_ns_by_round": [null, 1.0] },
        { "contender": "whiskers", "role": "rival", "item_ns": 5.0, "item_ns_p25": 0.0, "item_ns_p75": 1e308 },
        { "contender": "tiny", "role": "rival", "item_ns": 1e-320 },
        { "contender": "slow", "role": "someone", "item_ns": 5e9, "producers": 2, "batch_items_max": 0 },
        { "contender": "slow", "role": "someone", "item_ns": 4e9, "producers": 4, "batch_items_max": 0 },
    ]);
    let page = page_of(&table("rate", &rows));
    assert_no_odd_numbers(&page);
    assert!(page.contains(">zero<") && page.contains(">missing<"), "they are in the table of figures");
    assert_eq!(count(&page, "<b>Time per item</b>"), 1);
    assert!(page.contains("slow, 2 producers"), "rows of one name are told apart");
}

#[test]
fn a_single_row_makes_a_plot() {
    let rate = table("rate", &json!([{ "contender": "only", "role": "ours", "item_ns": 3.0 }]));
    let latency =
        table("latency", &json!([{ "contender": "only", "role": "ours", "samples": 1, "p50_ns": 7 }]));
    for run in [rate, latency] {
        let page = page_of(&run);
        assert_eq!(count(&page, "<svg class=\"plot\""), 1);
        assert_no_odd_numbers(&page);
    }
}

#[test]
fn a_file_with_one_table_is_a_run_too() {
    let all = SavedRun::default().json();
    let one = json!({ "schema": 2, "conditions": all["conditions"], "table": all["tables"][0] });
    assert_eq!(count(&page_of(&one), "<section id=\"put\">"), 1);
}

#[test]
fn empty_tables_and_empty_runs_make_a_page() {
    for run in [json!({ "schema": 2 }), table("rate", &json!([])), table("latency", &json!([]))] {
        let page = page_of(&run);
        assert!(page.ends_with("</html>"));
        assert_eq!(count(&page, "<svg class=\"plot\""), 0);
        assert_no_odd_numbers(&page);
    }
}

#[test]
fn other_schemas_and_other_files_are_refused() {
    assert!(matches!(Report::parse(r#"{ "schema": 1 }"#), Err(Unreadable::Schema(Some(1)))));
    assert!(matches!(Report::parse(r#"{ "tables": [] }"#), Err(Unreadable::Schema(None))));
    assert!(matches!(Report::parse("not JSON"), Err(Unreadable::Json(_))));
    assert!(matches!(Report::read(Path::new("no/such/file.json")), Err(Unreadable::File(_))));
}

#[test]
fn the_binary_writes_the_page_and_says_where() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (run, page) = (directory.join("page-run.json"), directory.join("new-folder").join("page.html"));
    fs::write(&run, SavedRun::default().text()).expect("the target directory can be written");
    let output = Command::new(env!("CARGO_BIN_EXE_page")).arg(&run).arg("-o").arg(&page).output();
    let output = output.expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), page.display().to_string());
    let written = fs::read_to_string(&page).expect("the page was written");
    assert_eq!(written, page_of(&SavedRun::default().json()));
}
