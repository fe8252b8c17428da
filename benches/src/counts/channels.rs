//! The peers' `put`, on one thread: a batch is sent item by item, then received into a vector.

use std::hint::black_box;

use super::polled::BATCH_ITEMS;
use crate::load::{BATCH_ITEMS_MAX, QUEUE_ITEMS_MAX};

/// flume, by `try_send` and `try_recv`.
pub(super) fn flume(items: u64) {
    let (sender, receiver) = black_box(flume::bounded(QUEUE_ITEMS_MAX));
    exchange(items, |item| sender.try_send(item).is_ok(), || receiver.try_recv().ok());
}

/// crossbeam-channel, by `try_send` and `try_recv`.
pub(super) fn crossbeam(items: u64) {
    let (sender, receiver) = black_box(crossbeam_channel::bounded(QUEUE_ITEMS_MAX));
    exchange(items, |item| sender.try_send(item).is_ok(), || receiver.try_recv().ok());
}

fn exchange(items: u64, send: impl Fn(u64) -> bool, receive: impl Fn() -> Option<u64>) {
    let mut vector = Vec::with_capacity(BATCH_ITEMS_MAX);
    for batch in 0..items / BATCH_ITEMS {
        for item in 0..BATCH_ITEMS {
            assert!(send(batch + item), "the channel is open and has room");
        }
        while let Some(item) = receive() {
            vector.push(item);
        }
        assert_eq!(black_box(&vector[..]).len(), BATCH_ITEMS_MAX, "items in the batch");
        vector.clear();
    }
}
