//! tokio: a bounded `mpsc` channel and `chunks_timeout` of tokio-stream, which is what an async service would write.
//!
//! The producers are threads and use `blocking_send`; the stream runs on a thread of its own with a current-thread
//! runtime, so that it shares its workers with nobody. `chunks_timeout` makes a new Vec per batch and arms its timer
//! with a batch's first item; it cannot be told to reuse either.

use std::{
    fmt,
    sync::Arc,
    thread::{self, JoinHandle},
};

use tokio::{
    runtime,
    sync::mpsc::{self, Receiver, Sender},
};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};

use crate::{
    load::Shape,
    scenarios::put::{PutPeer, Putter},
    sink::Sink,
};

/// The sender, and the thread that runs the stream.
pub struct TokioChunks {
    sender: Sender<u64>,
    consumer: JoinHandle<()>,
}

impl fmt::Debug for TokioChunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioChunks").finish_non_exhaustive()
    }
}

impl PutPeer for TokioChunks {
    type Putter = TokioPutter;

    fn open(shape: Shape, sink: Arc<Sink>) -> Self {
        let (sender, receiver) = mpsc::channel(shape.queue_items_max);
        let consumer = thread::spawn(move || consume(shape, receiver, &sink));
        Self { sender, consumer }
    }

    fn putter(&self) -> TokioPutter {
        TokioPutter(self.sender.clone())
    }

    fn finish(self) {
        drop(self.sender);
        self.consumer.join().expect("the consumer does not panic");
    }
}

fn consume(shape: Shape, receiver: Receiver<u64>, sink: &Sink) {
    let runtime = runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    runtime.block_on(async {
        let stream = ReceiverStream::new(receiver).chunks_timeout(shape.batch_items_max, shape.linger);
        tokio::pin!(stream);
        while let Some(batch) = stream.next().await {
            sink.handle(&batch);
        }
    });
}

/// A producer's clone of the sender.
#[derive(Debug)]
pub struct TokioPutter(Sender<u64>);

impl Putter for TokioPutter {
    #[inline]
    fn put(&mut self, item: u64) {
        assert!(self.0.blocking_send(item).is_ok(), "the consumer outlives the producers");
    }
}
