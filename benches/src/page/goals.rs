//! The goals: what the project wants to reach, what it reached.

use maud::{Markup, html};

use super::{figure, saved::Goal};

/// Renders them, missed ones first and reached ones folded away; nothing when the run had none.
pub(super) fn render(goals: &[Goal]) -> Markup {
    let with = |verdict: Option<bool>| goals.iter().filter(move |goal| goal.reached == verdict);
    let (reached, unmeasured) = (with(Some(true)).count(), with(None).count());
    html! {
        @if !goals.is_empty() {
            section #goals {
                h2 { "Goals" }
                p {
                    b { (reached) " of " (goals.len() - unmeasured) " reached" }
                    @if unmeasured > 0 { ", " (unmeasured) " not measured in this run" }
                }
                @if reached < goals.len() { (table(with(Some(false)).chain(with(None)))) }
                @if reached > 0 {
                    details open[reached == goals.len()] {
                        summary { "The " (reached) " that were reached" }
                        (table(with(Some(true))))
                    }
                }
            }
        }
    }
}

fn table<'a>(goals: impl Iterator<Item = &'a Goal>) -> Markup {
    html! {
        div.scroll { table {
            thead { tr { th { "verdict" } th { "goal" } th.n { "wanted" } th.n { "measured" } } }
            tbody { @for goal in goals { (row(goal)) } }
        } }
    }
}

fn row(goal: &Goal) -> Markup {
    let (class, verdict) = match goal.reached {
        Some(true) => ("good", "reached"),
        Some(false) => ("bad", "not reached"),
        None => ("none", "not measured"),
    };
    let measured = goal.measured.map(|value| with_unit(&figure::number(value), &goal.unit));
    html! {
        tr {
            td { span.badge.(class) { (verdict) } }
            th scope="row" { (goal.goal) }
            td.n { (wanted(goal)) }
            td.n { (measured.unwrap_or_else(|| figure::MISSING.to_owned())) }
        }
    }
}

fn wanted(goal: &Goal) -> String {
    match (goal.at_least, goal.at_most) {
        (Some(bound), _) => format!("≥ {}", with_unit(&figure::plain(bound), &goal.unit)),
        (None, Some(bound)) => format!("≤ {}", with_unit(&figure::plain(bound), &goal.unit)),
        (None, None) => figure::MISSING.to_owned(),
    }
}

fn with_unit(number: &str, unit: &str) -> String {
    match unit.trim() {
        "x" => format!("{number}×"),
        unit => format!("{number} {unit}").trim_end().to_owned(),
    }
}
