//! One program run under callgrind, and the total in the file that it leaves.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// Runs the program and returns how many instructions it executed, from the loader's first to the last.
pub(super) fn instructions(program: &Path, args: &[&str], out: &Path) -> Result<u64> {
    let mut command = Command::new("valgrind");
    // The size of the environment and a user's valgrind settings must not show in the counts.
    command
        .env_clear()
        .envs(["PATH", "VALGRIND_LIB"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command
        .args(["--tool=callgrind", &format!("--callgrind-out-file={}", out.display())])
        .arg(program)
        .args(args);
    let output = command.output().context("valgrind does not start")?;
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{args:?} under callgrind: {}\n{told}", output.status);
    }
    if told.contains("WARNING: unhandled") {
        bail!("this valgrind does not know a system call of ours, so the program took another path:\n{told}");
    }
    total(&std::fs::read_to_string(out).with_context(|| format!("reading {}", out.display()))?)
}

/// The instructions that the file counts together.
fn total(file: &str) -> Result<u64> {
    if !file.lines().any(|line| line.trim_end() == "events: Ir") {
        bail!("the events of this file of callgrind's are not instructions alone");
    }
    let totals: Vec<&str> = file.lines().filter_map(|line| line.strip_prefix("totals:")).collect();
    let [total] = totals[..] else { bail!("{} lines with totals in a file of callgrind's", totals.len()) };
    total.trim().parse().with_context(|| format!("`{total}` as a number of instructions"))
}

/// What one item costs: the growth from a run over `items` to one over twice as many, so that set-up cancels.
pub(super) fn per_item(items: u64, once: u64, twice: u64) -> Result<f64> {
    if items == 0 || twice <= once {
        bail!(
            "{once} instructions for {items} items and {twice} for twice as many: nothing grows with the items"
        );
    }
    Ok((twice - once) as f64 / items as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# callgrind format\nversion: 1\npart: 1\n\npositions: line\nevents: Ir\nsummary: 7\n\n\
                        fl=(1) totals.rs\nfn=(1) main\n16 3\n\ntotals: 2805782\n";

    #[test]
    fn the_total_is_at_the_end_of_the_file() {
        assert_eq!(total(FILE).unwrap(), 2_805_782);
    }

    #[test]
    fn a_file_without_one_clear_total_is_refused() {
        assert!(total("events: Ir\nsummary: 7\n").is_err());
        assert!(total(&FILE.repeat(2)).is_err());
        assert!(total(&FILE.replace("2805782", "many")).is_err());
        assert!(total(&FILE.replace("events: Ir", "events: Ir Dr")).is_err());
    }

    #[test]
    fn set_up_cancels() {
        assert_eq!(per_item(1000, 5_000_000 + 36_000, 5_000_000 + 72_000).unwrap(), 36.0);
    }

    #[test]
    fn a_count_that_does_not_grow_is_no_count() {
        assert!(per_item(1000, 500, 500).is_err() && per_item(0, 500, 600).is_err());
    }
}
