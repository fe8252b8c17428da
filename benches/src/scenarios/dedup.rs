//! Groups `map-get`, `map-set` and `dedup-batcher`: keys that are remembered for a while, naively and not.

pub mod batcher;
pub mod key;
pub mod subject;
pub mod threads;
pub mod window;
