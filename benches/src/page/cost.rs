//! Costs per item: the bars and the figures of tables of rates.

use maud::{Markup, html};

use super::{
    bars::{self, Bar},
    figure::{self, maybe, maybe_duration, maybe_few},
    groups::row_name,
    palette,
    saved::{Distribution, Row, Table, is_usable},
};

/// The bars of one table, fastest first.
pub(super) fn plot(table: &Table) -> Markup {
    let bars: Vec<Bar> = fastest_first(table).into_iter().filter_map(|row| bar(table, row)).collect();
    if bars.is_empty() {
        return html! {};
    }
    let label = format!("{} {}: time per item of each contender", table.group, table.scenario);
    let (plot, is_log) = bars::render(&label, &bars);
    html! {
        figure {
            figcaption {
                b { "Time per item" } ", " (table.allocator)
                span.note {
                    "median and quartiles over rounds; shorter is better"
                    @if is_log { "; logarithmic axis" }
                }
            }
            (plot)
        }
    }
}

fn bar(table: &Table, row: &Row) -> Option<Bar> {
    let value_ns = row.item_ns.filter(|&ns| is_usable(ns))?;
    let whisker_ns = row.item_ns_p25.zip(row.item_ns_p75);
    Some(Bar { name: row_name(table, row), value_ns, whisker_ns, hue: palette::bar(row.role) })
}

fn fastest_first(table: &Table) -> Vec<&Row> {
    let mut rows: Vec<&Row> = table.rows.iter().collect();
    let cost = |row: &Row| row.item_ns.filter(|&ns| is_usable(ns)).unwrap_or(f64::INFINITY);
    rows.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
    rows
}

/// The figures of all allocators in one table.
pub(super) fn figures(tables: &[&Table]) -> Markup {
    let rows =
        || tables.iter().flat_map(|table| fastest_first(table).into_iter().map(move |row| (*table, row)));
    let has_latency = rows().any(|(_, row)| row.distribution().is_some());
    html! {
        @if !tables.is_empty() {
            div.scroll { table.figures {
                thead { (heading(has_latency)) }
                tbody { @for (table, row) in rows() { (figures_row(table, row, has_latency)) } }
            } }
        }
    }
}

fn heading(has_latency: bool) -> Markup {
    html! {
        tr {
            th { "contender" } th { "allocator" } th.n { "ns/item" } th.n { "p25..p75" } th.n { "M items/s" }
            th.n { "allocs/item" } th.n { "bytes/item" } th.n { "items/batch" }
            @if has_latency { th.n { "p50" } th.n { "p95" } th.n { "p99" } th.n { "max" } }
            th.n { "over peer" } th.n { "over naive" }
        }
    }
}

fn figures_row(table: &Table, row: &Row, has_latency: bool) -> Markup {
    let (low, high) = (maybe(row.item_ns_p25), maybe(row.item_ns_p75));
    html! {
        tr.(class(row)) {
            th scope="row" { (row_name(table, row)) }
            td { (table.allocator) }
            td.n { b { (maybe(row.item_ns)) } }
            td.n { (low) ".." (high) }
            td.n { (maybe(millions_per_second(row))) }
            td.n { (maybe_few(row.item_allocations)) }
            td.n { (maybe_few(row.item_bytes)) }
            td.n { (maybe(row.batch_items)) }
            @if has_latency { (latency_cells(row.distribution())) }
            td.n { (figure::ratio(row.speedup_over_rival)) }
            td.n { (figure::ratio(row.speedup_over_naive)) }
        }
    }
}

fn latency_cells(found: Option<&Distribution>) -> Markup {
    let cell = |of: fn(&Distribution) -> Option<f64>| maybe_duration(found.and_then(of));
    html! {
        td.n { (cell(|found| found.p50_ns)) }
        td.n { (cell(|found| found.p95_ns)) }
        td.n { (cell(|found| found.p99_ns)) }
        td.n { (cell(|found| found.max_ns)) }
    }
}

fn millions_per_second(row: &Row) -> Option<f64> {
    let from_cost = || row.item_ns.filter(|&ns| is_usable(ns)).map(|ns| 1e9 / ns);
    row.items_per_second.or_else(from_cost).map(|rate| rate / 1e6)
}

/// The class by which the style sheet tells the roles apart.
pub(super) fn class(row: &Row) -> &'static str {
    match row.role {
        super::saved::Role::Floor => "floor",
        super::saved::Role::Rival => "rival",
        super::saved::Role::Naive => "naive",
        super::saved::Role::Ours => "ours",
    }
}
