//! `batchline demo` with few rows: the numbers, the page, the files it leaves.

use super::program::{Program, Run};

const FEW: [&str; 7] = ["demo", "--rows", "3_000", "--naive-rows", "20", "--batch", "100"];

#[test]
fn the_json_adds_up() {
    let program = Program::new();
    let run = program.run(&[&FEW[..], &["--json", "--producers", "3"]].concat());
    let json = run.ended(0).json();
    assert_eq!((&json["command"], &json["ok"]), (&"demo".into(), &true.into()));
    let ledger = &json["ledger"];
    let outcomes = ["done", "failed", "cancelled", "expired", "handed_back", "live"];
    let sum: u64 = outcomes.iter().map(|name| ledger[name].as_u64().unwrap()).sum();
    assert_eq!((ledger["accepted"].as_u64(), sum), (Some(3_000), 3_000));
    assert_eq!(ledger["balanced"], true);
    let reasons = json["batches"]["by_reason"].as_object().unwrap();
    let batches: u64 = reasons.values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(json["batches"]["count"].as_u64(), Some(batches));
    assert!(json["batches"]["items_max"].as_u64().unwrap() <= 100);
    assert_eq!(json["naive"]["rows"], 20);
    assert_eq!(json["naive"]["extrapolated"], true);
    // Each of three producers marks its first row and every 64th after it.
    assert_eq!(json["waits_ns"]["samples"], 3 * 1_000_u64.div_ceil(64));
    assert!(json["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true));
    assert!(run.stderr.contains("Every row arrived exactly once: 3,000 of 3,000."));
}

#[test]
fn the_page_is_whole_without_a_network() {
    let program = Program::new();
    let run = program.run(&[&FEW[..], &["--out", "a/b"]].concat());
    assert!(run.ended(0).stdout.contains("Page with plots: a/b/demo.html"));
    let page = program.read("a/b/demo.html");
    let outside = page.replace("http://www.w3.org/2000/svg", "");
    for word in ["http:", "https:", "src=", "href=", "@import", "url("] {
        assert!(!outside.contains(word), "{word}");
    }
    assert_eq!(page.matches("<svg").count(), 3);
    assert!(page.contains("prefers-color-scheme: dark"));
    let data = page.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
    let json: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(json["ledger"]["done"], 3_000);
}

#[test]
fn without_json_the_report_is_on_stdout_and_stderr_is_quiet() {
    let run = Program::new().run(&FEW);
    for words in ["  accepted", "  = done", "3,000", "extrapolated", "journal_mode WAL, synchronous FULL"] {
        assert!(run.ended(0).stdout.contains(words), "{words}\n{}", run.stdout);
    }
    assert_eq!(run.stderr, "");
}

#[test]
fn databases_stay_only_when_asked() {
    let program = Program::new();
    program.run(&FEW).ended(0);
    assert!(!program.has("out/demo.db") && !program.has("out/demo-naive.db"));
    program.run(&[&FEW[..], &["--keep", "--db", "d.db"]].concat()).ended(0);
    assert_eq!(program.rows("SELECT count(*), min(seq), max(seq) FROM changes"), ["3000|1|3000"]);
    assert!(program.has("d-naive.db"));
    // A demo may replace what a demo made.
    program.run(&[&FEW[..], &["--db", "d.db"]].concat()).ended(0);
    assert!(!program.has("d.db"));
}

#[test]
fn a_file_of_somebody_else_is_left_alone() {
    let program = Program::new();
    program.write("d.db", "precious");
    program.run(&[&FEW[..], &["--db", "d.db"]].concat()).ended(1).told("was not made by the demo");
    assert_eq!(program.read("d.db"), "precious");
}

#[test]
fn a_folder_that_can_not_be_made_is_told() {
    let program = Program::new();
    program.write("file", "");
    program
        .run(&[&FEW[..], &["--out", "file/out"]].concat())
        .ended(1)
        .told("cannot create the folder file/out");
    program.run(&[&FEW[..], &["--db", "no/such/d.db"]].concat()).ended(1).told("no/such/d");
}

#[test]
fn one_row_is_enough() {
    let json = Program::new().run(&["demo", "--rows", "1", "--json"]).ended(0).json();
    assert_eq!((&json["ledger"]["done"], &json["naive"]["extrapolated"]), (&1.into(), &false.into()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_takes_no_more_fails_the_demo() {
    let program = Program::new();
    // A limit on the size of files stands in for a full disk: writes beyond it fail in the same way.
    let limited = "trap '' XFSZ; ulimit -f 1024; exec \"$0\" demo --rows 200_000 --naive-rows 5 --json";
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", limited, env!("CARGO_BIN_EXE_batchline")]).current_dir(program.path(""));
    let run: Run = shell.output().unwrap().into();
    let json = run.ended(1).told("a batch could not be written").json();
    assert_eq!((&json["ok"], &json["ledger"]["balanced"]), (&false.into(), &true.into()));
    assert!(json["ledger"]["failed"].as_u64().unwrap() > 0);
    // The producers stop soon: nobody waits for two hundred batches to fail.
    assert!(json["ledger"]["accepted"].as_u64().unwrap() < 200_000);
}
