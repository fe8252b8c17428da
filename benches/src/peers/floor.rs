//! The floor: each producer fills a buffer and sums it on the spot. No hand-over, no second thread.

use std::{hint::black_box, ops::Range, sync::Arc};

use crate::{
    load::Shape,
    scenarios::put::{PutPeer, Putter},
    sink::Sink,
};

/// No batcher at all.
#[derive(Debug)]
pub struct Floor {
    shape: Shape,
    sink: Arc<Sink>,
}

impl PutPeer for Floor {
    type Putter = FloorPutter;

    fn open(shape: Shape, sink: Arc<Sink>) -> Self {
        Self { shape, sink }
    }

    fn putter(&self) -> FloorPutter {
        let batch = Vec::with_capacity(self.shape.batch_items_max);
        FloorPutter { batch, batch_items_max: self.shape.batch_items_max, sink: Arc::clone(&self.sink) }
    }

    /// The putters are gone by now, and have handled what they held.
    fn finish(self) {}
}

/// A producer's own buffer.
#[derive(Debug)]
pub struct FloorPutter {
    batch: Vec<u64>,
    batch_items_max: usize,
    sink: Arc<Sink>,
}

impl Putter for FloorPutter {
    #[inline]
    fn put(&mut self, item: u64) {
        self.batch.push(item);
        if self.batch.len() == self.batch_items_max {
            self.sink.handle(black_box(&self.batch));
            self.batch.clear();
        }
    }

    fn put_range(&mut self, items: Range<u64>) {
        items.for_each(|item| self.put(item));
    }
}

impl Drop for FloorPutter {
    fn drop(&mut self) {
        if !self.batch.is_empty() {
            self.sink.handle(&self.batch);
        }
    }
}
