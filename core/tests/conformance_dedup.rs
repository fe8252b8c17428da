//! Conformance C40 to C46: what a deduplication window promises, in every dispatch mode. C46, that steady state
//! allocates nothing, is in `allocations.rs`.
#![cfg(feature = "dedup")]

mod support;

#[path = "dedup/caps.rs"]
mod caps;
#[path = "dedup/failures.rs"]
mod failures;
#[path = "dedup/filters.rs"]
mod filters;
#[path = "dedup/given_up.rs"]
mod given_up;
#[path = "dedup/joins.rs"]
mod joins;
#[path = "dedup/many.rs"]
mod many;
#[path = "dedup/memory.rs"]
mod memory;
#[path = "dedup/refusals.rs"]
mod refusals;
#[path = "dedup/release.rs"]
mod release;
#[path = "dedup/sweep.rs"]
mod sweep;
#[path = "dedup/time.rs"]
mod time;
#[path = "dedup/user_code.rs"]
mod user_code;

use batchline::dedup::Window;
use batchline::{Batcher, Builder, PutError};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(60);
const BUCKET: Duration = Duration::from_secs(5);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn window() -> Window {
    Window::new(WINDOW).bucket(BUCKET)
}

/// Batches of `items`, deduplicated by the item itself; sealed by size, flush or close.
fn plain(items: usize) -> Builder<u64> {
    Batcher::builder().batch_items_max(items).no_linger().on_failure(|_| {}).dedup(window(), |item| *item)
}

#[track_caller]
fn assert_duplicate(result: Result<(), PutError<u64>>, item: u64) {
    assert_eq!(result, Err(PutError::Duplicate(item)));
}

/// How many keys are alive.
#[derive(Clone, Debug, Default)]
struct Alive(Arc<AtomicU64>);

impl Alive {
    fn key(&self, id: u64) -> CountedKey {
        self.0.fetch_add(1, SeqCst);
        CountedKey { id, alive: self.clone() }
    }

    fn count(&self) -> u64 {
        self.0.load(SeqCst)
    }
}

/// A key that is counted while it lives.
#[derive(Debug)]
struct CountedKey {
    id: u64,
    alive: Alive,
}

impl Drop for CountedKey {
    fn drop(&mut self) {
        self.alive.0.fetch_sub(1, SeqCst);
    }
}

impl PartialEq for CountedKey {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for CountedKey {}

impl Hash for CountedKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}
