//! Batchline, `put(&self)`: the batcher behind an `Arc`, as most users would share it.

use std::sync::Arc;

use batchline::{Batch, Batcher, Builder, Deadline};

use crate::{
    load::Shape,
    scenarios::put::{PutPeer, Putter},
    sink::Sink,
};

/// The settings all Batchline contenders of a `put` scenario share.
pub fn builder(shape: Shape) -> Builder<u64, ()> {
    Batcher::<u64>::builder()
        .batch_items_max(shape.batch_items_max)
        .queue_items_max(shape.queue_items_max)
        .linger(shape.linger)
}

/// Builds a batcher that feeds `sink`.
pub fn build(builder: Builder<u64, ()>, sink: Arc<Sink>) -> Batcher<u64> {
    builder.build(move |batch: &mut Batch<u64>| sink.handle(batch)).expect("the settings are sound")
}

/// Closes without a deadline, and checks that the receipt adds up.
pub fn finish(batcher: &Batcher<u64>) {
    assert!(batcher.close(Deadline::never()).is_balanced(), "the receipt adds up");
}

/// A batcher shared by `Arc`.
pub struct SharedPut(Arc<Batcher<u64>>);

impl std::fmt::Debug for SharedPut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedPut").finish_non_exhaustive()
    }
}

impl PutPeer for SharedPut {
    type Putter = SharedPutter;

    fn open(shape: Shape, sink: Arc<Sink>) -> Self {
        Self(Arc::new(build(builder(shape), sink)))
    }

    fn putter(&self) -> SharedPutter {
        SharedPutter(Arc::clone(&self.0))
    }

    fn finish(self) {
        finish(&self.0);
    }
}

/// A producer's clone of the `Arc`.
pub struct SharedPutter(pub Arc<Batcher<u64>>);

impl std::fmt::Debug for SharedPutter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedPutter").finish_non_exhaustive()
    }
}

impl Putter for SharedPutter {
    #[inline]
    fn put(&mut self, item: u64) {
        assert!(self.0.put(item).is_ok(), "the batcher is open");
    }
}
