//! Help, version, completions and wrong usage.

use super::program::Program;

#[test]
fn help_lists_the_exit_codes() {
    for args in [&["--help"][..], &["demo", "--help"], &["load", "--help"], &["load", "-h"]] {
        let run = Program::new().run(args);
        run.ended(0);
        for code in
            ["0  done", "1  failed", "2  loaded, but", "3  the numbers", "64  wrong", "130  interrupted"]
        {
            assert!(run.stdout.contains(code), "{args:?}: {code}");
        }
    }
}

#[test]
fn version_is_told() {
    let run = Program::new().run(&["--version"]);
    assert!(run.ended(0).stdout.starts_with(concat!("batchline ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(Program::new().run(&["completions", shell]).ended(0).stdout.contains("batchline"), "{shell}");
    }
}

#[test]
fn wrong_usage_ends_with_64_and_says_how_it_is_right() {
    for (args, told) in [
        (&["demo", "--rows", "many"][..], "`many` is not a whole number"),
        (&["demo", "--rows", "0"], "at least 1"),
        (&["demo", "--batch", "200_000"], "at most 100,000"),
        (&["demo", "--linger", "5"], "write it like 250us, 5ms or 1s"),
        (&["demo", "--linger", "0ms"], "longer than nothing"),
        (&["load", "x.csv", "--table", "t"], "--into"),
        (&["load", "x.csv", "--table", "t", "--into", "data.db"], "write it like sqlite:data.db"),
        (&["load", "x.csv", "--table", "t", "--into", "sqlite:"], "path of the database is missing"),
        (&["load", "x.csv", "--table", "t", "--into", "sqlite::memory:"], "gone at the end"),
        (&["load", "x.dat", "--table", "t", "--into", "sqlite:d"], "give --format"),
        (&["load", "-", "--table", "t", "--into", "sqlite:d"], "give --format"),
        (
            &["load", "x.csv", "--table", "t", "--into", "sqlite:d", "--delimiter", "ab"],
            "one ASCII character",
        ),
        (&["load", "x.jsonl", "--table", "t", "--into", "sqlite:d", "--delimiter", ";"], "for CSV"),
        (
            &["load", "x.csv", "--table", "t", "--into", "sqlite:d", "--create", "--no-create"],
            "cannot be used with",
        ),
        (&["load", "x.csv", "--table", "t", "--into", "sqlite:d", "--allow-rejects=x"], "whole number"),
        (&[], "Usage"),
    ] {
        Program::new().run(args).ended(64).told(told);
    }
}

#[test]
fn a_failure_is_one_json_object_too() {
    let program = Program::new();
    let run = program.load("missing.csv", &["--json"]);
    let json = run.ended(1).json();
    assert_eq!(json["ok"], false);
    assert_eq!(json["exit_code"], 1);
    assert!(json["error"].as_str().unwrap().contains("missing.csv"));
    let json = program.load("x.dat", &["--json"]).ended(64).json();
    assert_eq!(json["exit_code"], 64);
}
