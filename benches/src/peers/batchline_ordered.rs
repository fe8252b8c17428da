//! Batchline with `ordered(true)`: one lane, the order of claims over all producers is the order in batches.

use std::sync::Arc;

use batchline::Batcher;

use super::batchline_put::{SharedPutter, build, builder, finish};
use crate::{load::Shape, scenarios::put::PutPeer, sink::Sink};

/// An ordered batcher shared by `Arc`.
pub struct Ordered(Arc<Batcher<u64>>);

impl std::fmt::Debug for Ordered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ordered").finish_non_exhaustive()
    }
}

impl PutPeer for Ordered {
    type Putter = SharedPutter;

    fn open(shape: Shape, sink: Arc<Sink>) -> Self {
        Self(Arc::new(build(builder(shape).ordered(true), sink)))
    }

    fn putter(&self) -> SharedPutter {
        SharedPutter(Arc::clone(&self.0))
    }

    fn finish(self) {
        finish(&self.0);
    }
}
