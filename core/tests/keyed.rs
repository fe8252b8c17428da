//! Black-box tests of the keyed batcher: one open batch per key, shared workers, one budget.

mod support;

#[path = "keyed/bounds.rs"]
mod bounds;
#[path = "keyed/close.rs"]
mod close;
#[path = "keyed/failures.rs"]
mod failures;
#[path = "keyed/flush.rs"]
mod flush;
#[path = "keyed/keys.rs"]
mod keys;
#[cfg(target_os = "linux")]
#[path = "keyed/memory.rs"]
mod memory;
#[path = "keyed/order.rs"]
mod order;
#[path = "keyed/time.rs"]
mod time;

use batchline::{Batch, Batcher, Builder, Deadline, KeyedBatcher, SealReason};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use support::{Gate, assert_balanced};

/// What a handler saw of a batch.
type Seen = (u32, Vec<u64>, SealReason);

/// The handlers' end of what the test receives.
fn telling() -> (impl Fn(&u32, &mut Batch<u64>) + Send + Sync + 'static, Receiver<Seen>) {
    let (tell, seen) = channel();
    let handler = move |key: &u32, batch: &mut Batch<u64>| {
        let _ = tell.send((*key, batch.to_vec(), batch.reason()));
    };
    (handler, seen)
}

/// As `telling`, but handlers of keys below `gated` wait at the gate after they have told.
#[expect(clippy::type_complexity, reason = "a handler, and what the test holds of it")]
fn gated(gated: u32) -> (impl Fn(&u32, &mut Batch<u64>) + Send + Sync + 'static, Receiver<Seen>, Arc<Gate>) {
    let (tell, seen) = telling();
    let gate = Arc::new(Gate::default());
    let pass = gate.clone();
    let handler = move |key: &u32, batch: &mut Batch<u64>| {
        tell(key, batch);
        if *key < gated {
            pass.pass();
        }
    };
    (handler, seen, gate)
}

/// Batches of `items`, sealed by size, flush or close only.
fn plain(items: usize) -> Builder<u64> {
    Batcher::builder().batch_items_max(items).no_linger()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Closes, drains, and checks the ledger.
#[track_caller]
fn end<K, T, R>(batcher: &KeyedBatcher<K, T, R>)
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    T: Send + 'static,
    R: Send + 'static,
{
    let receipt = batcher.close(Deadline::never());
    assert!(receipt.is_balanced() && !receipt.timed_out && receipt.items.is_empty());
    assert_eq!((receipt.still_running, receipt.handed_back), (0, 0));
    assert_balanced(&batcher.stats());
}
