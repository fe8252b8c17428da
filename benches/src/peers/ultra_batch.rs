//! ultra-batch: its `BatchExecutor` (the `BatchFetcher` caches and deduplicates, which is other work).
//!
//! It has no demand mode; the nearest is no delay: a batch ends when its channel has nothing at that instant.

use std::{convert::Infallible, time::Duration};

use ultra_batch::{BatchExecutor, Executor};

use crate::{channel_loop::Partial, load::BATCH_ITEMS_MAX, scenarios::submit::TaskPeer};

/// A clone of its executor.
#[derive(Clone)]
pub struct UltraBatch(BatchExecutor<AddOne>);

impl std::fmt::Debug for UltraBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UltraBatch").finish_non_exhaustive()
    }
}

/// The handler.
struct AddOne;

impl Executor for AddOne {
    type Value = u64;
    type Result = u64;
    type Error = Infallible;

    async fn execute(&self, mut values: Vec<u64>) -> Result<Vec<u64>, Infallible> {
        for value in &mut values {
            *value += 1;
        }
        Ok(values)
    }
}

impl TaskPeer for UltraBatch {
    fn open(partial: Partial) -> Self {
        let delay = match partial {
            Partial::Linger(linger) => linger,
            Partial::Demand => Duration::ZERO,
        };
        let builder = BatchExecutor::build(AddOne).eager_batch_size(Some(BATCH_ITEMS_MAX));
        Self(builder.delay_duration(delay).finish())
    }

    async fn call(&self, item: u64) -> u64 {
        let reply = self.0.execute(item).await.expect("every item is answered");
        reply.expect("every item has a reply")
    }
}
