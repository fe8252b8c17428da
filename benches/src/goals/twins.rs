//! The goals of naive against optimized: a verdict on speed and on allocations for each table that has both.

use super::{Bound, Goal};
use crate::{
    interleave::Measured,
    results::{RateTable, Results},
};

/// How much faster than its naive twin everything optimized has to be: 25 %.
const SPEEDUP: f64 = 1.25;
/// The share of the naive twin's allocations that is allowed.
const ALLOCATIONS_SHARE: f64 = 0.5;
/// Allocations per item that count as none: a few per run, for threads that end and lists that grow once.
const NO_ALLOCATIONS: f64 = 0.001;

/// The goals of all tables, and one over all of them.
pub(super) fn all(results: &Results) -> Vec<Goal> {
    let pairs: Vec<Pair<'_>> = results.rates.iter().filter_map(Pair::of).collect();
    let mut goals: Vec<Goal> = pairs.iter().flat_map(|pair| [pair.speed(), pair.allocations()]).collect();
    goals.push(none_slower(&pairs));
    goals
}

/// A naive twin and what is held against it.
struct Pair<'a> {
    table: &'a RateTable,
    naive: &'a Measured,
    optimized: &'a Measured,
}

impl<'a> Pair<'a> {
    fn of(table: &'a RateTable) -> Option<Self> {
        Some(Self { table, naive: table.naive()?, optimized: table.optimized()? })
    }

    fn speedup(&self) -> f64 {
        self.optimized.speedup_over(self.naive)
    }

    fn name(&self) -> String {
        format!(
            "{}, {}: {} over {}",
            self.table.name(),
            self.table.allocator,
            self.optimized.name,
            self.naive.name
        )
    }

    fn speed(&self) -> Goal {
        Goal { text: self.name(), bound: Bound::AtLeast(SPEEDUP), measured: Some(self.speedup()), unit: "x" }
    }

    fn allocations(&self) -> Goal {
        let (own, naive) = (self.optimized.item_allocations, self.naive.item_allocations);
        if naive < NO_ALLOCATIONS {
            let few = if naive > 0.0 { "fewer than one in 1000 items" } else { "none" };
            let text = format!("{}, allocations (the naive one makes {few})", self.name());
            return Goal {
                text,
                bound: Bound::AtMost(NO_ALLOCATIONS),
                measured: Some(own),
                unit: " per item",
            };
        }
        let text = format!("{}, allocations", self.name());
        Goal { text, bound: Bound::AtMost(ALLOCATIONS_SHARE), measured: Some(own / naive), unit: "x" }
    }
}

fn none_slower(pairs: &[Pair<'_>]) -> Goal {
    let slowest = pairs.iter().min_by(|a, b| a.speedup().total_cmp(&b.speedup()));
    let name = slowest.map_or_else(|| "none measured".to_owned(), Pair::name);
    Goal {
        text: format!("no optimized one slower than its twin, of {}; the slowest: {name}", pairs.len()),
        bound: Bound::AtLeast(1.0),
        measured: slowest.map(Pair::speedup),
        unit: "x",
    }
}

#[cfg(test)]
mod tests {
    use super::all;
    use crate::{
        interleave::{Measured, Role},
        results::{MIMALLOC, RateTable, Results},
    };

    fn row(role: Role, name: &str, item_ns: f64, item_allocations: f64) -> Measured {
        Measured {
            name: name.to_owned(),
            role,
            producers: 1,
            batch_items_max: 10,
            items: 1,
            item_ns: vec![item_ns],
            batch_items: None,
            item_allocations,
            item_bytes: 0.0,
            held_item_bytes: None,
            latency: None,
            end_to_end: None,
        }
    }

    fn table(naive: (f64, f64), ours: (f64, f64)) -> RateTable {
        RateTable {
            group: "put".to_owned(),
            scenario: "light".to_owned(),
            allocator: MIMALLOC.to_owned(),
            optimized: Some("ours".to_owned()),
            rows: vec![row(Role::Naive, "naive", naive.0, naive.1), row(Role::Ours, "ours", ours.0, ours.1)],
        }
    }

    fn verdicts(tables: Vec<RateTable>) -> Vec<Option<bool>> {
        let results = Results { rates: tables, ..Results::default() };
        all(&results).iter().map(|goal| goal.is_reached()).collect()
    }

    #[test]
    fn speed_and_allocations_are_judged_table_by_table() {
        let tables = vec![table((10.0, 0.1), (8.0, 0.05)), table((10.0, 0.1), (9.0, 0.06))];
        assert_eq!(verdicts(tables), [true, true, false, false, true].map(Some));
    }

    #[test]
    fn one_slower_is_enough_to_miss_the_last() {
        let tables = vec![table((10.0, 0.1), (1.0, 0.0)), table((10.0, 0.1), (10.1, 0.0))];
        assert_eq!(verdicts(tables), [true, true, false, true, false].map(Some));
    }

    #[test]
    fn a_naive_twin_without_allocations_leaves_none_to_halve() {
        assert_eq!(verdicts(vec![table((10.0, 0.0), (1.0, 0.0))])[1], Some(true));
        assert_eq!(verdicts(vec![table((10.0, 0.0), (1.0, 0.01))])[1], Some(false));
    }

    #[test]
    fn nothing_measured_is_no_verdict() {
        assert_eq!(verdicts(Vec::new()), [None]);
    }
}
