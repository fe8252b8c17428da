//! The hand-written request-and-response batcher: a channel, the tuned loop, and a oneshot sender beside each item.
//!
//! Replies go by the `oneshot` crate; `tokio::sync::oneshot` was slower everywhere (by a tenth for tasks, sevenfold
//! for threads). The batch is answered in place, so it needs no second buffer.

use std::{fmt, thread};

use oneshot::{Receiver, Sender};

use crate::{
    channel_batcher::Channel,
    channel_loop::{self, Partial},
    load::{BATCH_ITEMS_MAX, QUEUE_ITEMS_MAX},
    scenarios::submit::{Submitter, TaskPeer, ThreadPeer},
};

type Request = (u64, Sender<u64>);

/// The sending end; the consumer thread ends when the last clone is dropped.
pub struct OneshotBatcher<C: Channel>(C::Sender<Request>);

impl<C: Channel> fmt::Debug for OneshotBatcher<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneshotBatcher").finish_non_exhaustive()
    }
}

impl<C: Channel> Clone for OneshotBatcher<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C: Channel> OneshotBatcher<C> {
    fn start(partial: Partial) -> Self {
        let (sender, source) = C::bounded::<Request>(QUEUE_ITEMS_MAX);
        thread::spawn(move || channel_loop::run(source, BATCH_ITEMS_MAX, partial, answer));
        Self(sender)
    }
}

fn answer(batch: &mut Vec<Request>) {
    for (item, sender) in batch.drain(..) {
        sender.send(item + 1).expect("the caller waits");
    }
}

impl<C: Channel> TaskPeer for OneshotBatcher<C>
where
    C::Sender<Request>: Sync,
{
    fn open(partial: Partial) -> Self {
        Self::start(partial)
    }

    async fn call(&self, item: u64) -> u64 {
        let (sender, receiver) = oneshot::async_channel();
        // Never waits: the channel holds 64 000 items and there are 4000 callers.
        C::send(&self.0, (item, sender));
        receiver.await.expect("every item is answered")
    }
}

impl<C: Channel> ThreadPeer for OneshotBatcher<C> {
    type Submitter = Self;

    fn open(partial: Partial) -> Self {
        Self::start(partial)
    }

    fn submitter(&self) -> Self {
        self.clone()
    }
}

impl<C: Channel> Submitter for OneshotBatcher<C> {
    type Ticket = Receiver<u64>;

    #[inline]
    fn submit(&mut self, item: u64) -> Receiver<u64> {
        let (sender, receiver) = oneshot::channel();
        C::send(&self.0, (item, sender));
        receiver
    }

    #[inline]
    fn wait(receiver: Receiver<u64>) -> u64 {
        receiver.recv().expect("every item is answered")
    }
}
