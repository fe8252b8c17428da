//! Inputs that can not be loaded at all: each fails with its reason, and nothing is created.

use super::program::Program;

fn refused(file: &str, bytes: &[u8], told: &str) {
    let program = Program::new();
    program.write(file, bytes).load(file, &[]).ended(1).told(told);
    assert!(!program.has("d.db"), "{told}");
    assert!(!program.has("t.rejects.ndjson"), "{told}");
}

#[test]
fn headers() {
    refused("a.csv", b"", "the input is empty");
    refused("a.csv", b"\n\r\n", "there is no header row");
    refused("a.csv", b"id,\n1,2\n", "column 2 has no name");
    refused("a.csv", b"id,\"\"\n1,2\n", "the name of column 2 is empty");
    refused("a.csv", b"id,x,ID\n1,2,3\n", "columns 1 and 3 are both named `ID`");
    refused("a.csv", b"id,\xff\n1,2\n", "it is not UTF-8");
    refused("a.csv", b"id,\"x\n1,2\n", "a quote is never closed");
    refused("a.csv", b"id,\"x\"y\n1,2\n", "text follows the closing quote");
    refused("a.csv", b"id,x\0\n1,2\n", "contains a NUL character");
    refused("a.csv", b"id,x\r1,2\r", "convert them to newlines");
    refused("a.csv", b"\n\nid,id\n", "(line 3)");
}

#[test]
fn encodings() {
    refused("a.csv", b"\xff\xfei\0d\0\n\0", "UTF-16");
    refused("a.ndjson", b"\xfe\xff\0{\0}", "UTF-16");
}

#[test]
fn empty_ndjson() {
    refused("a.ndjson", b"", "the input is empty");
    refused("a.ndjson", b"\xef\xbb\xbf", "the input is empty");
    refused("a.ndjson", b"{}\n{}\n", "there are no columns");
}

#[test]
fn files_that_are_none() {
    let program = Program::new();
    program.load("missing.csv", &[]).ended(1).told("cannot read missing.csv: No such file");
    std::fs::create_dir(program.path("folder.csv")).unwrap();
    program.load("folder.csv", &[]).ended(1).told("cannot read folder.csv: it is a folder");
}

#[test]
fn an_empty_stdin() {
    let program = Program::new();
    let args = ["load", "-", "--into", "sqlite:d.db", "--table", "t", "--format", "csv"];
    program.run_with_stdin(&args, b"").ended(1).told("the input is empty");
}
