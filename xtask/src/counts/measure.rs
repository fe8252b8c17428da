//! Runs all cases under callgrind, two at a time: a busy machine makes it slower, and counts no differently.

use super::build::build;
use super::callgrind::{instructions, per_item};
use super::case::{Case, Counted, parse_list};
use crate::workspace::root;
use anyhow::{Context, Result, bail};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;

const WORKERS: usize = 2;

/// The builds, by their features. A case is counted in the first build that has it.
const BUILDS: &[&[&str]] = &[&[], &["dedup"]];

/// Builds the binary and counts every case it lists, build after build.
pub(super) fn all() -> Result<Vec<Counted>> {
    let mut counted: Vec<Counted> = Vec::new();
    for features in BUILDS {
        let program = build(features)?;
        let mut cases = list(&program)?;
        cases.retain(|case| counted.iter().all(|known| known.case.name != case.name));
        counted.extend(count_each(&program, cases)?);
    }
    Ok(counted)
}

fn list(program: &Path) -> Result<Vec<Case>> {
    let output =
        Command::new(program).arg("--list").output().context("the binary `counts` does not start")?;
    let cases = parse_list(&String::from_utf8_lossy(&output.stdout))?;
    if !output.status.success() || cases.is_empty() {
        bail!("the binary `counts` lists no cases: {}", output.status);
    }
    Ok(cases)
}

/// Counts the cases, and returns them in their order.
fn count_each(program: &Path, cases: Vec<Case>) -> Result<Vec<Counted>> {
    let directory = out_directory()?;
    println!(
        "counting {} cases; callgrind's files, for callgrind_annotate: {}",
        cases.len(),
        directory.display()
    );
    let queue: Mutex<VecDeque<_>> = Mutex::new(cases.into_iter().enumerate().collect());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let work = || {
        let mut done = Vec::new();
        while let Some((index, case)) = next() {
            done.push((index, count(program, case, &directory)?));
        }
        Ok::<_, anyhow::Error>(done)
    };
    let mut counted = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Result<Vec<_>>>()
    })?
    .concat();
    counted.sort_by_key(|(index, _)| *index);
    Ok(counted.into_iter().map(|(_, counted)| counted).collect())
}

fn count(program: &Path, case: Case, directory: &Path) -> Result<Counted> {
    let run = |items: u64| {
        let out = directory.join(format!("{}.{items}.out", case.name.replace('/', "-")));
        instructions(program, &[&case.name, &items.to_string()], &out)
    };
    let item_instructions =
        per_item(case.items, run(case.items)?, run(2 * case.items)?).with_context(|| case.name.clone())?;
    Ok(Counted { case, item_instructions })
}

/// Where results of benchmarks go.
pub(super) fn bench_directory() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    root().join(target).join("bench")
}

fn out_directory() -> Result<PathBuf> {
    let directory = bench_directory().join("callgrind");
    std::fs::create_dir_all(&directory).with_context(|| format!("making {}", directory.display()))?;
    Ok(directory)
}
