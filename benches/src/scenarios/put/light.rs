//! `put` of rare items: one every four microseconds, so that the queue is nearly empty and consumers go to sleep.
//!
//! The time of a run is that of its puts alone, each taken with the clock around it; the floor shows what the clock
//! adds to everybody. Each item is the instant of its put, from which the handler knows how long it was on its way.

use std::{
    hint::spin_loop,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{PutPeer, Putter};
use crate::{
    counting_alloc::uncounted,
    interleave::{Run, Sampling},
    load::{QUEUE_ITEMS_MAX, Shape},
    sink::Sink,
};

/// Small batches and a short linger, as for a service that answers somebody.
pub const SHAPE: Shape =
    Shape { batch_items_max: 16, queue_items_max: QUEUE_ITEMS_MAX, linger: Duration::from_millis(1) };
/// The table of how long items were on their way.
pub const END_TO_END: &str = "light-end-to-end";
/// From one put to the next.
const GAP: Duration = Duration::from_micros(4);

/// Puts so many items into a fresh batcher from one thread, and verifies them.
pub fn drive<P: PutPeer>(shape: Shape, items: u64, sampling: Sampling) -> Run {
    let epoch = Instant::now();
    let (sink, peer, putter) = uncounted(|| {
        let sink = Arc::new(Sink::of_instants(shape, epoch, items));
        let peer = P::open(shape, Arc::clone(&sink));
        let putter = peer.putter();
        (sink, peer, putter)
    });
    let producer = thread::spawn(move || pace(putter, epoch, items, sampling));
    let paced = producer.join().expect("the producer panicked");
    peer.finish();
    let batches = Some(sink.verify_sum(items, paced.sum));
    let arrivals_ns = match sampling {
        Sampling::On => sink.take_waits_ns(),
        Sampling::Off => Vec::new(),
    };
    Run { elapsed: paced.spent, items, batches, samples_ns: paced.samples_ns, arrivals_ns, ..Run::default() }
}

/// What the producer has to tell.
struct Paced {
    spent: Duration,
    sum: u64,
    samples_ns: Vec<u64>,
}

fn pace(mut putter: impl Putter, epoch: Instant, items: u64, sampling: Sampling) -> Paced {
    let mut paced = Paced { spent: Duration::ZERO, sum: 0, samples_ns: Vec::new() };
    let mut due = Instant::now();
    for _ in 0..items {
        let before = spin_until(due);
        let stamp = before.duration_since(epoch).as_nanos() as u64;
        putter.put(stamp);
        let took = before.elapsed();
        paced.spent += took;
        paced.sum = paced.sum.wrapping_add(stamp);
        if sampling == Sampling::On {
            paced.samples_ns.push(took.as_nanos() as u64);
        }
        // From this put, not from the one before: after a preemption there is no burst to catch up.
        due = before + GAP;
    }
    paced
}

fn spin_until(due: Instant) -> Instant {
    loop {
        let now = Instant::now();
        if now >= due {
            return now;
        }
        spin_loop();
    }
}
