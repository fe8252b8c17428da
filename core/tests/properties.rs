//! Properties: random programs against an oracle.
//!
//! [`twins`] drives the engine and its naive twin through their common trait with the same programs, from one
//! to four threads: both must give every item exactly one outcome. [`model`] predicts, for one thread and a
//! virtual clock, every batch: which items, for which reason, at which time. [`races`] repeats the races
//! that the twins found too seldom. `window` compares the deduplication window with a plain map.
//!
//! A failing seed is written to `properties.proptest-regressions` beside this file, and tried first from then
//! on. A program of several threads may need some tries to fail again.

#![cfg(feature = "naive")]

mod support;

#[path = "properties/model.rs"]
mod model;
#[path = "properties/races.rs"]
mod races;
#[path = "properties/twins.rs"]
mod twins;
#[cfg(feature = "dedup")]
#[path = "properties/window.rs"]
mod window;

use proptest::test_runner::{Config, FileFailurePersistence};

fn config(cases: u32) -> Config {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/properties.proptest-regressions");
    let failure_persistence = Some(Box::new(FileFailurePersistence::Direct(seeds)) as Box<_>);
    Config { cases, failure_persistence, max_shrink_iters: 2000, ..Config::default() }
}
