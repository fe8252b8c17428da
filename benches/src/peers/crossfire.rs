//! crossfire: the bounded, blocking multi-producer single-consumer channel, set up as its README says.

use std::time::Duration;

use crossfire::{MTx, RecvTimeoutError, Rx, detect_backoff_cfg, mpsc};

use crate::{
    channel_batcher::Channel,
    channel_loop::{BatchFormer, Pause, Source, Waited},
};

/// crossfire's bounded mpsc channel.
#[derive(Debug)]
pub struct Crossfire;

impl Channel for Crossfire {
    type Sender<T: Send + Unpin + 'static> = MTx<mpsc::Array<T>>;
    type Source<T: Send + Unpin + 'static> = CrossfireSource<T>;

    fn bounded<T: Send + Unpin + 'static>(items_max: usize) -> (Self::Sender<T>, CrossfireSource<T>) {
        // Adapts its back-off to machines of one core; does its work once per process.
        detect_backoff_cfg();
        let (sender, receiver) = mpsc::bounded_blocking(items_max);
        (sender, CrossfireSource(receiver))
    }

    #[inline]
    fn send<T: Send + Unpin + 'static>(sender: &Self::Sender<T>, item: T) {
        assert!(sender.send(item).is_ok(), "the consumer outlives the producers");
    }
}

/// The receiver.
pub struct CrossfireSource<T: Send + Unpin + 'static>(Rx<mpsc::Array<T>>);

impl<T: Send + Unpin + 'static> std::fmt::Debug for CrossfireSource<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CrossfireSource").finish_non_exhaustive()
    }
}

impl<T: Send + Unpin + 'static> Source<T> for CrossfireSource<T> {
    const PAUSE: Pause = Pause::SPIN_THEN_YIELD;

    #[inline]
    fn take_ready<H: FnMut(&mut Vec<T>)>(&mut self, former: &mut BatchFormer<T, H>) {
        while let Ok(item) = self.0.try_recv() {
            former.push(item);
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
