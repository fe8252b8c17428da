//! The examples: each checks its own result, and does so plain, under sanitizers and under valgrind.

use crate::compiler::{Standard, build};
use crate::library::{c_source, scratch};
use crate::run;
use crate::tools::{SANITIZE, has_sanitizers, has_valgrind};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

const VALGRIND: &[&str] = &[
    "--quiet",
    "--error-exitcode=9",
    "--leak-check=full",
    // Rust's runtime keeps a pointer into the handle of a thread, which looks possibly lost.
    "--errors-for-leak-kinds=definite",
    "--show-leak-kinds=definite",
];

/// Lines of all lengths, a long one among them; the last has no newline.
fn lines(count: usize) -> String {
    let line = |i: usize| format!("{i} {}\n", "x".repeat(if i == count / 2 { 100_000 } else { i % 100 }));
    (0..count).map(line).chain(["the last".to_string()]).collect()
}

fn ship(command: &mut Command, folder: &Path, count: usize) {
    let (input, output) = (folder.join("in.log"), folder.join("out.log"));
    std::fs::write(&input, lines(count)).unwrap();
    let said = run::succeed(command.arg(&output).stdin(File::open(&input).unwrap()), folder);
    let total = count + 1;
    assert!(said.contains(&format!("read {total} lines, shipped {total}")), "{said}");
    assert!(
        std::fs::read(input).unwrap() == std::fs::read(output).unwrap(),
        "what was shipped is not what was read"
    );
}

fn write_records(command: &mut Command, folder: &Path) {
    let said = run::succeed(command.arg(folder.join("out.records")), folder);
    assert!(said.contains("20080 put, 2000 duplicates, 80 failed"), "{said}");
    assert_eq!(std::fs::metadata(folder.join("out.records")).unwrap().len(), 20_000 * 16);
}

fn request(command: &mut Command, folder: &Path) {
    let said = run::succeed(command, folder);
    assert!(said.contains("10001 questions answered"), "{said}");
}

fn built(example: &str, extra: &[&str], folder: &Path) -> PathBuf {
    build(Standard::C("c11"), &[c_source(example)], extra, folder)
}

#[test]
fn the_log_shipper_ships_every_line() {
    let folder = scratch("log_shipper");
    let program = built("log_shipper.c", &[], &folder);
    ship(&mut Command::new(&program), &folder, 200_000);
    ship(&mut Command::new(&program), &folder, 0);
    if has_valgrind("the log shipper under valgrind") {
        ship(Command::new("valgrind").args(VALGRIND).arg(&program), &folder, 10_000);
    }
}

#[test]
fn the_log_shipper_is_clean_under_sanitizers() {
    if has_sanitizers("the log shipper under sanitizers") {
        let folder = scratch("log_shipper_sanitized");
        ship(&mut Command::new(built("log_shipper.c", SANITIZE, &folder)), &folder, 100_000);
    }
}

#[test]
fn the_record_writer_writes_every_record() {
    let folder = scratch("record_writer");
    let program = built("record_writer.c", &[], &folder);
    write_records(&mut Command::new(&program), &folder);
    if has_valgrind("the record writer under valgrind") {
        write_records(Command::new("valgrind").args(VALGRIND).arg(&program), &folder);
    }
}

#[test]
fn the_record_writer_is_clean_under_sanitizers() {
    if has_sanitizers("the record writer under sanitizers") {
        let folder = scratch("record_writer_sanitized");
        write_records(&mut Command::new(built("record_writer.c", SANITIZE, &folder)), &folder);
    }
}

#[test]
fn the_request_client_gets_every_answer() {
    let folder = scratch("request_client");
    let program = built("request_client.c", &[], &folder);
    request(&mut Command::new(&program), &folder);
    if has_valgrind("the request client under valgrind") {
        request(Command::new("valgrind").args(VALGRIND).arg(&program), &folder);
    }
}

#[test]
fn the_request_client_is_clean_under_sanitizers() {
    if has_sanitizers("the request client under sanitizers") {
        let folder = scratch("request_client_sanitized");
        request(&mut Command::new(built("request_client.c", SANITIZE, &folder)), &folder);
    }
}
