//! The page of a saved run: one HTML file with plots, without scripts, that needs nothing else.
//!
//! Plots are drawn by plotters with its SVG backend and nothing besides: criterion brings that crate into the lock
//! file anyhow, it draws axes, meshes and lines well, and it builds in a few seconds. It has no notion of themes and
//! places by whole pixels, so `canvas` draws four times as large as it shows, and `palette` lets the style sheet
//! find each colour again and replace it in the dark. The page around the plots is written with maud, which escapes
//! every text by construction, so that no contender's name can break it.
//!
//! [`saved`] reads the file; the other modules are one part of the page each.

mod at_a_glance;
mod axis;
mod bars;
mod canvas;
mod cost;
mod curves;
pub(crate) mod figure;
mod goals;
mod groups;
mod head;
mod instructions;
mod legend;
mod palette;
mod percentiles;
pub mod saved;
mod scenario;
mod trends;

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub use saved::Report;

use self::{groups::Group, palette::Palette};

/// The whole page.
pub fn render(report: &Report) -> String {
    let groups = groups::of(report);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (page_head())
            body {
                main {
                    (head::render(&report.conditions))
                    (contents(report, &groups))
                    (goals::render(&report.goals))
                    (at_a_glance::render(&groups))
                    @for group in &groups { (section(group)) }
                    (instructions::render(&report.instructions))
                }
            }
        }
    };
    page.into_string()
}

fn page_head() -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { "Batchline: benchmarks" }
            style { (PreEscaped(include_str!("page/style.css"))) (PreEscaped(palette::style())) }
        }
    }
}

fn contents(report: &Report, groups: &[Group<'_>]) -> Markup {
    html! {
        nav aria-label="Contents" {
            h2 { "Contents" }
            ul {
                @if !report.goals.is_empty() { li { a href="#goals" { "Goals" } } }
                @if at_a_glance::has_lines(groups) { li { a href="#at-a-glance" { "At a glance" } } }
                @for group in groups {
                    li {
                        a href=(format!("#{}", group.anchor())) { (group.name) }
                        @for scenario in &group.scenarios {
                            " · " a.minor href=(format!("#{}", scenario.anchor())) { (scenario.name) }
                        }
                    }
                }
                @if !report.instructions.is_empty() { li { a href="#instructions" { "Instructions per item" } } }
            }
        }
    }
}

fn section(group: &Group<'_>) -> Markup {
    let palette = Palette::new(group);
    html! {
        section id=(group.anchor()) {
            h2 { (group.name) }
            @for scenario in &group.scenarios { (scenario::render(scenario, &palette)) }
            (trends::render(group, &palette))
        }
    }
}
