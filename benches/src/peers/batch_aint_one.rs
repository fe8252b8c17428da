//! batch-aint-one: a tokio task that forms batches, and a task per batch.
//!
//! Linger is its `Duration` policy with `OnFull::Process`; demand is its `Immediate` policy. Its default of ten
//! batches in progress at once is kept: one and two at once, and the `Balanced` policy, were no faster.

use std::convert::Infallible;

use batch_aint_one::{Batcher, BatchingPolicy, Limits, OnFull, Processor};

use crate::{
    channel_loop::Partial,
    load::{BATCH_ITEMS_MAX, QUEUE_ITEMS_MAX},
    scenarios::submit::TaskPeer,
};

/// A clone of its batcher.
#[derive(Debug, Clone)]
pub struct BatchAintOne(Batcher<AddOne>);

/// The handler.
#[derive(Debug, Clone)]
struct AddOne;

impl Processor for AddOne {
    type Key = ();
    type Input = u64;
    type Output = u64;
    type Error = Infallible;
    type Resources = ();

    async fn acquire_resources(&self, (): ()) -> Result<(), Infallible> {
        Ok(())
    }

    async fn process(
        &self,
        (): (),
        inputs: impl Iterator<Item = u64> + Send,
        (): (),
    ) -> Result<Vec<u64>, Infallible> {
        Ok(inputs.map(|item| item + 1).collect())
    }
}

impl TaskPeer for BatchAintOne {
    fn open(partial: Partial) -> Self {
        let policy = match partial {
            Partial::Linger(linger) => BatchingPolicy::Duration(linger, OnFull::Process),
            Partial::Demand => BatchingPolicy::Immediate,
        };
        let limits =
            Limits::builder().max_batch_size(BATCH_ITEMS_MAX).max_key_queued_items(QUEUE_ITEMS_MAX).build();
        Self(
            Batcher::builder().name("bench").processor(AddOne).limits(limits).batching_policy(policy).build(),
        )
    }

    async fn call(&self, item: u64) -> u64 {
        self.0.add((), item).await.expect("every item is answered")
    }
}
