//! Bad lines: where they go, with which number and reason, and how the load ends.

use super::program::Program;

#[test]
fn csv_lines_are_rejected_with_their_numbers() {
    let program = Program::new();
    let lines: [&[u8]; 9] = [
        b"id,name\n",           // 1
        b"1,\"two\nlines\"\n",  // 2 and 3
        b"2\n",                 // 4
        b"3,a,b\n",             // 5
        b"\n",                  // 6
        b"4,\"x\"y\n",          // 7
        b"5,\xff\xfe\n",        // 8
        b"6,ok\n",              // 9
        b"7,\"never\nclosed\n", // 10 and 11
    ];
    program.write("a.csv", lines.concat());
    let json = program.load("a.csv", &["--json"]).ended(2).json();
    assert_eq!((&json["read"], &json["loaded"], &json["rejected"]), (&7.into(), &2.into(), &5.into()));
    assert_eq!(json["rejects"], "t.rejects.ndjson");
    let told = [
        (4, "it has 1 field, the header has 2"),
        (5, "it has 3 fields, the header has 2"),
        (7, "text follows the closing quote of field 2"),
        (8, "invalid UTF-8 at byte 3"),
        (10, "a quote is never closed: lines 10 to 11 are one record"),
    ];
    assert_eq!(program.rejects("t.rejects.ndjson"), told.map(|(line, reason)| (line, reason.to_owned())));
    assert_eq!(program.rows("SELECT id FROM t"), ["1", "6"]);
}

#[test]
fn ndjson_lines_are_rejected_with_their_numbers() {
    let program = Program::new();
    let good: String = (1..=1_000).map(|id| format!("{{\"id\":{id}}}\n")).collect();
    let bad =
        "{\"id\":\n[1]\n{\"id\":1,\"ID\":2}\n{\"id\":\"x\"}\n{\"id\":1.5}\n{\"new\":1}\n{\"id\":null}\n";
    program.write("a.ndjson", format!("{good}{bad}")).load("a.ndjson", &[]).ended(2);
    let told = program.rejects("t.rejects.ndjson");
    let lines: Vec<u64> = told.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [1001, 1002, 1003, 1004, 1005, 1006]);
    for ((_, reason), words) in told.iter().zip([
        "not a JSON object",
        "expected an object",
        "the key `ID` appears twice",
        "column id: `x` is no INTEGER",
        "column id: `1.5` is no INTEGER",
        "the key `new` is no column",
    ]) {
        assert!(reason.contains(words), "{words}: {reason}");
    }
    assert_eq!(program.rows("SELECT count(*), count(id) FROM t"), ["1001|1000"]);
}

#[test]
fn the_raw_line_is_kept_to_the_byte() {
    let program = Program::new();
    program.write("a.csv", b"id,x\n1,\"a\n\xff\"\n\"2\",b,\n").load("a.csv", &["--rejects", "r"]).ended(2);
    let entries: Vec<serde_json::Value> =
        program.read("r").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries[0]["raw_hex"], "312c22610aff22");
    assert_eq!((&entries[1]["raw"], &entries[1]["raw_hex"]), (&"\"2\",b,".into(), &().into()));
    assert!(!program.has("t.rejects.ndjson"));
}

#[test]
fn too_long_lines_are_cut_and_do_not_stop_the_load() {
    let program = Program::new();
    let long = "x".repeat(300_000);
    program.write("a.csv", format!("id,x\n1,a\n2,{long}\n3,b\n"));
    program.load("a.csv", &["--line-bytes-max", "100_000"]).ended(2);
    let entry: serde_json::Value = serde_json::from_str(&program.read("t.rejects.ndjson")).unwrap();
    assert_eq!((&entry["line"], &entry["raw_bytes"]), (&3.into(), &300_002.into()));
    assert!(entry["reason"].as_str().unwrap().contains("the limit is 100000"));
    assert_eq!(program.rows("SELECT id FROM t"), ["1", "3"]);
}

