//! The goals of remembered keys: against the naive map, of two threads against one, and of memory.

use super::{Bound, Goal, speedup};
use crate::{
    interleave::Measured,
    results::Results,
    scenarios::dedup::{
        key::Key,
        subject::{FASTBLOOM, NAIVE},
        threads,
        window::{Op, SET_GROUP},
    },
};

/// The goals for both types of key.
pub(super) fn all(results: &Results) -> Vec<Goal> {
    [of_key::<u64>(results), of_key::<[u8; 32]>(results)].concat()
}

fn of_key<K: Key>(results: &Results) -> Vec<Goal> {
    vec![
        over_naive::<K>(results, Op::NewKey),
        over_naive::<K>(results, Op::RecentDuplicate),
        two_threads::<K>(results),
        memory::<K>(results),
    ]
}

fn over_naive<K: Key>(results: &Results, op: Op) -> Goal {
    let scenario = op.scenario::<K>();
    let table = results.rate_table(SET_GROUP, &scenario);
    let row = |name| table.and_then(|table| table.named(name));
    Goal {
        text: format!("{SET_GROUP}/{scenario}: {FASTBLOOM} over {NAIVE}, 60 buckets, a million keys"),
        bound: Bound::AtLeast(10.0),
        measured: speedup(row(FASTBLOOM), row(NAIVE)),
        unit: "x",
    }
}

fn two_threads<K: Key>(results: &Results) -> Goal {
    let scenario = threads::scenario::<K>();
    let table = results.rate_table(SET_GROUP, &scenario);
    let [one, two] = threads::OURS.map(|name| table.and_then(|table| table.named(name)));
    Goal {
        text: format!("{SET_GROUP}/{scenario}: two threads over one"),
        bound: Bound::AtLeast(1.6),
        measured: speedup(two, one),
        unit: "x",
    }
}

fn memory<K: Key>(results: &Results) -> Goal {
    let scenario = Op::NewKey.scenario::<K>();
    let row = results.rate_table(SET_GROUP, &scenario).and_then(|table| table.named(FASTBLOOM));
    Goal {
        text: format!("{SET_GROUP}/{scenario}: memory per key, a million keys"),
        bound: Bound::AtMost(1.5 * size_of::<K>() as f64 + 16.0),
        measured: row.and_then(|row: &Measured| row.held_item_bytes),
        unit: " bytes",
    }
}
