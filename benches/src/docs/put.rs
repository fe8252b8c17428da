//! The table of `put` by one, two and four producers: everybody beside the best channel of the column.

use super::{
    entry::{Entry, rates},
    fill::fill,
    markdown_table,
    refusal::Missing,
};
use crate::{
    load::PRODUCER_COUNTS,
    page::{
        Report,
        saved::{Role, Table},
    },
    results::MIMALLOC,
    scenarios::put::{GROUP, scenario},
};

/// Contenders, and what the page calls them.
const CONTENDERS: [(&str, &str); 13] = [
    ("floor", "floor: no hand-over"),
    ("crossfire", "crossfire"),
    ("crossbeam", "crossbeam"),
    ("std-mpsc", "std-mpsc"),
    ("disruptor", "disruptor"),
    ("kanal", "kanal"),
    ("flume", "flume"),
    ("tokio-chunks", "tokio mpsc and `chunks_timeout`"),
    ("naive", "naive twin"),
    ("batchline-put", "batchline `put`"),
    ("batchline-producer", "batchline `Producer::put`"),
    ("batchline-put-many-64", "batchline `put_many` of 64"),
    ("batchline-ordered", "batchline `put`, `ordered`"),
];

/// Writes it, and what ours allocate.
pub(super) fn write(report: &Report) -> Result<String, Missing> {
    let table = |producers| rates(report, GROUP, &scenario(producers), MIMALLOC);
    let tables = PRODUCER_COUNTS.into_iter().map(table).collect::<Result<Vec<_>, _>>()?;
    let rows = CONTENDERS.iter().map(|contender| row(contender, &tables)).collect::<Result<Vec<_>, _>>()?;
    let table = markdown_table::render(&["contender", "1 producer", "2 producers", "4 producers"], &rows);
    Ok(format!("{table}\n\n{}", allocations(&tables)?))
}

fn row((name, label): &(&str, &str), tables: &[&Table]) -> Result<Vec<String>, Missing> {
    let cells = tables.iter().map(|table| cell(table, name));
    std::iter::once(Ok((*label).to_owned())).chain(cells).collect()
}

fn cell(table: &Table, name: &str) -> Result<String, Missing> {
    let own_ns = Entry::named(table, name)?.item_ns()?;
    Ok(format!("{own_ns:.2} ({:.2}x)", best_rival_ns(table)? / own_ns))
}

fn best_rival_ns(table: &Table) -> Result<f64, Missing> {
    Entry::of_role(table, Role::Rival)
        .map(Entry::item_ns)
        .try_fold(f64::INFINITY, |best, ns| Ok(best.min(ns?)))
}

fn allocations(tables: &[&Table]) -> Result<String, Missing> {
    let ours = tables.iter().flat_map(|table| Entry::of_role(table, Role::Ours));
    let most =
        ours.map(Entry::item_allocations).try_fold(0.0_f64, |most, own| own.map(|own| most.max(own)))?;
    Ok(fill(&format!("In this table, Batchline allocates {most:.3} times per item at most.")))
}
