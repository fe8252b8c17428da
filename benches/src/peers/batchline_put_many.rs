//! Batchline, `put_many` of 64 items: for producers that hold a few items at a time. Filling the Vec is timed too.

use std::{ops::Range, sync::Arc, time::Instant};

use batchline::Batcher;

use super::batchline_put::{build, builder, finish};
use crate::{
    load::Shape,
    scenarios::put::{PutPeer, Putter},
    sink::Sink,
};

/// Items per call of `put_many`.
const CHUNK_ITEMS: u64 = 64;

/// A batcher shared by `Arc`.
pub struct PutMany(Arc<Batcher<u64>>);

impl std::fmt::Debug for PutMany {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PutMany").finish_non_exhaustive()
    }
}

impl PutPeer for PutMany {
    type Putter = ChunkPutter;

    fn open(shape: Shape, sink: Arc<Sink>) -> Self {
        Self(Arc::new(build(builder(shape), sink)))
    }

    fn putter(&self) -> ChunkPutter {
        ChunkPutter { batcher: Arc::clone(&self.0), chunk: Vec::with_capacity(CHUNK_ITEMS as usize) }
    }

    fn finish(self) {
        finish(&self.0);
    }
}

/// A producer's clone of the `Arc`, and its reused chunk.
pub struct ChunkPutter {
    batcher: Arc<Batcher<u64>>,
    chunk: Vec<u64>,
}

impl std::fmt::Debug for ChunkPutter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChunkPutter").finish_non_exhaustive()
    }
}

impl ChunkPutter {
    #[inline]
    fn put_chunk(&mut self) {
        assert!(self.batcher.put_many(&mut self.chunk).is_ok(), "the batcher is open");
        assert!(self.chunk.is_empty(), "put_many took everything");
    }
}

impl Putter for ChunkPutter {
    fn put(&mut self, item: u64) {
        self.chunk.push(item);
        self.put_chunk();
    }

    #[inline]
    fn put_range(&mut self, items: Range<u64>) {
        let mut from = items.start;
        while from < items.end {
            let to = items.end.min(from + CHUNK_ITEMS);
            self.chunk.extend(from..to);
            self.put_chunk();
            from = to;
        }
    }

    /// One call is one operation, of 64 items; every fourth is a sample.
    fn put_range_sampled(&mut self, items: Range<u64>, samples_ns: &mut Vec<u64>) {
        let mut from = items.start;
        while from < items.end {
            let to = items.end.min(from + CHUNK_ITEMS);
            self.chunk.extend(from..to);
            let before = Instant::now();
            self.put_chunk();
            if from % (4 * CHUNK_ITEMS) < CHUNK_ITEMS {
                samples_ns.push(before.elapsed().as_nanos() as u64);
            }
            from = to;
        }
    }
}
