//! Unit tests of what a handler may do with its items, small enough for Miri.

use crate::{Batch, Batcher, Builder, Deadline, Retry};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// An item that counts how often it is dropped.
struct Counted(Arc<AtomicU32>, Box<u32>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Puts six items into batches of four, closes, and says how many were dropped.
fn drops(builder: Builder<Counted>, handler: impl Fn(&mut Batch<Counted>) + Send + Sync + 'static) -> u32 {
    let count = Arc::new(AtomicU32::new(0));
    let builder = builder.batch_items_max(4).no_linger().on_failure(|_| ());
    let batcher = builder.build(handler).unwrap();
    for item in 0..6 {
        batcher.put(Counted(count.clone(), Box::new(item))).unwrap();
    }
    let receipt = batcher.close(Deadline::never());
    assert_eq!(receipt.done + receipt.failed, 6);
    count.load(Ordering::Relaxed)
}

#[test]
fn miri_items_are_dropped_once() {
    assert_eq!(drops(Batcher::builder(), |_| ()), 6);
}

#[test]
fn miri_drained_items_are_dropped_once() {
    let all = |batch: &mut Batch<Counted>| batch.drain().for_each(|item| assert!(*item.1 < 6));
    assert_eq!(drops(Batcher::builder(), all), 6);
    let some = |batch: &mut Batch<Counted>| drop(batch.drain().next());
    assert_eq!(drops(Batcher::builder(), some), 6);
}

#[test]
fn miri_a_drain_that_is_forgotten_leaks_and_drops_nothing_twice() {
    if cfg!(miri) {
        // Miri reports the leak that this asks for.
        return;
    }
    assert_eq!(drops(Batcher::builder(), |batch| std::mem::forget(batch.drain())), 0);
}

#[test]
fn miri_items_are_dropped_once_when_the_handler_panics() {
    assert_eq!(drops(Batcher::builder(), |_| panic!("no")), 6);
    let half_way = |batch: &mut Batch<Counted>| {
        let _first = batch.drain().next();
        panic!("no");
    };
    assert_eq!(drops(Batcher::builder(), half_way), 6);
}

#[test]
fn miri_items_are_dropped_once_when_a_batch_is_bisected() {
    let bad = |batch: &mut Batch<Counted>| assert!(batch.iter().all(|item| *item.1 != 1));
    assert_eq!(drops(Batcher::builder().retry(Retry::bisect(10)), bad), 6);
}

#[test]
fn miri_items_without_a_size() {
    let (seen, count) = (Arc::new(AtomicU32::new(0)), 6);
    let noted = seen.clone();
    let handler = move |batch: &mut Batch<()>| {
        noted.fetch_add(batch.drain().count() as u32, Ordering::Relaxed);
    };
    let batcher = Batcher::builder().batch_items_max(4).no_linger().build(handler).unwrap();
    (0..count).for_each(|_| batcher.put(()).unwrap());
    batcher.put_many(&mut vec![(); 3]).unwrap();
    batcher.close(Deadline::never());
    assert_eq!(seen.load(Ordering::Relaxed), count + 3);
}

#[test]
fn miri_cancelled_items_are_taken_out_and_the_rest_closes_up() {
    let batcher = Batcher::<String>::builder().batch_items_max(8).build_poll().unwrap();
    let tickets: Vec<_> = (0..6).map(|item| batcher.submit(item.to_string()).unwrap()).collect();
    [0, 2, 3].into_iter().for_each(|at: usize| assert!(tickets[at].cancel()));
    batcher.put("6".into()).unwrap();
    batcher.put("7".into()).unwrap();
    let batch = batcher.next_batch(std::time::Duration::ZERO).unwrap();
    assert_eq!(batch[..], ["1", "4", "5", "6", "7"]);
    drop(batch);
    let outcomes: Vec<_> = tickets.into_iter().map(|ticket| ticket.wait().is_ok()).collect();
    assert_eq!(outcomes, [false, true, false, false, true, true]);
}
