//! `cargo xtask help`: the list of commands.

const HELP: &str = "\
cargo xtask <command>

  run   [-- ARGS]               build the CLI in release and run `batchline demo ARGS`; results go to out/
  test  [--quick] [FILTER..]    all tests: workspace, features, loom, shuttle, Miri, dist, Go, Python;
                                --quick: the workspace only
  bench [--quick|--full] [ARGS] naive, batchline and peers side by side: tables, JSON, an HTML page;
                                --compare FILE: with a saved run; --only PATTERN: a part
        --python [ARGS]         the figures of the Python package
        --docs [FILE]           writes the figures of a saved run into README.md and docs/guide/performance.md
  counts [--check|--update]     instructions per item by callgrind; --check: fail when one has risen; --update: accept
  header [--check]              include/batchline.h anew from ffi/; --check: only compare
  dist  [--prefix DIR]          the C library to install: header, libraries, pkg-config and CMake files;
        [--out DIR] [--go]      made in DIR (default: in target/dist/), copied to the prefix, and to go/native;
        [--python]              --python: also the Python wheels and sources, in target/dist/python
  tidy  [--scan]                formatting, clippy, docs and the style guide as a check; --scan: the last only
  help                          this list

A FILTER is a part of a test's name. The loom and Miri steps choose their tests by `models` and `miri_`:
they run in a filtered run only when a FILTER contains that word. A FILTER that is `dist`, `go`
or `python` means that step.";

/// True if this command line asks what there is, not for work to be done.
pub(crate) fn is_asked_for(name: &str, rest: &[String]) -> bool {
    let flags = ["--help", "-h"];
    name == "help" || flags.contains(&name) || rest.first().is_some_and(|arg| flags.contains(&arg.as_str()))
}

/// Prints the list.
pub(crate) fn print() {
    println!("{HELP}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_listed() {
        for name in ["run", "test", "bench", "counts", "header", "dist", "tidy", "help"] {
            assert!(HELP.contains(&format!("\n  {name} ")), "{name} is not in the list");
        }
    }

    #[test]
    fn help_of_the_cli_itself_is_left_to_the_cli() {
        let words = |line: &str| line.split(' ').map(String::from).collect::<Vec<_>>();
        assert!(is_asked_for("test", &words("--help")));
        assert!(!is_asked_for("run", &words("-- --help")));
    }
}
