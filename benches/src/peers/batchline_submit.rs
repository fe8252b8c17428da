//! Batchline, `submit`: the ticket is waited for by a thread or awaited by a task.

use std::sync::Arc;

use batchline::{Batch, Batcher, Ticket};

use crate::{
    channel_loop::Partial,
    load::{BATCH_ITEMS_MAX, QUEUE_ITEMS_MAX},
    scenarios::submit::{Submitter, TaskPeer, ThreadPeer},
};

/// A batcher with replies, shared by `Arc`.
#[derive(Clone)]
pub struct Submitting(Arc<Batcher<u64, u64>>);

impl std::fmt::Debug for Submitting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Submitting").finish_non_exhaustive()
    }
}

/// Starts a batcher that answers each item with the item plus one.
pub fn start(partial: Partial) -> Arc<Batcher<u64, u64>> {
    let builder = Batcher::<u64>::builder()
        .batch_items_max(BATCH_ITEMS_MAX)
        .queue_items_max(QUEUE_ITEMS_MAX)
        .replies::<u64>();
    let builder = match partial {
        Partial::Linger(linger) => builder.linger(linger),
        Partial::Demand => builder.no_linger().demand(true),
    };
    Arc::new(builder.build(answer).expect("the settings are sound"))
}

fn answer(batch: &mut Batch<u64, u64>) {
    for index in 0..batch.len() {
        let reply = batch[index] + 1;
        batch.reply(index, reply);
    }
}

impl TaskPeer for Submitting {
    fn open(partial: Partial) -> Self {
        Self(start(partial))
    }

    async fn call(&self, item: u64) -> u64 {
        // Never waits: the bound is 64 000 items and there are 4000 callers.
        let ticket = self.0.submit(item).expect("the batcher is open");
        ticket.await.expect("every item is answered")
    }
}

impl ThreadPeer for Submitting {
    type Submitter = Self;

    fn open(partial: Partial) -> Self {
        Self(start(partial))
    }

    fn submitter(&self) -> Self {
        self.clone()
    }
}

impl Submitter for Submitting {
    type Ticket = Ticket<u64>;

    #[inline]
    fn submit(&mut self, item: u64) -> Ticket<u64> {
        self.0.submit(item).expect("the batcher is open")
    }

    #[inline]
    fn wait(ticket: Ticket<u64>) -> u64 {
        ticket.wait().expect("every item is answered")
    }
}
