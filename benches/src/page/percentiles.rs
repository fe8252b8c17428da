//! Latencies: their distribution as curves, their medians as bars, their figures.
//!
//! The axis of percentiles is stretched at both ends by the logit, so that the bulk and the tail can both be read;
//! there is room for the least at one end and for the longest at the other.

use maud::{Markup, html};

use super::{
    axis::Axis,
    bars::{self, Bar},
    cost,
    curves::{self, Curve},
    figure::{self, maybe_duration},
    groups::row_name,
    legend,
    palette::{self, Palette},
    saved::{Distribution, Role, Row, Table, is_usable},
};

/// Where the shortest and the longest sample stand, beyond the logits of 1 % and of 99.9 %.
const ENDS: (f64, f64) = (-5.4, 8.6);

/// The curves of one table; nothing when no row has latencies.
pub(super) fn plot(table: &Table, palette: &Palette) -> Markup {
    let curves: Vec<Curve> = table.rows.iter().filter_map(|row| curve(table, row, palette)).collect();
    if curves.is_empty() {
        return html! {};
    }
    let label = format!("{} {}: latency by percentile", table.group, table.scenario);
    let values: Vec<f64> = curves.iter().flat_map(|curve| &curve.points).map(|&(_, ns)| ns).collect();
    let y = Axis::log(&values, figure::tick_duration);
    html! {
        figure {
            figcaption {
                b { "Latency by percentile" } ", " (table.allocator)
                span.note { "lower is better; both axes stretched, so that the tail shows" }
            }
            (curves::render(&label, &curves, &percent_axis(), &y, false))
            (legend::render(&curves))
        }
    }
}

fn percent_axis() -> Axis {
    let (min, max) = ENDS;
    let inner = [(0.1, "10 %"), (0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %")];
    let mut ticks = vec![(min, "min")];
    ticks.extend(inner.map(|(share, label)| (logit(share), label)));
    ticks.push((max, "max"));
    // Some room at the start keeps "min" clear of the labels on the left.
    Axis::with_ticks(min - 0.6..max, &ticks)
}

fn logit(share: f64) -> f64 {
    (share / (1.0 - share)).ln()
}

fn curve(table: &Table, row: &Row, palette: &Palette) -> Option<Curve> {
    let points = points(row.distribution()?);
    let name = row_name(table, row);
    let hue = palette.hue(&row.contender);
    (points.len() > 1).then(|| Curve { name, hue, is_ours: row.role == Role::Ours, points })
}

fn points(found: &Distribution) -> Vec<(f64, f64)> {
    let (min, max) = ENDS;
    let whole = (1..100).map(|percent| (logit(percent as f64 / 100.0), found.percentile_ns(percent)));
    let mut points = vec![(min, found.percentile_ns(0))];
    points.extend(whole);
    if found.quantiles_ns.is_empty() {
        let few = [(0.5, found.p50_ns), (0.95, found.p95_ns), (0.99, found.p99_ns)];
        points.extend(few.map(|(share, ns)| (logit(share), ns)));
    }
    points.extend([(logit(0.999), found.p999_ns), (max, found.max_ns.or(found.percentile_ns(100)))]);
    let usable = points.into_iter().filter_map(|(place, ns)| Some((place, ns.filter(|&ns| is_usable(ns))?)));
    usable.collect()
}

/// Medians as bars, with whiskers up to p99.
pub(super) fn bars(table: &Table) -> Markup {
    let bars: Vec<Bar> = table.rows.iter().filter_map(|row| bar(table, row)).collect();
    if bars.is_empty() {
        return html! {};
    }
    let label = format!("{} {}: median latency of each contender", table.group, table.scenario);
    let (plot, is_log) = bars::render(&label, &bars);
    html! {
        figure {
            figcaption {
                b { "Median latency" } ", " (table.allocator)
                span.note { "whisker up to p99; shorter is better" @if is_log { "; logarithmic axis" } }
            }
            (plot)
        }
    }
}

fn bar(table: &Table, row: &Row) -> Option<Bar> {
    let found = row.distribution()?;
    let value_ns = found.p50_ns.filter(|&ns| is_usable(ns))?;
    let whisker_ns = found.p99_ns.map(|high| (value_ns, high));
    Some(Bar { name: row_name(table, row), value_ns, whisker_ns, hue: palette::bar(row.role) })
}

/// The figures of tables of latencies.
pub(super) fn figures(tables: &[&Table]) -> Markup {
    let rows = || tables.iter().flat_map(|table| table.rows.iter().map(move |row| (*table, row)));
    html! {
        @if !tables.is_empty() {
            div.scroll { table.figures {
                thead { tr {
                    th { "contender" } th { "allocator" } th.n { "samples" } th.n { "p50" } th.n { "p95" }
                    th.n { "p99" } th.n { "p99.9" } th.n { "max" } th { "remark" }
                } }
                tbody { @for (table, row) in rows() { (figures_row(table, row)) } }
            } }
        }
    }
}

fn figures_row(table: &Table, row: &Row) -> Markup {
    let found = row.distribution().cloned().unwrap_or_default();
    html! {
        tr.(cost::class(row)) {
            th scope="row" { (row_name(table, row)) }
            td { (table.allocator) }
            td.n { (figure::maybe(found.samples.map(|samples| samples as f64))) }
            td.n { b { (maybe_duration(found.p50_ns)) } }
            @for ns in [found.p95_ns, found.p99_ns, found.p999_ns, found.max_ns] {
                td.n { (maybe_duration(ns)) }
            }
            td { (row.remark) }
        }
    }
}
