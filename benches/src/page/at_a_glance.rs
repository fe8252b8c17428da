//! One line per table of rates: the best of ours beside the best peer and the naive twin.

use maud::{Markup, html};

use super::{
    figure,
    groups::{Group, Scenario},
    saved::{Kind, Role, Row, Table, is_usable},
};

/// The best of a table.
pub(super) struct Best<'a> {
    pub(super) ours: &'a Row,
    pub(super) rival: Option<&'a Row>,
    pub(super) naive: Option<&'a Row>,
}

impl<'a> Best<'a> {
    /// None when ours did not run.
    pub(super) fn of(table: &'a Table) -> Option<Self> {
        Some(Self {
            ours: fastest(table, Role::Ours)?,
            rival: fastest(table, Role::Rival),
            naive: fastest(table, Role::Naive),
        })
    }

    /// The median over rounds where the run has it, or else the ratio of medians.
    pub(super) fn over_rival(&self) -> Option<f64> {
        self.ours.speedup_over_rival.or_else(|| speedup(self.ours, self.rival?))
    }

    /// Likewise over the naive twin.
    pub(super) fn over_naive(&self) -> Option<f64> {
        self.ours.speedup_over_naive.or_else(|| speedup(self.ours, self.naive?))
    }
}

fn fastest(table: &Table, role: Role) -> Option<&Row> {
    let rows = table.rows.iter().filter(|row| row.role == role && row.item_ns.is_some_and(is_usable));
    rows.min_by(|a, b| a.item_ns.partial_cmp(&b.item_ns).expect("usable times are numbers"))
}

fn speedup(ours: &Row, other: &Row) -> Option<f64> {
    Some(other.item_ns? / ours.item_ns?).filter(|&ratio| is_usable(ratio))
}

/// True if there is something to show.
pub(super) fn has_lines(groups: &[Group<'_>]) -> bool {
    groups.iter().flat_map(|group| &group.scenarios).any(|scenario| best_of_each(scenario).next().is_some())
}

/// Renders the table; nothing when no rates were measured.
pub(super) fn render(groups: &[Group<'_>]) -> Markup {
    html! {
        @if has_lines(groups) {
            section #at-a-glance {
                h2 { "At a glance" }
                p.lead {
                    "The fastest of ours in each table, whatever its call: bulk puts count too. Ratios are medians "
                    "over rounds, so on a restless machine they are not quite those of the medians beside them."
                }
                div.scroll { table.wide {
                    thead { tr {
                        th { "scenario" } th { "allocator" } th { "fastest of ours" } th.n { "ns/item" }
                        th { "best peer" } th.n { "ns/item" } th.n { "over peer" } th.n { "naive" }
                        th.n { "over naive" }
                    } }
                    tbody {
                        @for scenario in groups.iter().flat_map(|group| &group.scenarios) {
                            @for (table, best) in best_of_each(scenario) { (line(scenario, table, &best)) }
                        }
                    }
                } }
            }
        }
    }
}

fn best_of_each<'a>(scenario: &Scenario<'a>) -> impl Iterator<Item = (&'a Table, Best<'a>)> {
    let rates = scenario.tables.iter().copied().filter(|table| table.kind == Kind::Rate);
    rates.filter_map(|table| Some((table, Best::of(table)?)))
}

fn line(scenario: &Scenario<'_>, table: &Table, best: &Best<'_>) -> Markup {
    let cost = |row: Option<&Row>| figure::maybe(row.and_then(|row| row.item_ns));
    html! {
        tr {
            th scope="row" {
                a href=(format!("#{}", scenario.anchor())) { (scenario.group) " / " (scenario.name) }
            }
            td { (table.allocator) }
            td { (best.ours.contender) }
            td.n { (cost(Some(best.ours))) }
            td { (best.rival.map_or(figure::MISSING, |row| &row.contender)) }
            td.n { (cost(best.rival)) }
            td.n { (speedup_cell(best.over_rival())) }
            td.n { (cost(best.naive)) }
            td.n { (speedup_cell(best.over_naive())) }
        }
    }
}

/// Colours a ratio by whether ours is the faster side.
pub(super) fn speedup_cell(ratio: Option<f64>) -> Markup {
    let class = match ratio {
        Some(ratio) if ratio >= 1.0 => "good",
        Some(_) => "bad",
        None => "none",
    };
    html! { span.(class) { (figure::ratio(ratio)) } }
}
