//! The tables of a run by group and scenario, in the order they were measured; allocators stand side by side.

use super::saved::{Report, Row, Table};

/// A group.
pub(super) struct Group<'a> {
    pub(super) name: &'a str,
    pub(super) scenarios: Vec<Scenario<'a>>,
}

/// A scenario of a group: one table per allocator.
pub(super) struct Scenario<'a> {
    pub(super) group: &'a str,
    pub(super) name: &'a str,
    pub(super) tables: Vec<&'a Table>,
}

/// Sorts the tables.
pub(super) fn of(report: &Report) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for table in &report.tables {
        let index = groups.iter().position(|group| group.name == table.group).unwrap_or_else(|| {
            groups.push(Group { name: &table.group, scenarios: Vec::new() });
            groups.len() - 1
        });
        groups[index].add(table);
    }
    groups
}

impl<'a> Group<'a> {
    fn add(&mut self, table: &'a Table) {
        let known = self.scenarios.iter_mut().find(|scenario| scenario.name == table.scenario);
        match known {
            Some(scenario) => scenario.tables.push(table),
            None => self.scenarios.push(Scenario {
                group: &table.group,
                name: &table.scenario,
                tables: vec![table],
            }),
        }
    }

    /// Its id on the page.
    pub(super) fn anchor(&self) -> String {
        anchor(self.name)
    }
}

impl Scenario<'_> {
    /// Its id on the page.
    pub(super) fn anchor(&self) -> String {
        anchor(&format!("{}/{}", self.group, self.name))
    }

    /// True if its tables differ in their allocator.
    pub(super) fn has_allocators(&self) -> bool {
        self.tables.len() > 1
    }
}

/// An id may hold anything but white space.
fn anchor(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join("-")
}

/// The contender, and what tells it from the other rows of its table that have the same.
pub(super) fn row_name(table: &Table, row: &Row) -> String {
    let differ = |value: fn(&Row) -> Option<u64>| {
        let mut namesakes = table.rows.iter().filter(|other| other.contender == row.contender);
        namesakes.any(|other| value(other) != value(row))
    };
    let producers = row.producers.filter(|_| differ(|row| row.producers));
    let items = row.batch_items_max.filter(|_| differ(|row| row.batch_items_max));
    let producers = producers.map(|count| format!(", {count} producers")).unwrap_or_default();
    let batches = items.map(|items| format!(", batches of {items}")).unwrap_or_default();
    format!("{}{producers}{batches}", row.contender)
}
