//! `put` in bursts: 5000 items as fast as they go, then silence long enough for every consumer to fall asleep.
//!
//! The time of a run is the sum of its bursts, each from its first put until its last item was handled: waking the
//! consumer is inside, the silence is not.

use std::{
    ops::Range,
    sync::Arc,
    thread::{self, yield_now},
    time::{Duration, Instant},
};

use super::{PutPeer, Putter, put_share};
use crate::{
    counting_alloc::uncounted,
    interleave::{Run, Sampling},
    load::{BATCH_ITEMS_MAX, Load, Shape},
    sink::Sink,
};

/// As `heavy`; a burst is a whole number of batches, so that no burst ends with a linger.
pub const SHAPE: Shape = Shape::batches_of(BATCH_ITEMS_MAX);
/// Items in a burst.
pub const BURST_ITEMS: u64 = 5_000;
const SILENCE: Duration = Duration::from_micros(500);

/// Puts so many items, rounded up to whole bursts, from one thread, and verifies them.
pub fn drive<P: PutPeer>(shape: Shape, items: u64, sampling: Sampling) -> Run {
    let load = Load { producers: 1, items: items.next_multiple_of(BURST_ITEMS) };
    let (sink, peer, mut putter) = uncounted(|| {
        let sink = Arc::new(Sink::new(shape));
        let peer = P::open(shape, Arc::clone(&sink));
        let putter = peer.putter();
        (sink, peer, putter)
    });
    let watched = Arc::clone(&sink);
    let producer = thread::spawn(move || {
        let (mut spent, mut samples_ns) = (Duration::ZERO, Vec::new());
        for first in (0..load.items).step_by(BURST_ITEMS as usize) {
            thread::sleep(SILENCE);
            spent += burst(&mut putter, first..first + BURST_ITEMS, &watched, sampling, &mut samples_ns);
        }
        (spent, samples_ns)
    });
    let (elapsed, samples_ns) = producer.join().expect("the producer panicked");
    peer.finish();
    let batches = Some(sink.verify(load));
    Run { elapsed, items: load.items, batches, samples_ns, ..Run::default() }
}

fn burst(
    putter: &mut impl Putter,
    items: Range<u64>,
    sink: &Sink,
    sampling: Sampling,
    samples_ns: &mut Vec<u64>,
) -> Duration {
    let (started, last) = (Instant::now(), items.end);
    put_share(putter, items, sampling, samples_ns);
    while sink.items() < last {
        yield_now();
    }
    started.elapsed()
}
