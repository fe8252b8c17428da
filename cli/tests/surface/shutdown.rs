//! Interruptions and readers that leave.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::program::{Program, Run};

/// Far more than any machine needs; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(120);

fn until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what} did not come");
        std::thread::yield_now();
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn loaded(program: &Program) -> i64 {
    let database = program.database();
    database.busy_timeout(PATIENCE).unwrap();
    database.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
}

fn started(program: &Program, args: &[&str]) -> Child {
    let mut command = program.command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[cfg(unix)]
#[test]
fn an_interrupted_load_accounts_for_what_it_took() {
    for name in ["-INT", "-TERM"] {
        let program = Program::new();
        program.sql("CREATE TABLE t (id INTEGER)");
        let args = [
            "load",
            "-",
            "--into",
            "sqlite:d.db",
            "--table",
            "t",
            "--format",
            "csv",
            "--json",
            "--linger",
            "1ms",
        ];
        let mut child = started(&program, &args);
        // The pipe stays open and silent: the load has to be heard while it waits for more.
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"id\n1\n2\n3\n").unwrap();
        until("the third row", || loaded(&program) == 3);
        signal(&child, name);
        let run: Run = child.wait_with_output().unwrap().into();
        drop(stdin);
        let json = run.ended(130).told("interrupted").json();
        assert_eq!(
            (&json["read"], &json["loaded"], &json["interrupted"]),
            (&3.into(), &3.into(), &true.into())
        );
        assert_eq!((&json["ok"], &json["adds_up"]), (&false.into(), &true.into()));
    }
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_a_load_that_hangs() {
    let program = Program::new();
    program.sql("CREATE TABLE t (id INTEGER)");
    let other = program.database();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The bad line makes the reject file, which shows that the load is under way.
    program.write("a.csv", "id\n1,2\n1\n");
    let args = ["load", "a.csv", "--into", "sqlite:d.db", "--table", "t", "--busy-timeout", "1h"];
    let mut child = started(&program, &args);
    until("the reject file", || program.has("t.rejects.ndjson"));
    signal(&child, "-INT");
    let mut told = [0; 12];
    child.stderr.as_mut().unwrap().read_exact(&mut told).unwrap();
    assert_eq!(&told, b"interrupted:");
    signal(&child, "-INT");
    let run: Run = child.wait_with_output().unwrap().into();
    run.ended(130).told("ending at once");
}

#[cfg(unix)]
#[test]
fn an_interrupted_demo_ends_with_its_ledger() {
    let program = Program::new();
    let args =
        ["demo", "--rows", "100_000_000", "--naive-rows", "1", "--json", "--db", "d.db", "--batch", "10"];
    let child = started(&program, &args);
    until("the database", || program.has("d.db") && program.has("d.db-wal"));
    signal(&child, "-INT");
    let run: Run = child.wait_with_output().unwrap().into();
    let json = run.ended(130).json();
    assert_eq!((&json["interrupted"], &json["ledger"]["balanced"]), (&true.into(), &true.into()));
    assert_eq!(json["ledger"]["accepted"], json["ledger"]["done"]);
    assert!(run.stderr.contains("Interrupted. What was accepted is in the table exactly once"));
    assert!(!program.has("d.db"));
}

#[test]
fn a_reader_that_left_is_no_failure() {
    let program = Program::new();
    program.write("a.csv", "id\n1\n");
    let mut child = started(&program, &["load", "a.csv", "--into", "sqlite:d.db", "--table", "t", "--json"]);
    drop(child.stdout.take());
    let run: Run = child.wait_with_output().unwrap().into();
    run.ended(0);
    assert_eq!(loaded(&program), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_can_not_be_written_is_a_failure() {
    let program = Program::new();
    program.write("a.csv", "id\n1\n");
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = program.command(&["load", "a.csv", "--into", "sqlite:d.db", "--table", "t"]);
    let run: Run = command.stdout(full).stderr(Stdio::piped()).output().unwrap().into();
    run.ended(1).told("cannot write the receipt");
}
