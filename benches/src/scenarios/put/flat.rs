//! `put` flat out: the producers put as fast as they can, and wait while the batcher is full.
//!
//! The clock starts when the first producer passes the barrier and stops when the batcher is closed and every item
//! was handled. Opening the batcher and spawning the producers is outside.

use std::{
    sync::{Arc, Barrier},
    thread::{self, JoinHandle},
    time::Instant,
};

use super::{PutPeer, put_share};
use crate::{
    counting_alloc::uncounted,
    interleave::{Run, Sampling},
    load::{Load, Shape},
    sink::Sink,
};

/// What a producer has to tell at its end.
type Produced = (Instant, Vec<u64>);

/// Runs one load through a fresh batcher, and verifies it.
pub fn drive<P: PutPeer>(shape: Shape, load: Load, sampling: Sampling) -> Run {
    let sink = Arc::new(Sink::new(shape));
    let barrier = Arc::new(Barrier::new(load.producers + 1));
    let (peer, producers) = uncounted(|| {
        let peer = P::open(shape, Arc::clone(&sink));
        let producers: Vec<JoinHandle<Produced>> =
            (0..load.producers).map(|index| spawn_producer(&peer, load, index, &barrier, sampling)).collect();
        (peer, producers)
    });
    barrier.wait();
    let join = |producer: JoinHandle<Produced>| producer.join().expect("a producer panicked");
    let (starts, samples): (Vec<Instant>, Vec<Vec<u64>>) = producers.into_iter().map(join).unzip();
    peer.finish();
    let elapsed = starts.into_iter().min().expect("at least one producer").elapsed();
    let batches = Some(sink.verify(load));
    Run { elapsed, items: load.items, batches, samples_ns: samples.concat(), ..Run::default() }
}

fn spawn_producer<P: PutPeer>(
    peer: &P,
    load: Load,
    index: usize,
    barrier: &Arc<Barrier>,
    sampling: Sampling,
) -> JoinHandle<Produced> {
    let (mut putter, barrier, share) = (peer.putter(), Arc::clone(barrier), load.share(index));
    thread::spawn(move || {
        let mut samples_ns = Vec::new();
        barrier.wait();
        let started = Instant::now();
        put_share(&mut putter, share, sampling, &mut samples_ns);
        (started, samples_ns)
    })
}
