//! The table of request and response: in tasks, by threads, and by threads that linger.

use super::{
    entry::{Entry, rates},
    markdown_table,
    refusal::Missing,
};
use crate::{
    page::{Report, saved::Table},
    results::MIMALLOC,
    scenarios::submit::{GROUP, SCENARIO},
};

/// Contenders, and what the page calls them.
const CONTENDERS: [(&str, &str); 10] = [
    ("floor-tasks", "floor: 4000 tokio tasks that only yield"),
    ("batch-aint-one-tasks-demand", "batch-aint-one, tokio tasks"),
    ("ultra-batch-tasks-demand", "ultra-batch, tokio tasks"),
    ("oneshot-crossfire-tasks-demand", "crossfire and oneshot, tokio tasks"),
    ("batchline-tasks-demand", "batchline, tokio tasks"),
    ("oneshot-crossfire-threads-demand", "crossfire and oneshot, two threads"),
    ("batchline-threads-demand", "batchline, two threads"),
    ("batchline-producer-threads-demand", "batchline `Producer`, two threads"),
    ("oneshot-crossfire-threads-linger", "crossfire and oneshot, two threads, linger"),
    ("batchline-threads-linger", "batchline, two threads, linger"),
];

/// Writes it.
pub(super) fn write(report: &Report) -> Result<String, Missing> {
    let table = rates(report, GROUP, SCENARIO, MIMALLOC)?;
    let rows = CONTENDERS.iter().map(|contender| row(contender, table)).collect::<Result<Vec<_>, _>>()?;
    Ok(markdown_table::render(&["contender", "ns per item", "allocations per item"], &rows))
}

fn row((name, label): &(&str, &str), table: &Table) -> Result<Vec<String>, Missing> {
    let own = Entry::named(table, name)?;
    let (item_ns, allocations) = (own.item_ns()?, own.item_allocations()?);
    Ok(vec![(*label).to_owned(), format!("{item_ns:.2}"), format!("{allocations:.3}")])
}
