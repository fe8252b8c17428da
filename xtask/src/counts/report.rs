//! The counts of a run beside the baseline: the judgement, and the file `counts.json`.

use super::baseline::{Baseline, quoted};
use super::case::Counted;
use super::measure::bench_directory;
use super::table;
use super::tolerance::{Tolerance, notice_of_other_release};
use super::verdict::{Verdict, difference_percent};
use crate::compiler::Compiler;
use crate::workspace::shell;
use anyhow::{Context, Result, bail};
use std::fmt;
use std::path::PathBuf;
use xshell::cmd;

/// One case, beside what it was.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) counted: Counted,
    pub(super) baseline: Option<f64>,
    tolerance_percent: f64,
    pub(super) verdict: Verdict,
}

impl Row {
    pub(super) fn new(counted: Counted, baseline: Option<f64>, tolerance: Tolerance) -> Self {
        let tolerance_percent = tolerance.percent_of(&counted.case);
        let difference = baseline.map(|baseline| difference_percent(counted.item_instructions, baseline));
        let verdict = Verdict::of(counted.case.ours, difference, tolerance_percent);
        Self { counted, baseline, tolerance_percent, verdict }
    }

    pub(super) fn difference_percent(&self) -> Option<f64> {
        Some(difference_percent(self.counted.item_instructions, self.baseline?))
    }
}

/// Everything that a run has to say.
#[derive(Debug)]
pub(super) struct Report {
    rows: Vec<Row>,
    /// Names in the baseline that no case has.
    gone: Vec<String>,
    compiler: Compiler,
    valgrind: String,
    tolerance: Tolerance,
    /// What is unusual about the comparison.
    notice: Option<String>,
}

impl Report {
    /// Compares, as far as the baseline's compiler allows.
    pub(super) fn new(
        counted: Vec<Counted>,
        baseline: Option<Baseline>,
        compiler: Compiler,
        valgrind: String,
    ) -> Self {
        let (tolerance, notice) = terms(baseline.as_ref(), &compiler);
        let known = baseline.filter(|_| tolerance.is_some()).map(|baseline| baseline.item_instructions);
        let known = known.unwrap_or_default();
        let is_gone = |name: &&String| counted.iter().all(|counted| counted.case.name != **name);
        let gone = known.keys().filter(is_gone).cloned().collect();
        let tolerance = tolerance.unwrap_or(Tolerance::SameCompiler);
        let row = |counted: Counted| {
            let baseline = known.get(&counted.case.name).copied();
            Row::new(counted, baseline, tolerance)
        };
        Self { rows: counted.into_iter().map(row).collect(), gone, compiler, valgrind, tolerance, notice }
    }

    /// Fails with the names of the cases that are above their baseline, or that only one side has.
    pub(super) fn require_no_regression(&self) -> Result<()> {
        let failed = self.rows.iter().filter(|row| row.verdict.is_error());
        let mut failed: Vec<String> =
            failed.map(|row| format!("{} ({})", row.counted.case.name, row.verdict)).collect();
        failed.extend(self.gone.iter().map(|name| format!("{name} (in the baseline, and no longer a case)")));
        if failed.is_empty() {
            return Ok(());
        }
        bail!(
            "counts: {}. If that is meant: `cargo xtask counts --update`, and say why in the commit",
            failed.join(", ")
        )
    }

    /// The counts of this run as the next baseline.
    pub(super) fn as_baseline(&self) -> Baseline {
        let counts =
            self.rows.iter().map(|row| (row.counted.case.name.clone(), row.counted.item_instructions));
        let (compiler, valgrind) = (self.compiler.clone(), self.valgrind.clone());
        Baseline { compiler, valgrind, item_instructions: counts.collect() }
    }

    /// Writes `counts.json` among the results of benchmarks, and returns its path.
    pub(super) fn write(&self) -> Result<PathBuf> {
        let path = bench_directory().join("counts.json");
        std::fs::write(&path, self.to_json()).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }

    fn to_json(&self) -> String {
        let counts: Vec<String> = self.rows.iter().map(row_to_json).collect();
        format!(
            "{{\n  \"schema\": 1,\n  \"commit\": {},\n  \"rustc\": {},\n  \"valgrind\": {},\n  \
             \"tolerance_percent\": {},\n  \
             \"counts\": [\n{}\n  ]\n}}\n",
            quoted(&commit().unwrap_or_else(|| "unknown".to_string())),
            quoted(&self.compiler.rustc),
            quoted(&self.valgrind),
            self.tolerance.percent(),
            counts.join(",\n")
        )
    }
}

/// How closely a run may be compared with the baseline, if at all; and what should be said about that.
fn terms(baseline: Option<&Baseline>, now: &Compiler) -> (Option<Tolerance>, Option<String>) {
    let Some(baseline) = baseline else {
        return (None, Some("there is no baseline: benches/counts.json is missing".into()));
    };
    let then = &baseline.compiler;
    let tolerance = Tolerance::between(now, then);
    let notice = match tolerance {
        Some(Tolerance::SameCompiler) => None,
        Some(Tolerance::OtherCompiler) => Some(notice_of_other_release(now, then)),
        None => Some(format!(
            "the baseline is of {}, this is {}: nothing can be compared",
            then.target, now.target
        )),
    };
    (tolerance, notice)
}

/// The commit that is checked out, with `+` when there are changes on top, as the benches name it: they take over
/// counts of their own commit alone.
fn commit() -> Option<String> {
    let shell = shell().ok()?;
    let hash = cmd!(shell, "git rev-parse --short=12 HEAD").quiet().ignore_stderr().read().ok()?;
    let changes = cmd!(shell, "git status --porcelain").quiet().read().ok()?;
    Some(if changes.is_empty() { hash } else { hash + "+" })
}

fn row_to_json(row: &Row) -> String {
    let (group, contender) = row.counted.case.group_and_contender();
    let baseline = row.baseline.map_or("null".into(), |baseline| format!("{baseline:.3}"));
    format!(
        "    {{\"group\": {}, \"contender\": {}, \"item_instructions\": {:.3}, \"baseline\": {baseline}, \
         \"tolerance_percent\": {}}}",
        quoted(group),
        quoted(contender),
        row.counted.item_instructions,
        row.tolerance_percent
    )
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&table::render(&self.rows))?;
        self.gone.iter().try_for_each(|name| writeln!(f, "{name}: in the baseline, and no longer a case"))?;
        if self.rows.iter().any(|row| row.verdict == Verdict::Fallen) {
            writeln!(f, "some counts have fallen: keep the gain with `cargo xtask counts --update`")?;
        }
        let tolerance = self.tolerance.describe();
        writeln!(f, "rustc {}, valgrind {}; tolerance {tolerance}", self.compiler.rustc, self.valgrind)?;
        self.notice.iter().try_for_each(|notice| writeln!(f, "\n!!!!!!!! counts: {notice}\n"))
    }
}

#[cfg(test)]
mod tests;
