//! One bad row must cost one row, however SQLite refuses it.

use super::program::Program;

fn ids(bad: impl Fn(u64) -> bool) -> (String, Vec<u64>) {
    let rows: String = (1..=600).map(|id| format!("{id},{}\n", if bad(id) { 99 } else { 1 })).collect();
    // The header is line 1.
    (format!("id,parent\n{rows}"), (1..=600).filter(|id| bad(*id)).map(|id| id + 1).collect())
}

fn rejected_lines(program: &Program) -> Vec<u64> {
    program.rejects("t.rejects.ndjson").into_iter().map(|(line, _)| line).collect()
}

#[test]
fn a_commit_that_is_refused_is_halved_until_the_rows_are_found() {
    let program = Program::new();
    program.sql(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
         CREATE TABLE t (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES p DEFERRABLE INITIALLY DEFERRED)",
    );
    let (csv, bad) = ids(|id| id % 97 == 0);
    let json = program.write("a.csv", csv).load("a.csv", &["--batch", "200", "--json"]).ended(2).json();
    assert_eq!(json["adds_up"], true);
    assert_eq!(rejected_lines(&program), bad);
    assert!(program.rejects("t.rejects.ndjson")[0].1.contains("FOREIGN KEY"));
    assert_eq!(program.rows("SELECT count(*), sum(parent) FROM t"), ["594|594"]);
}

#[test]
fn every_row_bad_is_every_row_rejected() {
    let program = Program::new();
    program.sql(
        "CREATE TABLE p (id INTEGER PRIMARY KEY);
         CREATE TABLE t (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES p DEFERRABLE INITIALLY DEFERRED)",
    );
    let (csv, bad) = ids(|_| true);
    program.write("a.csv", csv).load("a.csv", &["--batch", "128"]).ended(2);
    assert_eq!(rejected_lines(&program), bad);
    assert_eq!(program.rows("SELECT count(*) FROM t"), ["0"]);
}

#[test]
fn a_conflict_that_ends_the_transaction_takes_no_other_row_along() {
    let program = Program::new();
    program.sql("CREATE TABLE t (id INTEGER UNIQUE ON CONFLICT ROLLBACK, parent INTEGER)");
    let rows: String = (1..=300).map(|id| format!("{},1\n", if id == 150 { 149 } else { id })).collect();
    program.write("a.csv", format!("id,parent\n{rows}")).load("a.csv", &[]).ended(2);
    assert_eq!(rejected_lines(&program), [151]);
    assert_eq!(program.rows("SELECT count(*), count(DISTINCT id) FROM t"), ["299|299"]);
}

#[test]
fn many_unique_violations_cost_only_themselves() {
    let program = Program::new();
    program.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, parent INTEGER)");
    program.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
         INSERT INTO t SELECT i * 3, 0 FROM n",
    );
    let (csv, _) = ids(|_| false);
    let json = program.write("a.csv", csv).load("a.csv", &["--append", "--json"]).ended(2).json();
    assert_eq!(
        (&json["loaded"], &json["rejected"], &json["appended"]),
        (&400.into(), &200.into(), &true.into())
    );
    assert_eq!(rejected_lines(&program), (1..=200).map(|id| id * 3 + 1).collect::<Vec<u64>>());
    assert_eq!(program.rows("SELECT count(*) FROM t"), ["600"]);
}
