//! crossbeam-channel: the bounded array flavour.

use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::{
    channel_batcher::Channel,
    channel_loop::{BatchFormer, Pause, Source, Waited},
};

/// crossbeam-channel's bounded channel.
#[derive(Debug)]
pub struct Crossbeam;

impl Channel for Crossbeam {
    type Sender<T: Send + Unpin + 'static> = Sender<T>;
    type Source<T: Send + Unpin + 'static> = CrossbeamSource<T>;

    fn bounded<T: Send + Unpin + 'static>(items_max: usize) -> (Sender<T>, CrossbeamSource<T>) {
        let (sender, receiver) = crossbeam_channel::bounded(items_max);
        (sender, CrossbeamSource(receiver))
    }

    #[inline]
    fn send<T: Send + Unpin + 'static>(sender: &Sender<T>, item: T) {
        assert!(sender.send(item).is_ok(), "the consumer outlives the producers");
    }
}

/// The receiver.
#[derive(Debug)]
pub struct CrossbeamSource<T>(Receiver<T>);

impl<T: Send + 'static> Source<T> for CrossbeamSource<T> {
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
