//! The floors of `submit`: the same callers, and nobody behind them.
//!
//! A task yields to the scheduler instead of awaiting a reply: what tokio asks per wake-up, before any batching. A
//! thread pushes into its window and answers itself.

use crate::{
    channel_loop::Partial,
    scenarios::submit::{Submitter, TaskPeer, ThreadPeer},
};

/// Answers by itself.
#[derive(Debug, Clone)]
pub struct Floor;

impl TaskPeer for Floor {
    fn open(_: Partial) -> Self {
        Self
    }

    async fn call(&self, item: u64) -> u64 {
        tokio::task::yield_now().await;
        item + 1
    }
}

impl ThreadPeer for Floor {
    type Submitter = Self;

    fn open(_: Partial) -> Self {
        Self
    }

    fn submitter(&self) -> Self {
        Self
    }
}

impl Submitter for Floor {
    type Ticket = u64;

    #[inline]
    fn submit(&mut self, item: u64) -> u64 {
        item + 1
    }

    #[inline]
    fn wait(ticket: u64) -> u64 {
        ticket
    }
}
