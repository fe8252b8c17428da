//! Batchline, `Producer::submit`: each submitting thread holds the handle of its own lane.

use std::{fmt, sync::Arc};

use batchline::{Batcher, Producer, Ticket};

use super::batchline_submit::start;
use crate::{
    channel_loop::Partial,
    scenarios::submit::{Submitter, ThreadPeer},
};

/// A batcher that hands out producers.
pub struct SubmittingProducers(Arc<Batcher<u64, u64>>);

impl fmt::Debug for SubmittingProducers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmittingProducers").finish_non_exhaustive()
    }
}

impl ThreadPeer for SubmittingProducers {
    type Submitter = SubmittingProducer;

    fn open(partial: Partial) -> Self {
        Self(start(partial))
    }

    fn submitter(&self) -> SubmittingProducer {
        SubmittingProducer(self.0.producer())
    }
}

/// One lane.
pub struct SubmittingProducer(Producer<u64, u64>);

impl fmt::Debug for SubmittingProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmittingProducer").finish_non_exhaustive()
    }
}

impl Submitter for SubmittingProducer {
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
