//! What a block asks of a saved run: it is there, or the complaint names it.

use super::refusal::Missing;
use crate::{
    page::{
        Report,
        saved::{Distribution, Kind, Role, Row, Table, is_usable},
    },
    results::MIMALLOC,
};

/// The table of rates of one scenario.
pub(super) fn rates<'a>(
    report: &'a Report,
    group: &str,
    scenario: &str,
    allocator: &str,
) -> Result<&'a Table, Missing> {
    table(report, Kind::Rate, (group, scenario, allocator))
}

/// The table of latencies of a scenario that is a group by itself.
pub(super) fn latencies<'a>(report: &'a Report, scenario: &str) -> Result<&'a Table, Missing> {
    table(report, Kind::Latency, (scenario, scenario, MIMALLOC))
}

fn table<'a>(report: &'a Report, kind: Kind, place: (&str, &str, &str)) -> Result<&'a Table, Missing> {
    let place_of = |table: &'a Table| (&*table.group, &*table.scenario, &*table.allocator);
    let mut tables = report.tables.iter().filter(|table| table.kind == kind);
    let (group, scenario, allocator) = place;
    let missing = || Missing(format!("the table {group}/{scenario}, {allocator}"));
    tables.find(|table| place_of(table) == place).ok_or_else(missing)
}

/// One contender's row, and the table it stands in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    table: &'a Table,
    row: &'a Row,
}

impl<'a> Entry<'a> {
    /// The contender of this name.
    pub(super) fn named(table: &'a Table, name: &str) -> Result<Self, Missing> {
        let row = table.rows.iter().find(|row| row.contender == name);
        row.map(|row| Self { table, row }).ok_or_else(|| Missing(format!("`{name}` in {}", place(table))))
    }

    /// The naive twin.
    pub(super) fn naive(table: &'a Table) -> Result<Self, Missing> {
        let naive = Self::of_role(table, Role::Naive).next();
        naive.ok_or_else(|| Missing(format!("the naive twin in {}", place(table))))
    }

    /// What is held against the naive twin.
    pub(super) fn optimized(table: &'a Table) -> Result<Self, Missing> {
        let name = table.optimized.as_deref();
        Self::named(table, name.ok_or_else(|| Missing(format!("who is optimized in {}", place(table))))?)
    }

    /// All contenders of this role.
    pub(super) fn of_role(table: &'a Table, role: Role) -> impl Iterator<Item = Self> {
        table.rows.iter().filter(move |row| row.role == role).map(move |row| Self { table, row })
    }

    /// Nanoseconds per item.
    pub(super) fn item_ns(self) -> Result<f64, Missing> {
        self.figure("item_ns", self.row.item_ns.filter(|&ns| is_usable(ns)))
    }

    /// Allocations per item.
    pub(super) fn item_allocations(self) -> Result<f64, Missing> {
        self.figure("item_allocations", self.row.item_allocations)
    }

    /// Bytes that a map holds per key.
    pub(super) fn held_item_bytes(self) -> Result<f64, Missing> {
        self.figure("held_item_bytes", self.row.held_item_bytes)
    }

    /// The median of its latencies.
    pub(super) fn p50_ns(self) -> Result<f64, Missing> {
        self.latency("p50_ns", |found| found.p50_ns)
    }

    /// What 99 of 100 of its latencies do not exceed.
    pub(super) fn p99_ns(self) -> Result<f64, Missing> {
        self.latency("p99_ns", |found| found.p99_ns)
    }

    /// The longest of its latencies.
    pub(super) fn max_ns(self) -> Result<f64, Missing> {
        self.latency("max_ns", |found| found.max_ns)
    }

    fn latency(self, name: &str, pick: fn(&Distribution) -> Option<f64>) -> Result<f64, Missing> {
        self.figure(name, self.row.distribution().and_then(pick))
    }

    fn figure(self, name: &str, value: Option<f64>) -> Result<f64, Missing> {
        let of = || Missing(format!("`{name}` of `{}` in {}", self.row.contender, place(self.table)));
        value.ok_or_else(of)
    }
}

fn place(table: &Table) -> String {
    format!("{}/{}, {}", table.group, table.scenario, table.allocator)
}
