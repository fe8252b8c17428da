//! The floor: each producer fills a buffer of 1000 and sums it on the spot. No hand-over, no second thread.

use std::{
    hint::black_box,
    ops::Range,
    sync::Arc,
    sync::Barrier,
    thread::{self, JoinHandle},
    time::Instant,
};

use crate::{
    interleave::Run,
    load::{BATCH_ITEMS_MAX, Load},
    sink::Sink,
};

/// Runs one load through no batcher at all.
pub fn run(load: Load) -> Run {
    let sink = Arc::new(Sink::default());
    let barrier = Arc::new(Barrier::new(load.producers));
    let producers: Vec<JoinHandle<Instant>> = (0..load.producers)
        .map(|index| {
            let (sink, barrier) = (Arc::clone(&sink), Arc::clone(&barrier));
            thread::spawn(move || {
                barrier.wait();
                let started = Instant::now();
                fill_and_sum(load.share(index), &sink);
                started
            })
        })
        .collect();
    let started = producers.into_iter().map(|producer| producer.join().expect("a producer panicked")).min();
    let elapsed = started.expect("at least one producer").elapsed();
    Run { elapsed, items: load.items, batches: Some(sink.verify(load)) }
}

fn fill_and_sum(items: Range<u64>, sink: &Sink) {
    let mut batch = Vec::with_capacity(BATCH_ITEMS_MAX);
    for item in items {
        batch.push(item);
        if batch.len() == BATCH_ITEMS_MAX {
            sink.handle(black_box(&batch));
            batch.clear();
        }
    }
    if !batch.is_empty() {
        sink.handle(&batch);
    }
}
