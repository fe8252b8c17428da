//! flume: a lock and a deque; `drain` swaps the whole deque out under one lock.
//!
//! Item by item with `try_recv` it took twice as long.

use std::time::Duration;

use flume::{Receiver, RecvTimeoutError, Sender};

use crate::{
    channel_batcher::Channel,
    channel_loop::{BatchFormer, Pause, Source, Waited},
};

/// flume's bounded channel.
#[derive(Debug)]
pub struct Flume;

impl Channel for Flume {
    type Sender<T: Send + Unpin + 'static> = Sender<T>;
    type Source<T: Send + Unpin + 'static> = FlumeSource<T>;

    fn bounded<T: Send + Unpin + 'static>(items_max: usize) -> (Sender<T>, FlumeSource<T>) {
        let (sender, receiver) = flume::bounded(items_max);
        (sender, FlumeSource(receiver))
    }

    #[inline]
    fn send<T: Send + Unpin + 'static>(sender: &Sender<T>, item: T) {
        assert!(sender.send(item).is_ok(), "the consumer outlives the producers");
    }
}

/// The receiver.
#[derive(Debug)]
pub struct FlumeSource<T>(Receiver<T>);

impl<T: Send + 'static> Source<T> for FlumeSource<T> {
    const PAUSE: Pause = Pause::NONE;

    #[inline]
    fn take_ready<H: FnMut(&mut Vec<T>)>(&mut self, former: &mut BatchFormer<T, H>) {
        loop {
            let drained = self.0.drain();
            if drained.len() == 0 {
                return;
            }
            drained.for_each(|item| former.push(item));
        }
    }

    fn wait(&mut self) -> Option<T> {
        self.0.recv().ok()
    }

    fn wait_for(&mut self, limit: Duration) -> Waited<T> {
        match self.0.recv_timeout(limit) {
            Ok(item) => Waited::Item(item),
            Err(RecvTimeoutError::Timeout) => Waited::TimedOut,
            Err(RecvTimeoutError::Disconnected) => Waited::Closed,
        }
    }
}
