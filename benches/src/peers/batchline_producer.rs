//! Batchline through `Producer::put`: each producing thread holds the handle of its own lane.

use std::sync::Arc;

use batchline::{Batcher, Producer};

use super::batchline_put::{build, builder, finish};
use crate::{
    load::Shape,
    scenarios::put::{PutPeer, Putter},
    sink::Sink,
};

/// A batcher that hands out producers.
pub struct ProducerHandle(Batcher<u64>);

impl std::fmt::Debug for ProducerHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProducerHandle").finish_non_exhaustive()
    }
}

impl PutPeer for ProducerHandle {
    type Putter = ProducerPutter;

    fn open(shape: Shape, sink: Arc<Sink>) -> Self {
        Self(build(builder(shape), sink))
    }

    fn putter(&self) -> ProducerPutter {
        ProducerPutter(self.0.producer())
    }

    fn finish(self) {
        finish(&self.0);
    }
}

/// One lane.
pub struct ProducerPutter(Producer<u64>);

impl std::fmt::Debug for ProducerPutter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProducerPutter").finish_non_exhaustive()
    }
}

impl Putter for ProducerPutter {
    #[inline]
    fn put(&mut self, item: u64) {
        assert!(self.0.put(item).is_ok(), "the batcher is open");
    }
}
