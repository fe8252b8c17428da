//! The table at the end of a test run.

use super::count::Count;
use super::outcome::Outcome;
use anyhow::{Result, bail};
use std::fmt;
use std::time::Duration;

/// What happened, step by step.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: &'static str,
    time: Duration,
    outcome: Outcome,
}

impl Report {
    /// Adds a step that ended.
    pub(crate) fn add(&mut self, name: &'static str, time: Duration, outcome: Outcome) {
        self.rows.push(Row { name, time, outcome });
    }

    /// Filters may empty single steps, not the whole run.
    pub(crate) fn require_a_test(&self) -> Result<()> {
        if self.total().executed() == 0 {
            bail!("no test ran: does any test's name contain the filter?");
        }
        Ok(())
    }

    fn total(&self) -> Count {
        let mut total = Count::default();
        self.rows.iter().for_each(|row| total += row.count());
        total
    }
}

impl Row {
    fn count(&self) -> Count {
        match self.outcome {
            Outcome::Passed(count) | Outcome::Failed(count, _) => count,
            Outcome::Unmatched | Outcome::Skipped(_) => Count::default(),
        }
    }

    fn verdict(&self) -> String {
        match &self.outcome {
            Outcome::Passed(_) => "ok".into(),
            Outcome::Unmatched => "no test here matches the filter".into(),
            Outcome::Skipped(why) => format!("SKIPPED: {why}"),
            Outcome::Failed(_, why) => format!("FAILED: {why}"),
        }
    }
}

// Numbers stand in columns, without words: a reader of logs that counts "N passed" must not see them twice.
impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "\n{:<10} {:>9} {:>7} {:>7} {:>8}  verdict",
            "step", "time", "passed", "failed", "ignored"
        )?;
        for row in &self.rows {
            line(out, row.name, row.time, row.count(), &row.verdict())?;
        }
        line(out, "total", self.rows.iter().map(|row| row.time).sum(), self.total(), "")
    }
}

fn line(
    out: &mut fmt::Formatter<'_>,
    name: &str,
    time: Duration,
    count: Count,
    verdict: &str,
) -> fmt::Result {
    let Count { passed, failed, ignored } = count;
    let text =
        format!("{name:<10} {:>7.1} s {passed:>7} {failed:>7} {ignored:>8}  {verdict}", time.as_secs_f64());
    writeln!(out, "{}", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcomes: Vec<Outcome>) -> Report {
        let mut report = Report::default();
        outcomes.into_iter().for_each(|outcome| report.add("step", Duration::from_millis(1500), outcome));
        report
    }

    #[test]
    fn steps_and_their_sum_are_shown() {
        let count = Count { passed: 20, failed: 0, ignored: 1 };
        let text = report(vec![Outcome::Passed(count), Outcome::Skipped("not here".into())]).to_string();
        assert!(text.contains("\nstep           1.5 s      20       0        1  ok\n"), "{text}");
        assert!(text.contains("SKIPPED: not here"), "{text}");
        assert!(text.contains("\ntotal          3.0 s      20       0        1\n"), "{text}");
    }

    #[test]
    fn a_run_of_skips_is_not_a_success() {
        assert!(
            report(vec![Outcome::Unmatched, Outcome::Skipped("not here".into())]).require_a_test().is_err()
        );
        let count = Count { passed: 1, ..Count::default() };
        assert!(report(vec![Outcome::Passed(count)]).require_a_test().is_ok());
    }
}
