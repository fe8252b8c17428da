//! The naive twin: a flume channel, a thread, a new Vec and a new timer per batch.

use std::sync::Arc;

use batchline::{
    Deadline,
    naive::{Batching, NaiveBatcher},
};

use crate::{
    load::Shape,
    scenarios::put::{PutPeer, Putter},
    sink::Sink,
};

/// `batchline::naive::NaiveBatcher` behind an `Arc`.
pub struct Naive(Arc<NaiveBatcher<u64>>);

impl std::fmt::Debug for Naive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Naive").finish_non_exhaustive()
    }
}

impl PutPeer for Naive {
    type Putter = NaivePutter;

    fn open(shape: Shape, sink: Arc<Sink>) -> Self {
        let handler = move |batch: &[u64]| {
            sink.handle(batch);
            true
        };
        let Shape { batch_items_max, queue_items_max, linger } = shape;
        Self(Arc::new(NaiveBatcher::new(batch_items_max, queue_items_max, linger, handler)))
    }

    fn putter(&self) -> NaivePutter {
        NaivePutter(Arc::clone(&self.0))
    }

    fn finish(self) {
        assert!(self.0.close(Deadline::never()).is_balanced(), "the receipt adds up");
    }
}

/// A producer's clone of the `Arc`.
pub struct NaivePutter(Arc<NaiveBatcher<u64>>);

impl std::fmt::Debug for NaivePutter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NaivePutter").finish_non_exhaustive()
    }
}

impl Putter for NaivePutter {
    #[inline]
    fn put(&mut self, item: u64) {
        assert!(self.0.put(item).is_ok(), "the batcher is open");
    }
}
