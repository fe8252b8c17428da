//! The head of the page: where and with what the numbers were made.

use maud::{Markup, html};

use super::saved::Conditions;

/// Renders it.
pub(super) fn render(conditions: &Conditions) -> Markup {
    let peers = conditions.peers.iter().map(|(name, version)| format!("{name} {version}"));
    let peers = peers.collect::<Vec<_>>().join(", ");
    let cores = conditions.cores.map(|cores| cores.to_string()).unwrap_or_default();
    let facts = [
        ("Commit", conditions.commit.as_str()),
        ("Run", &conditions.mode),
        ("Processor", &conditions.cpu),
        ("Cores", &cores),
        ("Kernel", &conditions.kernel),
        ("Compiler", &conditions.rustc),
        ("Load before", &conditions.load_average),
        ("Allocator", &conditions.allocator),
        ("Versions", &peers),
    ];
    html! {
        header {
            h1 { "Batchline: benchmarks" }
            p.lead {
                "Batchline beside its naive twin and its peers, all in one run, in turns. What counts is the ratio "
                "between contenders of the same table; the nanoseconds are this machine's."
            }
            dl.facts {
                @for (name, fact) in facts.into_iter().filter(|(_, fact)| !fact.is_empty()) {
                    div { dt { (name) } dd { (fact) } }
                }
            }
        }
    }
}
