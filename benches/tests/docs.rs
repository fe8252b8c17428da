//! The figures of the project's pages: complete, only between their marks, and none at all from a run with a hole.
#![cfg(all(feature = "dedup", feature = "bloomfilter"))]

use std::{fs, path::Path, process::Command};

use batchline_benches::{
    docs::{
        marks::Fault,
        pages::{PAGES, Page},
        refusal::Refusal,
        rewrite, write,
    },
    interleave::Role,
    page::Report,
    scenarios::{linger, overload, wake},
    suite::{self, RateJob},
};
use serde_json::{Value, json};

/// A run as the suite would save it, with everybody who takes part, and with figures that are easy to reckon with.
fn whole_run() -> Value {
    let mut tables: Vec<Value> =
        suite::rate_jobs().iter().map(|job| rate_table(job, "mimalloc", 4.0)).collect();
    tables.extend(suite::twin_jobs().iter().map(|job| rate_table(job, "system", 2.0)));
    tables.push(latency_table(wake::SCENARIO, &[wake::BARE, wake::OURS]));
    tables.push(latency_table(linger::SCENARIO, &[linger::BARE, linger::OURS]));
    tables.push(latency_table(overload::SCENARIO, &[overload::FLOOR, overload::BLOCK_FOR, overload::FAIL]));
    json!({ "schema": 2, "conditions": conditions(), "tables": tables, "goals": goals() })
}

fn rate_table(job: &RateJob, allocator: &str, ours_ns: f64) -> Value {
    let rows = job.contenders.iter().map(|contender| {
        let (item_ns, item_allocations, p99_ns) = match contender.role {
            Role::Floor => (1.0, 0.0, 20),
            Role::Rival if contender.name == "crossfire" => (8.0, 0.25, 400),
            Role::Rival => (16.0, 0.25, 400),
            Role::Naive => (100.0, 2.0, 900),
            Role::Ours => (ours_ns, 0.5, 30),
        };
        json!({
            "contender": contender.name, "role": contender.role, "item_ns": item_ns,
            "item_allocations": item_allocations, "held_item_bytes": 22.04,
            "latency": { "p50_ns": 10, "p99_ns": p99_ns, "max_ns": 5_000 },
        })
    });
    json!({
        "group": job.group, "scenario": job.scenario, "kind": "rate", "allocator": allocator,
        "optimized": job.optimized, "rows": rows.collect::<Vec<_>>(),
    })
}

fn latency_table(scenario: &str, names: &[&str]) -> Value {
    let row = |name: &&str| {
        let (p50_ns, p99_ns, max_ns) = (20, 40_640, 3_784_000);
        json!({ "contender": name, "role": "ours", "p50_ns": p50_ns, "p99_ns": p99_ns, "max_ns": max_ns })
    };
    let rows: Vec<Value> = names.iter().map(row).collect();
    json!({ "group": scenario, "scenario": scenario, "kind": "latency", "allocator": "mimalloc", "rows": rows })
}

fn conditions() -> Value {
    json!({
        "cores": 2, "cpu": "Example 9000", "kernel": "6.18.44-of-somebody", "rustc": "rustc 1.95.0 (abc 2026-04-14)",
        "commit": "0123456789ab", "load_average": "0.10 0.20 0.30", "mode": "full", "allocator": "mimalloc",
        "peers": { "batchline": "0.1.0", "flume": "0.12.0", "kanal": "0.1.1" },
    })
}

fn goals() -> Value {
    json!([
        { "goal": "fast", "at_least": 5.0, "unit": "x", "measured": 4.8333, "reached": false },
        { "goal": "soon", "at_most": 0.8, "unit": "ns/item", "measured": 0.5, "reached": true },
        { "goal": "lean", "at_most": 200.0, "unit": "µs", "measured": 207.618, "reached": false },
    ])
}

fn report(run: &Value) -> Report {
    Report::parse(&run.to_string()).expect("it is a saved run")
}

/// The page's text as the repository has it.
fn of_repository(page: &Page) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in a workspace");
    fs::read_to_string(root.join(page.path)).expect("the page is there")
}

fn rewritten(page: &Page, run: &Value) -> String {
    rewrite(page, &of_repository(page), &report(run)).expect("the run is whole and the marks are sound")
}

/// The parts of a page outside of its blocks, and those inside.
fn parts(text: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut outside, mut inside, mut is_inside) = (Vec::new(), Vec::new(), false);
    for line in text.split_inclusive('\n') {
        is_inside &= line != "<!-- figures end -->\n";
        if is_inside {
            inside.push(line)
        } else {
            outside.push(line)
        }
        is_inside |= line.starts_with("<!-- figures: ");
    }
    (outside, inside)
}

#[test]
fn the_pages_of_the_repository_take_a_whole_run() {
    for page in PAGES {
        let (before, after) = (of_repository(page), rewritten(page, &whole_run()));
        assert_eq!(parts(&before).0, parts(&after).0, "{}: its prose is kept", page.path);
        assert_ne!(parts(&before).1, parts(&after).1, "{}: its figures are new", page.path);
        assert_eq!(rewrite(page, &after, &report(&whole_run())).expect("once more"), after);
    }
}

