//! Instructions per item: counted, not timed, so they stay the same on a busy machine.

use maud::{Markup, html};

use super::{figure, saved::Instructions};

/// Renders them; nothing when none were counted.
pub(super) fn render(counts: &[Instructions]) -> Markup {
    html! {
        @if !counts.is_empty() {
            section #instructions {
                h2 { "Instructions per item" }
                div.scroll { table {
                    thead { tr {
                        th { "group" } th { "contender" } th.n { "instructions" } th.n { "baseline" } th.n { "change" }
                    } }
                    tbody { @for count in counts { (row(count)) } }
                } }
            }
        }
    }
}

fn row(count: &Instructions) -> Markup {
    let change =
        count.item_instructions.zip(count.baseline).map(|(now, before)| (now / before - 1.0) * 100.0);
    let change = change.filter(|change| change.is_finite());
    html! {
        tr {
            th scope="row" { (count.group) }
            td { (count.contender) }
            td.n { (figure::maybe(count.item_instructions)) }
            td.n { (figure::maybe(count.baseline)) }
            td.n { (change.map_or_else(|| figure::MISSING.to_owned(), |change| format!("{change:+.1} %"))) }
        }
    }
}
