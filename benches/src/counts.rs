//! What is counted instead of timed: single-threaded cases for callgrind, whose instruction counts repeat on noisy
//! machines where nanoseconds do not.
//!
//! The binary `counts` runs one case for a given number of items and nothing else. Instructions per item are the
//! difference of two runs, so that set-up cancels; `cargo xtask counts` makes the runs and compares with
//! `benches/counts.json`. The rules every case keeps:
//!
//! - One thread, and no time: poll mode and a virtual clock, so that no run waits or reads the machine's clock.
//! - Every run proves that all its items arrived, once per batch and never per item.
//! - Work grows with the number of items by a fixed pattern, and that number is a multiple of the pattern's length.
//!
//! A new case is a function of the number of items and a line in [`CASES`]. Those of deduplication are in builds with
//! the feature `dedup` only, so that `put/batcher` beside `put/dedup-off` shows what a build with it costs.

use std::fmt;

mod buffers;
mod channels;
#[cfg(feature = "dedup")]
mod dedup;
mod handle;
#[cfg(feature = "dedup")]
mod map;
mod polled;
mod put;
mod submit;

/// Whether a change of this count is ours to answer for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Code of this repository: a rise is a regression.
    Ours,
    /// Something to compare with: it changes with its version.
    Peer,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "ours",
            Self::Peer => "peer",
        })
    }
}

/// One case: what is counted, and over how many items.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// `group/contender`.
    pub name: &'static str,
    /// Ours, or a peer's.
    pub side: Side,
    /// Whether tables seeded at random take part: then two runs differ by some tenths of a percent.
    pub seeded: bool,
    /// Items of the shorter of the two runs: enough to drown what set-up leaves over, few enough for valgrind.
    pub items: u64,
    /// The number of items must be a multiple of this.
    pub step_items: u64,
    /// Does the work.
    pub run: fn(u64),
}

/// Items of most cases: a common multiple of a full batch and of a vector of 64.
const ITEMS: u64 = 64_000;

const fn ours(name: &'static str, run: fn(u64)) -> Case {
    Case { name, side: Side::Ours, seeded: false, items: ITEMS, step_items: ITEMS / 8, run }
}

const fn peer(name: &'static str, run: fn(u64)) -> Case {
    Case { side: Side::Peer, ..ours(name, run) }
}

impl Case {
    /// The same with tables that are seeded at random, and another pattern: `passes` times `step_items`.
    #[cfg(feature = "dedup")]
    const fn seeded(self, step_items: u64, passes: u64) -> Self {
        Self { seeded: true, items: passes * step_items, step_items, ..self }
    }
}

/// All cases, in the order of the table.
pub const CASES: &[Case] = &[
    ours("put/batcher", put::batcher),
    ours("put/producer", put::producer),
    ours("put/ordered", put::ordered),
    peer("put/flume", channels::flume),
    peer("put/crossbeam", channels::crossbeam),
    ours("put-many-64/batcher", put::many),
    ours("submit/batcher", submit::batcher),
    ours("handle/batch", handle::batch),
    peer("batch-buffers/fresh", buffers::fresh),
    peer("batch-buffers/pooled", buffers::pooled),
    ours("batch-buffers/caller", buffers::caller),
    #[cfg(feature = "dedup")]
    ours("put/dedup-off", dedup::off),
    #[cfg(feature = "dedup")]
    ours("put/dedup-on", dedup::on).seeded(25 * map::BUCKET_KEYS, 2),
    #[cfg(feature = "dedup")]
    peer("map-set/naive", map::set_naive).seeded(map::WINDOW_KEYS, 3),
    #[cfg(feature = "dedup")]
    ours("map-set/optimized", map::set_optimized).seeded(map::WINDOW_KEYS, 3),
    #[cfg(feature = "dedup")]
    ours("map-set/no-filter", map::set_no_filter).seeded(map::WINDOW_KEYS, 3),
    #[cfg(feature = "dedup")]
    peer("map-get/naive", map::get_naive).seeded(map::WINDOW_KEYS, 8),
    #[cfg(feature = "dedup")]
    ours("map-get/optimized", map::get_optimized).seeded(map::WINDOW_KEYS, 8),
];

/// The case of this name.
pub fn find(name: &str) -> Option<&'static Case> {
    CASES.iter().find(|case| case.name == name)
}

#[cfg(test)]
mod tests {
    use super::{CASES, find};

    #[test]
    fn every_case_runs_and_proves_its_items() {
        CASES.iter().for_each(|case| (case.run)(case.step_items));
    }

    #[test]
    fn names_are_distinct_and_lengths_fit() {
        for case in CASES {
            assert_eq!(CASES.iter().filter(|other| other.name == case.name).count(), 1, "{}", case.name);
            assert_eq!(case.items % case.step_items, 0, "{}", case.name);
            assert!(case.name.split_once('/').is_some_and(|(group, contender)| {
                !group.is_empty() && !contender.is_empty() && !contender.contains('/')
            }));
        }
        assert!(find("put/batcher").is_some() && find("put/nobody").is_none());
    }
}