#[test]
fn figures_are_those_of_the_run() {
    let [readme, guide] = [&PAGES[0], &PAGES[1]].map(|page| rewritten(page, &whole_run()));
    let expected = [
        "Printed by `cargo xtask bench --full` on 2 cores, Example 9000, Linux 6.18.44, rustc 1.95.0, commit \
         0123456789ab, load\naverage 0.10 at the start. Versions: flume 0.12.0, kanal 0.1.1.\n",
        "\n1 of 3 goals were reached in that run, 2 were not.\n",
        "\n| floor: no hand-over | 1.00 (8.00x) | 1.00 (8.00x) | 1.00 (8.00x) |\n",
        "\n| flume | 16.00 (0.50x) | 16.00 (0.50x) | 16.00 (0.50x) |\n",
        "\n| batchline `put`, `ordered` | 4.00 (2.00x) | 4.00 (2.00x) | 4.00 (2.00x) |\n",
        "\nIn this table, Batchline allocates 0.500 times per item at most.\n",
        "\n| batchline, tokio tasks | 4.00 | 0.500 |\n",
        "\n| map-get, miss-32-bytes | 100.00 | 4.00 | 25.00x |\n",
        "\n| linger | bare-park-timeout | 20 ns | 40.6 µs | 3.78 ms |\n",
    ];
    expected.iter().for_each(|part| assert!(readme.contains(part), "{part}"));
    let expected = [
        "\n| put | light | 100.00 | 4.00 | 25.00x | 50.00x | 2.000 | 0.500 | 900 | 30 |\n",
        "\nMemory per key: 22.0 bytes for 8-byte keys, 22.0 for 32-byte keys.\n",
        "\n| `fastbloom`, the default | 4.00 | 4.00 |\n",
        "| fast | at least 5x | 4.83x |\n| lean | at most 200 µs | 207.62 µs |\n<!-- figures end -->\n",
    ];
    expected.iter().for_each(|part| assert!(guide.contains(part), "{part}"));
}

#[test]
fn each_table_with_a_naive_twin_has_a_row() {
    let guide = rewritten(&PAGES[1], &whole_run());
    for job in suite::twin_jobs() {
        let start = format!("\n| {} | {} | ", job.group, job.scenario);
        assert_eq!(guide.matches(&start).count(), 1, "{start}");
    }
}

#[test]
fn generated_prose_has_no_long_lines() {
    let mut run = whole_run();
    for index in 0..40 {
        run["conditions"]["peers"][format!("a-crate-called-{index}")] = json!("0.1.0");
    }
    let readme = rewritten(&PAGES[0], &run);
    let (_, inside) = parts(&readme);
    let prose: Vec<usize> = inside
        .iter()
        .filter(|line| !line.starts_with('|'))
        .map(|line| line.trim_end().chars().count())
        .collect();
    assert!(prose.iter().all(|&columns| columns <= 120), "{prose:?}");
    assert!(prose.iter().any(|&columns| columns > 100), "they are filled: {prose:?}");
}

/// The block that cannot be made from this run, and what it lacks.
fn refused(page: &Page, run: &Value) -> (&'static str, String) {
    match rewrite(page, &of_repository(page), &report(run)) {
        Err(Refusal::Data(path, block, missing)) => {
            assert_eq!(path, page.path);
            (block, missing.0)
        }
        other => panic!("{other:?} is no complaint about the run"),
    }
}

fn without_table(group: &str, scenario: &str, allocator: &str) -> Value {
    let mut run = whole_run();
    let tables = run["tables"].as_array_mut().expect("it has tables");
    let before = tables.len();
    tables.retain(|table| {
        (&table["group"], &table["scenario"], &table["allocator"])
            != (&json!(group), &json!(scenario), &json!(allocator))
    });
    assert_eq!(tables.len(), before - 1, "{group}/{scenario} was there");
    run
}

#[test]
fn a_missing_table_is_named_with_its_block() {
    let [readme, guide] = [&PAGES[0], &PAGES[1]];
    let cases = [
        (readme, "put", ("put", "producers-4", "mimalloc")),
        (readme, "submit", ("submit", "in-flight-4000", "mimalloc")),
        (readme, "beside-naive", ("close", "drain", "mimalloc")),
        (readme, "latencies", ("linger", "linger", "mimalloc")),
        (guide, "twins", ("put", "producers-64", "mimalloc")),
        (guide, "twins", ("worker-loop", "batches-of-16", "system")),
    ];
    for (page, block, (group, scenario, allocator)) in cases {
        let lacks = format!("the table {group}/{scenario}, {allocator}");
        assert_eq!(refused(page, &without_table(group, scenario, allocator)), (block, lacks));
    }
}

