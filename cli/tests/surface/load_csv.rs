//! `batchline load` with good CSV.

use super::program::Program;

#[test]
fn a_new_table_gets_the_narrowest_types() {
    let program = Program::new();
    program.write(
        "a.csv",
        "id,name,score,zip,flag\n1,Ann,1.5,01234,\n2,\"Bob, \"\"B\"\"\",2,98765,\n3,\"\",-3e2,,\n",
    );
    let run = program.load("a.csv", &["--json"]);
    let json = run.ended(0).json();
    for (name, count) in [("read", 3), ("loaded", 3), ("rejected", 0), ("not_loaded", 0)] {
        assert_eq!(json[name], count, "{name}");
    }
    assert_eq!((&json["created"], &json["appended"]), (&true.into(), &false.into()));
    let types = program.rows("SELECT type FROM pragma_table_info('t')");
    assert_eq!(types, ["'INTEGER'", "'TEXT'", "'REAL'", "'TEXT'", "'TEXT'"]);
    let wanted = ["1|'Ann'|1.5|'01234'|NULL", "2|'Bob, \"B\"'|2.0|'98765'|NULL", "3|''|-300.0|NULL|NULL"];
    assert_eq!(program.rows("SELECT * FROM t"), wanted);
    assert!(!program.has("t.rejects.ndjson"));
}

#[test]
fn the_receipt_is_on_stdout_and_stderr_is_quiet() {
    let program = Program::new();
    let run = program.write("a.csv", "id\n1\n").load("a.csv", &[]);
    for words in ["read", "= loaded", "accepted", "balanced", "(created)"] {
        assert!(run.ended(0).stdout.contains(words), "{words}\n{}", run.stdout);
    }
    assert_eq!(run.stderr, "");
}

#[test]
fn marks_and_line_ends_of_other_systems_are_understood() {
    let program = Program::new();
    program
        .write("a.csv", "\u{feff}\"id\",name\r\n1,\"two\r\nlines\"\r\n\r\n2,x")
        .load("a.csv", &[])
        .ended(0);
    assert_eq!(program.rows("SELECT id, name FROM t"), ["1|'two\r\nlines'", "2|'x'"]);
}

#[test]
fn other_delimiters() {
    let program = Program::new();
    program.write("a.csv", "id;x\n1;a,b\n").load("a.csv", &["--delimiter", ";"]).ended(0);
    program.write("a.tsv", "id\tx\n2\tc\n").load("a.tsv", &["--append"]).ended(0);
    program.write("a.txt", "id\tx\n3\td\n");
    program.load("a.txt", &["--append", "--format", "csv", "--delimiter", "\\t"]).ended(0);
    assert_eq!(program.rows("SELECT * FROM t"), ["1|'a,b'", "2|'c'", "3|'d'"]);
}

#[test]
fn stdin_needs_a_format() {
    let program = Program::new();
    let args = ["load", "-", "--into", "sqlite:d.db", "--table", "t", "--format", "csv"];
    program.run_with_stdin(&args, b"id\n1\n2\n").ended(0);
    assert_eq!(program.rows("SELECT * FROM t"), ["1", "2"]);
}

#[test]
fn names_are_quoted_whatever_is_in_them() {
    let program = Program::new();
    let table = "we\"ird; DROP TABLE x; --'";
    program.write("a.csv", "\"se\"\"lect\",\"from \",\"ü\"\n1,2,3\n");
    program.run(&["load", "a.csv", "--into", "sqlite:d.db", "--table", table]).ended(0);
    let query = "SELECT \"se\"\"lect\", \"from \", \"ü\" FROM \"we\"\"ird; DROP TABLE x; --'\"";
    assert_eq!(program.rows(query), ["1|2|3"]);
}

#[test]
fn an_old_table_is_matched_by_name_in_any_case_and_order() {
    let program = Program::new();
    program.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, Name TEXT DEFAULT 'x', n NUMERIC)");
    program.write("a.csv", "NAME,ID\nAnn,1\n").load("a.csv", &[]).ended(0);
    program.write("b.csv", "id,n\n2,7.50\n3,soon\n").load("b.csv", &["--append"]).ended(0);
    assert_eq!(program.rows("SELECT * FROM t"), ["1|'Ann'|NULL", "2|'x'|7.5", "3|'x'|'soon'"]);
}

#[test]
fn a_header_alone_changes_nothing() {
    let program = Program::new();
    let json = program.write("a.csv", "id,name\n").load("a.csv", &["--json"]).ended(0).json();
    assert_eq!((&json["read"], &json["created"], &json["ledger"]), (&0.into(), &false.into(), &().into()));
    assert!(!program.has("d.db"));
}

#[test]
fn many_rows_arrive_once_in_small_batches() {
    let program = Program::new();
    let rows: String = (1..=5_000).map(|id| format!("{id},row {id}\n")).collect();
    program.write("a.csv", format!("id,name\n{rows}"));
    let json = program.load("a.csv", &["--batch", "333", "--json"]).ended(0).json();
    assert_eq!(json["ledger"]["done"], 5_000);
    let found = program.rows("SELECT count(*), count(DISTINCT id), min(id), max(id) FROM t");
    assert_eq!(found, ["5000|5000|1|5000"]);
}
