//! A batcher made of a bounded channel and one thread in [`channel_loop`]; generic over the channel.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
};

use crate::{
    channel_loop::{self, Partial, Source},
    load::Shape,
    scenarios::put::{PutPeer, Putter},
    sink::Sink,
};

/// A bounded multi-producer channel; each implementation is one file in [`peers`](crate::peers).
pub trait Channel: Sized + Send + 'static {
    /// The sending end.
    type Sender<T: Send + Unpin + 'static>: Clone + Send + 'static;
    /// The receiving end.
    type Source<T: Send + Unpin + 'static>: Source<T>;

    /// A channel that holds at most `items_max` items.
    fn bounded<T: Send + Unpin + 'static>(items_max: usize) -> (Self::Sender<T>, Self::Source<T>);

    /// Sends one item, and waits while the channel is full.
    fn send<T: Send + Unpin + 'static>(sender: &Self::Sender<T>, item: T);
}

/// The channel, its consumer thread, and the sink it feeds.
#[derive(Debug)]
pub struct ChannelBatcher<C: Channel> {
    sender: C::Sender<u64>,
    consumer: JoinHandle<()>,
}

impl<C: Channel> PutPeer for ChannelBatcher<C> {
    type Putter = ChannelPutter<C>;

    fn open(shape: Shape, sink: Arc<Sink>) -> Self {
        let (sender, source) = C::bounded::<u64>(shape.queue_items_max);
        let consumer = thread::spawn(move || {
            let partial = Partial::Linger(shape.linger);
            channel_loop::run(source, shape.batch_items_max, partial, |batch| sink.handle(batch));
        });
        Self { sender, consumer }
    }

    fn putter(&self) -> Self::Putter {
        ChannelPutter(self.sender.clone())
    }

    fn finish(self) {
        drop(self.sender);
        self.consumer.join().expect("the consumer does not panic");
    }
}

/// A producer's clone of the sender.
#[derive(Debug)]
pub struct ChannelPutter<C: Channel>(C::Sender<u64>);

impl<C: Channel> Putter for ChannelPutter<C> {
    #[inline]
    fn put(&mut self, item: u64) {
        C::send(&self.0, item);
    }
}
