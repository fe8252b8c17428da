//! One scenario: a sentence, its plots, its figures.

use maud::{Markup, html};

use super::{
    at_a_glance::{Best, speedup_cell},
    cost, figure,
    groups::Scenario,
    palette::Palette,
    percentiles,
    saved::{Kind, Table},
};

/// Renders it.
pub(super) fn render(scenario: &Scenario<'_>, palette: &Palette) -> Markup {
    let rates = of_kind(scenario, Kind::Rate);
    let latencies = of_kind(scenario, Kind::Latency);
    html! {
        h3 id=(scenario.anchor()) { (scenario.name) }
        @for table in &rates { (sentence(scenario, table)) }
        div.plots {
            @for table in &rates { (cost::plot(table)) }
            @for table in &latencies { (percentiles::bars(table)) }
            @for table in &scenario.tables { (percentiles::plot(table, palette)) }
        }
        (cost::figures(&rates))
        (percentiles::figures(&latencies))
    }
}

fn of_kind<'a>(scenario: &Scenario<'a>, kind: Kind) -> Vec<&'a Table> {
    scenario.tables.iter().copied().filter(|table| table.kind == kind && !table.rows.is_empty()).collect()
}

fn sentence(scenario: &Scenario<'_>, table: &Table) -> Markup {
    let Some(best) = Best::of(table) else { return html! {} };
    html! {
        p {
            @if scenario.has_allocators() { (table.allocator) ": " }
            b { (best.ours.contender) } " takes " b { (figure::maybe_duration(best.ours.item_ns)) } " per item"
            @if let Some(rival) = best.rival {
                "; " (speedup_cell(best.over_rival())) " the speed of " (rival.contender) ", the best peer"
            }
            @if let Some(naive) = best.naive {
                "; " (speedup_cell(best.over_naive())) " the speed of " (naive.contender)
            }
            "."
        }
    }
}