/// Sets a field of one contender in one table with mimalloc.
fn changed(group: &str, scenario: &str, contender: &str, field: &str, value: Value) -> Value {
    let mut run = whole_run();
    let tables = run["tables"].as_array_mut().expect("it has tables");
    let table = tables.iter_mut().find(|table| table["group"] == group && table["scenario"] == scenario);
    let rows = table.expect("the table is there")["rows"].as_array_mut().expect("it has rows");
    rows.iter_mut().find(|row| row["contender"] == contender).expect("it took part")[field] = value;
    run
}

#[test]
fn a_missing_contender_or_figure_is_named_with_its_block() {
    let [readme, guide] = [&PAGES[0], &PAGES[1]];
    let gone = |contender| changed("put", "producers-1", contender, "contender", json!("someone-else"));
    assert_eq!(
        refused(readme, &gone("tokio-chunks")),
        ("put", "`tokio-chunks` in put/producers-1, mimalloc".to_owned())
    );
    assert_eq!(refused(guide, &gone("batchline-put")).0, "twins");
    let no_latency = changed("close", "drain", "naive", "latency", Value::Null);
    let expected = ("twins", "`p99_ns` of `naive` in close/drain, mimalloc".to_owned());
    assert_eq!(refused(guide, &no_latency), expected);
    let no_bytes =
        changed("map-set", "new-key-32-bytes", "batchline-fastbloom", "held_item_bytes", Value::Null);
    assert_eq!(refused(guide, &no_bytes).0, "memory");
    let no_time = changed("map-set", "new-key-8-bytes", "batchline-bloomfilter", "item_ns", json!(0.0));
    assert_eq!(refused(guide, &no_time).0, "filters");
}

#[test]
fn goals_without_a_verdict_and_unknown_conditions_are_named_too() {
    let [readme, guide] = [&PAGES[0], &PAGES[1]];
    let mut run = whole_run();
    run["goals"][1]["reached"] = Value::Null;
    assert_eq!(refused(readme, &run), ("goals-reached", "a verdict on the goal `soon`".to_owned()));
    run["goals"] = json!([]);
    assert_eq!(refused(guide, &run).0, "goals-reached");
    let mut run = whole_run();
    run["goals"][2]["measured"] = Value::Null;
    assert_eq!(refused(guide, &run), ("goals-missed", "the figure of the goal `lean`".to_owned()));
    for fact in ["cores", "cpu", "kernel", "rustc", "commit", "load_average", "mode", "peers"] {
        let mut run = whole_run();
        run["conditions"].as_object_mut().expect("it has conditions").remove(fact);
        assert_eq!(refused(readme, &run).0, "conditions", "{fact}");
    }
}

/// A folder with copies of the pages.
fn copied(name: &str) -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    for page in PAGES {
        let path = root.join(page.path);
        fs::create_dir_all(path.parent().expect("a page is in a folder")).expect("the folder can be made");
        fs::write(path, of_repository(page)).expect("the page can be copied");
    }
    root
}

fn texts(root: &Path) -> Vec<String> {
    PAGES.iter().map(|page| fs::read_to_string(root.join(page.path)).expect("the page is there")).collect()
}

#[test]
fn all_pages_are_written_once() {
    let (root, report) = (copied("docs-all"), report(&whole_run()));
    let paths: Vec<&str> = PAGES.iter().map(|page| page.path).collect();
    assert_eq!(write(&root, &report).expect("all is there"), paths);
    assert_eq!(texts(&root), PAGES.iter().map(|page| rewritten(page, &whole_run())).collect::<Vec<_>>());
    assert!(write(&root, &report).expect("all is there").is_empty(), "nothing is left to change");
}

#[test]
fn a_broken_mark_in_the_last_page_leaves_the_first_as_it_was() {
    let root = copied("docs-mark");
    let last = root.join(PAGES[1].path);
    let broken = of_repository(&PAGES[1]).replacen("<!-- figures: memory -->", "", 1);
    fs::write(&last, &broken).expect("the page can be written");
    let before = texts(&root);
    let refusal = write(&root, &report(&whole_run())).expect_err("a mark is gone");
    assert!(matches!(refusal, Refusal::Marks("docs/guide/performance.md", Fault::Beginless(_))), "{refusal}");
    assert_eq!(texts(&root), before);
}

#[test]
fn the_program_names_the_block_and_writes_nothing() {
    let root = copied("docs-program");
    let (before, run) = (texts(&root), root.join("run.json"));
    let go = |content: &Value| {
        fs::write(&run, content.to_string()).expect("the run can be written");
        let mut program = Command::new(env!("CARGO_BIN_EXE_docs"));
        program.arg(&run).arg("--root").arg(&root).output().expect("the program runs")
    };
    let refused = go(&without_table("map-set", "new-key-8-bytes", "system"));
    let complaint = String::from_utf8(refused.stderr).expect("it is text");
    assert_eq!(
        complaint,
        "docs/guide/performance.md: block `twins` cannot be made, the run lacks the table \
         map-set/new-key-8-bytes, system\n"
    );
    assert_eq!((refused.status.code(), texts(&root)), (Some(2), before.clone()));
    let done = go(&whole_run());
    assert_eq!(done.status.code(), Some(0));
    assert_ne!(texts(&root), before);
}
