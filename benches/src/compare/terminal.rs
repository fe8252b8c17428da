//! A comparison on the terminal: conditions, warnings, the machine, a table per group, one line at the end.

use std::io::{self, Write};

use super::{
    Comparison, GroupComparison, RowComparison,
    machine_speed::MachineSpeed,
    rows::{Place, Side},
    verdict::{Verdict, of_group},
};
use crate::{
    page::{
        Report, figure,
        saved::{Conditions, Role},
    },
    text_table,
};

/// Prints it.
pub(super) fn print(
    before: &Report,
    after: &Report,
    found: &Comparison,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "before: {}", conditions(&before.conditions))?;
    writeln!(out, "after:  {}", conditions(&after.conditions))?;
    for warning in &found.warnings {
        writeln!(out, "WARNING: {warning}")?;
    }
    print_speed("rates", &found.rates, out)?;
    print_speed("latencies", &found.latencies, out)?;
    found.groups.iter().try_for_each(|group| print_group(group, out))?;
    writeln!(out, "\n{}", overall(found))
}

fn conditions(conditions: &Conditions) -> String {
    let Conditions { commit, mode, cpu, rustc, .. } = conditions;
    let cores = conditions.cores.map_or_else(|| "?".to_owned(), |cores| cores.to_string());
    format!("commit {commit}, {mode}, {cores} cores, {cpu}, {rustc}")
}

fn print_speed(what: &str, speed: &MachineSpeed, out: &mut impl Write) -> io::Result<()> {
    let &MachineSpeed { ratio, scatter, controls } = speed;
    if controls == 0 {
        return writeln!(out, "{what}: no controls in both runs, so the machine's own speed is unknown");
    }
    let (tolerance, scatter) = (percent(speed.tolerance()), percent(scatter));
    write!(
        out,
        "{what}: rivals and floors took {ratio:.3} times as long after as before (controls: {controls}, "
    )?;
    writeln!(out, "scatter {scatter}); changes are net of that, and count beyond {tolerance}")
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn print_group(group: &GroupComparison, out: &mut impl Write) -> io::Result<()> {
    let ours: Vec<Verdict> = group.rows.iter().filter(|row| row.is_ours()).map(|row| row.verdict).collect();
    writeln!(out, "\n{}: {} ({})", group.group, group.verdict, tally(&ours))?;
    let shown = || group.rows.iter().filter(|row| matches!(row.pair.role, Role::Ours | Role::Naive));
    let rows: Vec<Vec<String>> = shown().map(|row| cells(row, is_ambiguous(row, shown()))).collect();
    if rows.is_empty() {
        return writeln!(out, "only controls ran in this group");
    }
    let heading = ["scenario", "allocator", "contender", "before", "after", "change", "verdict"];
    writeln!(out, "{}", text_table::render(&heading, &rows))
}

/// As in `1 slower, 3 level`.
fn tally(verdicts: &[Verdict]) -> String {
    use Verdict::{Faster, Gone, Level, New, Slower, TooNoisy};
    let count = |verdict| verdicts.iter().filter(|&&found| found == verdict).count();
    let counts = [Slower, Faster, Level, TooNoisy, Gone, New].map(|verdict| (count(verdict), verdict));
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> = counts.map(|(count, verdict)| format!("{count} {verdict}")).collect();
    if words.is_empty() { "none of ours".to_owned() } else { words.join(", ") }
}

/// True if scenario, allocator and contender do not tell this row from another.
fn is_ambiguous<'a>(row: &RowComparison, mut others: impl Iterator<Item = &'a RowComparison>) -> bool {
    let names = |row: &RowComparison| {
        let place = &row.pair.place;
        (place.scenario.clone(), place.allocator.clone(), place.contender.clone())
    };
    others.any(|other| other.pair.place != row.pair.place && names(other) == names(row))
}

fn cells(row: &RowComparison, has_load: bool) -> Vec<String> {
    let place = &row.pair.place;
    vec![
        if has_load { scenario_with_load(place) } else { place.scenario.clone() },
        place.allocator.clone(),
        if row.is_ours() { place.contender.clone() } else { format!("{} (control)", place.contender) },
        median(&row.pair.before),
        median(&row.pair.after),
        row.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{:+.1} %", (ratio - 1.0) * 100.0)),
        row.verdict.to_string(),
    ]
}

fn scenario_with_load(place: &Place) -> String {
    let producers = place.producers.map(|count| format!(", {count} producers")).unwrap_or_default();
    let batches = place.batch_items_max.map(|items| format!(", batches of {items}")).unwrap_or_default();
    format!("{}{producers}{batches}", place.scenario)
}

fn median(side: &Side) -> String {
    match side {
        Side::Absent => "-".to_owned(),
        Side::Unusable => "?".to_owned(),
        Side::Measured(found) => figure::duration(found.spread.median_ns),
    }
}

fn overall(found: &Comparison) -> String {
    let verdicts: Vec<Verdict> = found.ours().map(|row| row.verdict).collect();
    let headline = match of_group(&verdicts) {
        Verdict::Slower => "SLOWER".to_owned(),
        verdict => verdict.to_string(),
    };
    format!("overall: {headline} ({})", tally(&verdicts))
}