#[test]
fn what_sqlite_refuses_is_rejected_with_its_words() {
    let program = Program::new();
    program.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INT CHECK (age > 0))");
    program.write("a.csv", "id,name,age\n1,a,1\n1,b,1\n2,,1\n3,c,-1\n4,d,1\n");
    let json = program.load("a.csv", &["--json"]).ended(2).json();
    assert_eq!((&json["loaded"], &json["ledger"]["failed"]), (&2.into(), &3.into()));
    let told = program.rejects("t.rejects.ndjson");
    for ((line, reason), (number, words)) in
        told.iter().zip([(3, "UNIQUE constraint failed: t.id"), (4, "NOT NULL"), (5, "CHECK")])
    {
        assert_eq!(*line, number);
        assert!(reason.contains(words), "{words}: {reason}");
    }
    assert_eq!(program.rows("SELECT id, name FROM t"), ["1|'a'", "4|'d'"]);
}

#[test]
fn rows_that_sqlite_would_ignore_are_rejects() {
    let program = Program::new();
    program.sql("CREATE TABLE t (id INTEGER UNIQUE ON CONFLICT IGNORE)");
    program.write("a.csv", "id\n1\n1\n2\n").load("a.csv", &[]).ended(2);
    assert!(program.rejects("t.rejects.ndjson")[0].1.contains("ignored"));
    assert_eq!(program.rows("SELECT id FROM t"), ["1", "2"]);
}

#[test]
fn rejects_can_be_allowed_up_to_a_number() {
    for (allow, code) in [("--allow-rejects", 0), ("--allow-rejects=2", 0), ("--allow-rejects=1", 2)] {
        let program = Program::new();
        program.write("a.csv", "id,x\n1,a\n2\n3\n").load("a.csv", &[allow]).ended(code);
        assert_eq!(program.rejects("t.rejects.ndjson").len(), 2);
    }
}

#[test]
fn a_load_of_nothing_but_rejects_creates_nothing() {
    let program = Program::new();
    let json = program.write("a.ndjson", "x\ny\n").load("a.ndjson", &["--json"]).ended(2).json();
    assert_eq!((&json["read"], &json["rejected"], &json["created"]), (&2.into(), &2.into(), &false.into()));
    assert!(!program.has("d.db"));
}

#[test]
fn earlier_rejects_are_never_overwritten() {
    let program = Program::new();
    program.write("t.rejects.ndjson", "{}\n").write("a.csv", "id\n1\n");
    program.load("a.csv", &[]).ended(1).told("t.rejects.ndjson is there already");
    assert_eq!(program.read("t.rejects.ndjson"), "{}\n");
    assert!(!program.has("d.db"));
}

#[test]
fn the_usual_reject_file_stays_in_this_folder() {
    let program = Program::new();
    program.write("a.csv", "id,x\n1\n");
    program.run(&["load", "a.csv", "--into", "sqlite:d.db", "--table", "../up/t"]).ended(2);
    assert!(program.has("_.._up_t.rejects.ndjson"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_reject_file_that_can_not_be_written_fails_the_load() {
    let program = Program::new();
    program.write("a.csv", "id,x\n1,a\n2\n3,b\n");
    program.load("a.csv", &["--rejects", "/dev/full"]).ended(1).told("cannot write the reject file");
    // Enough of them to fail in the middle, with lines of the sample still waiting.
    let bad = format!("{}\n", "x".repeat(9_000)).repeat(20);
    let good: String = (0..900).map(|id| format!("{id},y\n")).collect();
    program.sql("DROP TABLE t; CREATE TABLE t (id INTEGER, x TEXT)");
    program.write("a.ndjson", "{\"id\":1}\n".repeat(3) + &"{\"id\":\"x\"}\n".repeat(900));
    let json = program.load("a.ndjson", &["--rejects", "/dev/full", "--json"]).ended(1).json();
    assert_eq!((&json["adds_up"], &json["read"]), (&true.into(), &903.into()));
    program.write("a.csv", format!("id,x\n{good}{bad}"));
    let json = program.load("a.csv", &["--append", "--rejects", "/dev/full", "--json"]).ended(1).json();
    assert_eq!(json["adds_up"], true);
}
