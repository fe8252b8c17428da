//! `std::sync::mpsc::sync_channel`: what needs no dependency.

use std::{
    sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    time::Duration,
};

use crate::{
    channel_batcher::Channel,
    channel_loop::{BatchFormer, Pause, Source, Waited},
};

/// The standard library's bounded channel.
#[derive(Debug)]
pub struct StdMpsc;

impl Channel for StdMpsc {
    type Sender<T: Send + Unpin + 'static> = SyncSender<T>;
    type Source<T: Send + Unpin + 'static> = StdSource<T>;

    fn bounded<T: Send + Unpin + 'static>(items_max: usize) -> (SyncSender<T>, StdSource<T>) {
        let (sender, receiver) = mpsc::sync_channel(items_max);
        (sender, StdSource(receiver))
    }

    #[inline]
    fn send<T: Send + Unpin + 'static>(sender: &SyncSender<T>, item: T) {
        assert!(sender.send(item).is_ok(), "the consumer outlives the producers");
    }
}

/// The receiver.
#[derive(Debug)]
pub struct StdSource<T>(Receiver<T>);

impl<T: Send + 'static> Source<T> for StdSource<T> {
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
