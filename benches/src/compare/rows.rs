//! Rows of two runs, brought together by what they measured.

use std::collections::HashMap;

use super::spread::Measurement;
use crate::page::saved::{Kind, Report, Role, Row, Table};

/// What makes two rows the same measurement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The group.
    pub group: String,
    /// The scenario.
    pub scenario: String,
    /// The allocator.
    pub allocator: String,
    /// Rates or latencies.
    pub kind: Kind,
    /// The contender.
    pub contender: String,
    /// Producers.
    pub producers: Option<u64>,
    /// The limit on items in a batch.
    pub batch_items_max: Option<u64>,
}

/// One measurement, as each run has it.
#[derive(Debug, Clone)]
pub struct Pair {
    /// What was measured.
    pub place: Place,
    /// Whose it is.
    pub role: Role,
    /// In the first run.
    pub before: Side,
    /// In the second.
    pub after: Side,
}

/// One run's side.
#[derive(Debug, Clone, PartialEq)]
pub enum Side {
    /// The run has no such row.
    Absent,
    /// It has, but nothing usable in it.
    Unusable,
    /// It was measured.
    Measured(Measurement),
}

impl Pair {
    /// True if both runs have it.
    pub fn is_complete(&self) -> bool {
        self.before != Side::Absent && self.after != Side::Absent
    }

    /// Both measurements.
    pub fn measurements(&self) -> Option<(&Measurement, &Measurement)> {
        match (&self.before, &self.after) {
            (Side::Measured(before), Side::Measured(after)) => Some((before, after)),
            _ => None,
        }
    }
}

/// All measurements of both runs: in the order of the first, then what is new in the second.
pub fn pairs(before: &Report, after: &Report) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    let mut known: HashMap<Place, usize> = HashMap::new();
    let mut find = |table: &Table, row: &Row, pairs: &mut Vec<Pair>| {
        *known.entry(place(table, row)).or_insert_with_key(|place| {
            let (before, after) = (Side::Absent, Side::Absent);
            pairs.push(Pair { place: place.clone(), role: row.role, before, after });
            pairs.len() - 1
        })
    };
    for (table, row) in rows(before) {
        let index = find(table, row, &mut pairs);
        pairs[index].before = side(table, row);
    }
    for (table, row) in rows(after) {
        let index = find(table, row, &mut pairs);
        pairs[index].after = side(table, row);
    }
    pairs
}

fn rows(report: &Report) -> impl Iterator<Item = (&Table, &Row)> {
    report.tables.iter().flat_map(|table| table.rows.iter().map(move |row| (table, row)))
}

fn place(table: &Table, row: &Row) -> Place {
    Place {
        group: table.group.clone(),
        scenario: table.scenario.clone(),
        allocator: table.allocator.clone(),
        kind: table.kind,
        contender: row.contender.clone(),
        producers: row.producers,
        batch_items_max: row.batch_items_max,
    }
}

fn side(table: &Table, row: &Row) -> Side {
    Measurement::of(row, table.kind).map_or(Side::Unusable, Side::Measured)
}
