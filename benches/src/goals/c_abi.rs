//! The goals of the C ABI: against the same put in Rust, and without an allocation per item.

use super::{Bound, Goal, speedup};
use crate::{
    interleave::Measured,
    results::{RateTable, Results},
    scenarios::c_abi,
};

/// A call from C may take one and a half times as long as the put of Rust.
const SHARE_OF_RUST: f64 = 0.67;
const PUT_MANY_NS: f64 = 1.5;
/// Allocations per item that count as none: a few per run.
const NO_ALLOCATIONS: f64 = 0.001;

pub(super) fn all(results: &Results) -> Vec<Goal> {
    let tables = c_abi::SCENARIOS.map(|scenario| results.rate_table(c_abi::GROUP, scenario));
    let mut goals: Vec<Goal> = c_abi::SCENARIOS
        .into_iter()
        .zip(tables)
        .flat_map(|(scenario, table)| [speed(scenario, table), allocations(scenario, table)])
        .collect();
    goals.push(Goal {
        text: format!("{}/{}: {}", c_abi::GROUP, c_abi::SCENARIOS[0], c_abi::PUT_MANY),
        bound: Bound::AtMost(PUT_MANY_NS),
        measured: tables[0].and_then(|table| table.named(c_abi::PUT_MANY)).map(Measured::median_ns),
        unit: " ns/item",
    });
    goals
}

fn speed(scenario: &str, table: Option<&RateTable>) -> Goal {
    let named = |name| table.and_then(|table| table.named(name));
    Goal {
        text: format!("{}/{scenario}: {} over {}", c_abi::GROUP, c_abi::PUT, c_abi::RUST),
        bound: Bound::AtLeast(SHARE_OF_RUST),
        measured: speedup(named(c_abi::PUT), named(c_abi::RUST)),
        unit: "x",
    }
}

fn allocations(scenario: &str, table: Option<&RateTable>) -> Goal {
    let most = |table: &RateTable| {
        let each = table.rows.iter().map(|row| row.item_allocations);
        each.fold(0.0, f64::max)
    };
    Goal {
        text: format!("{}/{scenario}: allocations", c_abi::GROUP),
        bound: Bound::AtMost(NO_ALLOCATIONS),
        measured: table.map(most),
        unit: " per item",
    }
}
