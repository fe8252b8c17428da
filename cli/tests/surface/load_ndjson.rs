//! `batchline load` with good NDJSON.

use super::program::Program;

#[test]
fn columns_are_the_union_of_keys() {
    let program = Program::new();
    let lines = [
        r#"{"id":1,"name":"Ann","tags":["a","b"]}"#,
        r#"{"id":2,"score":1.5,"ok":true}"#,
        "",
        r#"{"name":null,"id":3,"score":2,"ok":false}"#,
    ];
    program.write("a.ndjson", lines.join("\n")).load("a.ndjson", &[]).ended(0);
    let columns = program.rows("SELECT name, type FROM pragma_table_info('t')");
    let wanted = ["'id'|'INTEGER'", "'name'|'TEXT'", "'tags'|'TEXT'", "'score'|'REAL'", "'ok'|'INTEGER'"];
    assert_eq!(columns, wanted);
    let rows = ["1|'Ann'|'[\"a\",\"b\"]'|NULL|NULL", "2|NULL|NULL|1.5|1", "3|NULL|NULL|2.0|0"];
    assert_eq!(program.rows("SELECT * FROM t"), rows);
}

#[test]
fn numbers_keep_their_digits_and_strings_stay_texts() {
    let program = Program::new();
    let lines =
        "{\"a\":123456789012345678901,\"b\":\"5\",\"c\":9007199254740993}\n{\"a\":1,\"b\":\"6\",\"c\":2}\n";
    program.write("a.jsonl", lines).load("a.jsonl", &[]).ended(0);
    let rows = ["'123456789012345678901'|'5'|9007199254740993", "'1'|'6'|2"];
    assert_eq!(program.rows("SELECT * FROM t"), rows);
}

#[test]
fn keys_that_differ_in_case_only_are_one_column() {
    let program = Program::new();
    program.write("a.ndjson", "{\"Id\":1}\n{\"id\":2}\n").load("a.ndjson", &[]).ended(0);
    assert_eq!(program.rows("SELECT Id FROM t"), ["1", "2"]);
}

#[test]
fn a_mark_at_the_beginning_is_no_part_of_the_first_line() {
    let program = Program::new();
    program.write("a.ndjson", "\u{feff}{\"id\":1}\r\n{\"id\":2}").load("a.ndjson", &[]).ended(0);
    assert_eq!(program.rows("SELECT id FROM t"), ["1", "2"]);
}
