//! How many goals were reached, and the table of those that were not.

use super::{fill::fill, markdown_table, refusal::Missing};
use crate::page::{Report, saved::Goal};

/// Writes how many.
pub(super) fn write_reached(report: &Report) -> Result<String, Missing> {
    let goals = measured(report)?;
    let reached = goals.iter().filter(|goal| goal.reached == Some(true)).count();
    let (all, missed) = (goals.len(), goals.len() - reached);
    Ok(fill(&format!("{reached} of {all} goals were reached in that run, {missed} were not.")))
}

/// Writes the table.
pub(super) fn write_missed(report: &Report) -> Result<String, Missing> {
    let missed = measured(report)?.iter().filter(|goal| goal.reached == Some(false));
    let rows = missed.map(row).collect::<Result<Vec<_>, _>>()?;
    Ok(markdown_table::render(&["goal", "wanted", "measured"], &rows))
}

/// All goals; a run that left one out cannot say how many were reached.
fn measured(report: &Report) -> Result<&[Goal], Missing> {
    let goals = report.goals.as_slice();
    if goals.is_empty() {
        return Err(Missing("goals".to_owned()));
    }
    match goals.iter().find(|goal| goal.reached.is_none()) {
        Some(goal) => Err(Missing(format!("a verdict on the goal `{}`", goal.goal))),
        None => Ok(goals),
    }
}

fn row(goal: &Goal) -> Result<Vec<String>, Missing> {
    let missing = |what: &str| Missing(format!("{what} of the goal `{}`", goal.goal));
    let measured = goal.measured.ok_or_else(|| missing("the figure"))?;
    let wanted = match (goal.at_least, goal.at_most) {
        (Some(bound), _) => format!("at least {}", with_unit(&bound.to_string(), &goal.unit)),
        (None, Some(bound)) => format!("at most {}", with_unit(&bound.to_string(), &goal.unit)),
        (None, None) => return Err(missing("the bound")),
    };
    Ok(vec![goal.goal.clone(), wanted, with_unit(&format!("{measured:.2}"), &goal.unit)])
}

fn with_unit(number: &str, unit: &str) -> String {
    match unit.trim() {
        "x" => format!("{number}x"),
        unit => format!("{number} {unit}").trim_end().to_owned(),
    }
}
