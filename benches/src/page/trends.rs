//! How the cost moves with the number of producers and with the size of a batch, wherever tables of one group differ
//! in those and in nothing else.

use maud::{Markup, html};

use super::{
    axis::Axis,
    curves::{self, Curve},
    figure,
    groups::Group,
    legend,
    palette::Palette,
    saved::{Kind, Role, Row, Table, is_usable},
};

/// A parameter of the load.
#[derive(Clone, Copy)]
struct Parameter {
    name: &'static str,
    value: fn(&Row) -> Option<u64>,
    /// What must be the same along a line, and how to say it.
    other: fn(&Row) -> Option<u64>,
    other_label: fn(u64) -> String,
}

const PARAMETERS: [Parameter; 2] = [
    Parameter {
        name: "number of producers",
        value: |row| row.producers,
        other: |row| row.batch_items_max,
        other_label: |items| format!("batches of {items}"),
    },
    Parameter {
        name: "batch size",
        value: |row| row.batch_items_max,
        other: |row| row.producers,
        other_label: |producers| format!("{producers} producer{}", if producers == 1 { "" } else { "s" }),
    },
];

/// What all points of one plot share.
#[derive(Clone, PartialEq, Eq)]
struct Setting {
    family: String,
    allocator: String,
    other: Option<u64>,
}

impl Setting {
    fn new(table: &Table, other: Option<u64>) -> Self {
        Self { family: family(&table.scenario), allocator: table.allocator.clone(), other }
    }
}

/// Scenarios whose names differ in numbers alone are one workload at several sizes.
fn family(scenario: &str) -> String {
    let mut family = String::new();
    for letter in scenario.chars().map(|letter| if letter.is_ascii_digit() { 'N' } else { letter }) {
        if letter != 'N' || !family.ends_with('N') {
            family.push(letter);
        }
    }
    family
}

/// Renders the plots of a group; nothing when nothing varies.
pub(super) fn render(group: &Group<'_>, palette: &Palette) -> Markup {
    let plots: Vec<Markup> =
        PARAMETERS.iter().flat_map(|parameter| plots(group, *parameter, palette)).collect();
    html! {
        @if !plots.is_empty() {
            h3 { "How it scales" }
            div.plots { @for plot in &plots { (plot) } }
        }
    }
}

fn rows<'a>(group: &'a Group<'_>) -> impl Iterator<Item = (&'a Table, &'a Row)> {
    let tables = group.scenarios.iter().flat_map(|scenario| scenario.tables.iter().copied());
    let rates = tables.filter(|table| table.kind == Kind::Rate);
    rates.flat_map(|table| table.rows.iter().map(move |row| (table, row)))
}

fn plots(group: &Group<'_>, parameter: Parameter, palette: &Palette) -> Vec<Markup> {
    let mut settings: Vec<Setting> = Vec::new();
    for (table, row) in rows(group) {
        let setting = Setting::new(table, (parameter.other)(row));
        if !settings.contains(&setting) {
            settings.push(setting);
        }
    }
    let plot =
        |setting: &Setting| plot(group, parameter, setting, &lines(group, parameter, setting, palette));
    settings.iter().filter_map(plot).collect()
}

fn lines(group: &Group<'_>, parameter: Parameter, setting: &Setting, palette: &Palette) -> Vec<Curve> {
    let mut lines: Vec<Curve> = Vec::new();
    for (table, row) in rows(group) {
        let point = (parameter.value)(row).map(|value| value as f64).zip(row.item_ns);
        let point = point.filter(|&(value, ns)| is_usable(value) && is_usable(ns));
        let Some(point) = point.filter(|_| Setting::new(table, (parameter.other)(row)) == *setting) else {
            continue;
        };
        match lines.iter_mut().find(|line| line.name == row.contender) {
            Some(line) => line.points.push(point),
            None => lines.push(Curve {
                name: row.contender.clone(),
                hue: palette.hue(&row.contender),
                is_ours: row.role == Role::Ours,
                points: vec![point],
            }),
        }
    }
    lines.iter_mut().for_each(|line| sort_points(&mut line.points));
    lines.retain(|line| line.points.len() > 1);
    lines
}

/// Two points at one place would be two workloads after all; the first stays.
fn sort_points(points: &mut Vec<(f64, f64)>) {
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points.dedup_by(|next, first| next.0.total_cmp(&first.0).is_eq());
}

fn plot(group: &Group<'_>, parameter: Parameter, setting: &Setting, lines: &[Curve]) -> Option<Markup> {
    let (values, costs): (Vec<f64>, Vec<f64>) = lines.iter().flat_map(|line| &line.points).copied().unzip();
    let (x, y) = (Axis::log_at(&values, figure::count), Axis::fitting(&costs, figure::tick_duration));
    let fixed = setting.other.map(parameter.other_label).unwrap_or_default();
    let parts = [setting.family.as_str(), &fixed, &setting.allocator];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let label = format!("{}: time per item against {}", group.name, parameter.name);
    (!lines.is_empty()).then(|| {
        html! {
            figure {
                figcaption {
                    b { "Time per item against " (parameter.name) } ", " (parts.join(", "))
                    span.note { "lower is better" @if y.is_log() { "; logarithmic axes" } }
                }
                (curves::render(&label, lines, &x, &y, true))
                (legend::render(lines))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::family;

    #[test]
    fn numbers_do_not_make_another_family() {
        assert_eq!(
            ["producers-2", "producers-16", "light"].map(family),
            ["producers-N", "producers-N", "light"]
        );
    }
}
