//! Tables and databases that a load must not, or can not, write to.

use super::program::Program;

const CSV: &str = "id,name\n1,a\n2,b\n";

#[test]
fn a_table_with_rows_needs_append() {
    let program = Program::new();
    program.write("a.csv", CSV).load("a.csv", &[]).ended(0);
    program.load("a.csv", &[]).ended(1).told("has rows already: give --append");
    assert_eq!(program.rows("SELECT count(*) FROM t"), ["2"]);
    program.load("a.csv", &["--append"]).ended(0);
    assert_eq!(program.rows("SELECT count(*) FROM t"), ["4"]);
}

#[test]
fn an_empty_table_needs_nothing() {
    let program = Program::new();
    program.sql("CREATE TABLE t (id INTEGER, name TEXT)").write("a.csv", CSV).load("a.csv", &[]).ended(0);
    assert_eq!(program.rows("SELECT count(*) FROM t"), ["2"]);
}

#[test]
fn create_and_no_create_insist() {
    let program = Program::new();
    program.write("a.csv", CSV).load("a.csv", &["--no-create"]).ended(1).told("there is no table \"t\"");
    assert!(!program.has("d.db"));
    program.load("a.csv", &["--create"]).ended(0);
    program.load("a.csv", &["--create"]).ended(1).told("--create is given");
    program.load("a.csv", &["--no-create", "--append"]).ended(0);
}

#[test]
fn missing_columns_are_named() {
    let program = Program::new();
    program.sql("CREATE TABLE t (id INTEGER, other TEXT, twice INT AS (id * 2))");
    program.write("a.csv", CSV).load("a.csv", &[]).ended(1);
    program
        .load("a.csv", &[])
        .told("it has no column \"name\"; its columns are \"id\", \"other\", \"twice\"");
    program.write("a.ndjson", "{\"id\":1}\n{\"x\":1,\"y\":2}\n");
    program.load("a.ndjson", &[]).ended(1).told("it has no column \"x\", \"y\"");
    program.write("b.csv", "id,twice\n1,2\n").load("b.csv", &[]).ended(1).told("generated column \"twice\"");
    assert_eq!(program.rows("SELECT count(*) FROM t"), ["0"]);
}

#[test]
fn views_and_system_tables_are_refused() {
    let program = Program::new();
    program.sql("CREATE VIEW t AS SELECT 1 AS id").write("a.csv", CSV);
    program.load("a.csv", &[]).ended(1).told("is a view, not a table");
    program.run(&["load", "a.csv", "--into", "sqlite:d.db", "--table", "sqlite_x"]).ended(1).told("reserved");
    program.run(&["load", "a.csv", "--into", "sqlite:d.db", "--table", ""]).ended(1).told("table is empty");
}

#[test]
fn too_many_columns_fail_before_the_first_row() {
    let program = Program::new();
    let header: Vec<String> = (0..2_001).map(|place| format!("c{place}")).collect();
    program.write("a.csv", format!("{}\n{}\n", header.join(","), ",".repeat(2_000)));
    program.load("a.csv", &[]).ended(1).told("too many columns");
}

#[test]
fn files_that_are_no_database() {
    let program = Program::new();
    program.write("a.csv", CSV).write("d.db", "x".repeat(5_000));
    program.load("a.csv", &[]).ended(1).told("the file is no SQLite database");
    assert_eq!(program.read("d.db").len(), 5_000);
    let args = ["load", "a.csv", "--into", "sqlite:no/such/d.db", "--table", "t"];
    program.run(&args).ended(1).told("cannot open sqlite:no/such/d.db");
}

#[test]
fn a_locked_database_is_told_and_nothing_is_claimed() {
    let program = Program::new();
    program.sql("CREATE TABLE t (id INTEGER, name TEXT)").write("a.csv", CSV);
    let other = program.database();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let run = program.load("a.csv", &["--busy-timeout", "10ms", "--json"]);
    let json = run.ended(1).json();
    assert_eq!(
        (&json["loaded"], &json["not_loaded"], &json["adds_up"]),
        (&0.into(), &2.into(), &true.into())
    );
    run.told("another process has it locked");
    other.execute_batch("ROLLBACK; BEGIN EXCLUSIVE").unwrap();
    program.load("a.csv", &["--busy-timeout", "10ms"]).ended(1).told("another process has it locked");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(program.rows("SELECT count(*) FROM t"), ["0"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_takes_no_more_fails_the_load_and_claims_only_what_it_took() {
    let program = Program::new();
    let rows: String =
        (1..=20_000).map(|id| format!("{id},some text to fill the pages of row {id}\n")).collect();
    program.write("a.csv", format!("id,name\n{rows}"));
    // A limit on the size of files stands in for a full disk: writes beyond it fail in the same way.
    let limited = "trap '' XFSZ; ulimit -f 512; exec \"$0\" load a.csv --into sqlite:d.db --table t --json";
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", limited, env!("CARGO_BIN_EXE_batchline")]).current_dir(program.path(""));
    let run: super::program::Run = shell.output().unwrap().into();
    let json = run.ended(1).json();
    assert_eq!(json["adds_up"], true);
    assert!(json["not_loaded"].as_u64().unwrap() > 0);
    assert_eq!(program.rows("SELECT count(*) FROM t"), [json["loaded"].to_string()]);
    run.told("cannot write to sqlite:d.db");
}
