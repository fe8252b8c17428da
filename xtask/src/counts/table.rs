//! The table of a run, in plain text.

use super::report::Row;

/// One line per case under a heading.
pub(super) fn render(rows: &[Row]) -> String {
    let heading = line("case", "instructions", "baseline", "difference", "verdict");
    std::iter::once(heading)
        .chain(rows.iter().map(row_line))
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

fn row_line(row: &Row) -> String {
    let or_dash = |cell: Option<String>| cell.unwrap_or_else(|| "-".into());
    line(
        &row.counted.case.name,
        &format!("{:.2}", row.counted.item_instructions),
        &or_dash(row.baseline.map(|baseline| format!("{baseline:.2}"))),
        &or_dash(row.difference_percent().map(difference)),
        &row.verdict.to_string(),
    )
}

/// Without a sign where it rounds to nothing.
fn difference(percent: f64) -> String {
    if percent.abs() < 0.005 { "0.00 %".into() } else { format!("{percent:+.2} %") }
}

fn line(case: &str, instructions: &str, baseline: &str, difference: &str, verdict: &str) -> String {
    format!("{case:<22}  {instructions:>12}  {baseline:>10}  {difference:>10}  {verdict}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::case::{Case, Counted};
    use crate::counts::tolerance::Tolerance;

    fn row(name: &str, baseline: Option<f64>) -> Row {
        let case = Case { name: name.into(), ours: true, seeded: false, items: 1 };
        Row::new(Counted { case, item_instructions: 36.0 }, baseline, Tolerance::SameCompiler)
    }

    #[test]
    fn a_case_is_a_line_and_what_is_missing_a_dash() {
        let rows = [row("put/batcher", Some(32.0)), row("put/new", None)];
        let text = render(&rows);
        let words = |line: usize| text.lines().nth(line).unwrap().split_whitespace().collect::<Vec<_>>();
        assert_eq!(words(1), ["put/batcher", "36.00", "32.00", "+12.50", "%", "RISEN"]);
        assert_eq!(words(2), ["put/new", "36.00", "-", "-", "NO", "BASELINE"]);
    }

    #[test]
    fn a_difference_that_rounds_to_nothing_has_no_sign() {
        assert_eq!([difference(-0.001), difference(-1.0)], ["0.00 %", "-1.00 %"]);
    }
}
