//! Scenario `put`: `u64` items, batches of 1000, a handler that sums them; end to end.
//!
//! The clock starts when the first producer passes the barrier and stops when the batcher is closed and every item
//! was handled. Opening the batcher and spawning the producers is outside.

use std::{
    ops::Range,
    sync::{Arc, Barrier},
    thread::{self, JoinHandle},
    time::Instant,
};

use crate::{
    channel_batcher::{Channel, ChannelBatcher},
    interleave::{Contender, Role, Run},
    load::Load,
    peers::{
        batchline_ordered::Ordered, batchline_producer::ProducerHandle, batchline_put::SharedPut,
        batchline_put_many::PutMany, crossbeam::Crossbeam, crossfire::Crossfire, floor, flume::Flume,
        kanal::Kanal, naive::Naive, std_mpsc::StdMpsc,
    },
    sink::Sink,
};

/// The table of the runs with this many producers.
pub fn group(producers: usize) -> String {
    format!("put/{producers}")
}

/// The naive twin.
pub const NAIVE: &str = "naive";
/// Ours, `put(&self)`.
pub const PUT: &str = "batchline-put";
/// Ours, `Producer::put`.
pub const PRODUCER: &str = "batchline-producer";
/// Ours, `put_many` of 64.
pub const PUT_MANY: &str = "batchline-put-many-64";
/// Ours, `ordered(true)`.
pub const ORDERED: &str = "batchline-ordered";

/// A batcher that feeds its batches to a [`Sink`].
pub trait PutPeer: Sized {
    /// What a producing thread holds.
    type Putter: Putter;

    /// Starts the batcher.
    fn open(sink: Arc<Sink>) -> Self;

    /// A putter for one more producing thread.
    fn putter(&self) -> Self::Putter;

    /// Closes; returns when every item was handled.
    fn finish(self);
}

/// A producing thread's way in.
pub trait Putter: Send + 'static {
    /// Puts one item, waiting while the batcher is full.
    fn put(&mut self, item: u64);

    /// Puts a producer's whole share.
    #[inline]
    fn put_range(&mut self, items: Range<u64>) {
        for item in items {
            self.put(item);
        }
    }
}

/// Runs one load through a fresh batcher, and verifies it.
pub fn drive<P: PutPeer>(load: Load) -> Run {
    let sink = Arc::new(Sink::default());
    let peer = P::open(Arc::clone(&sink));
    let barrier = Arc::new(Barrier::new(load.producers));
    let producers: Vec<JoinHandle<Instant>> = (0..load.producers)
        .map(|index| {
            let (mut putter, barrier, share) = (peer.putter(), Arc::clone(&barrier), load.share(index));
            thread::spawn(move || {
                barrier.wait();
                let started = Instant::now();
                putter.put_range(share);
                started
            })
        })
        .collect();
    let started = producers.into_iter().map(|producer| producer.join().expect("a producer panicked")).min();
    peer.finish();
    let elapsed = started.expect("at least one producer").elapsed();
    Run { elapsed, items: load.items, batches: Some(sink.verify(load)) }
}

/// Everybody who takes part with this many producers; the floor comes first.
pub fn contenders(producers: usize) -> Vec<Contender> {
    let contender = |role, name: &str, run: fn(Load) -> Run| {
        let run = move |items| run(Load { producers, items });
        Contender { role, name: name.to_owned(), producers, run: Box::new(run) }
    };
    vec![
        contender(Role::Floor, "floor", floor::run),
        contender(Role::Rival, "crossfire", drive_channel::<Crossfire>),
        contender(Role::Rival, "crossbeam", drive_channel::<Crossbeam>),
        contender(Role::Rival, "std-mpsc", drive_channel::<StdMpsc>),
        contender(Role::Rival, "kanal", drive_channel::<Kanal>),
        contender(Role::Rival, "flume", drive_channel::<Flume>),
        contender(Role::Naive, NAIVE, drive::<Naive>),
        contender(Role::Ours, PUT, drive::<SharedPut>),
        contender(Role::Ours, PRODUCER, drive::<ProducerHandle>),
        contender(Role::Ours, PUT_MANY, drive::<PutMany>),
        contender(Role::Ours, ORDERED, drive::<Ordered>),
    ]
}

fn drive_channel<C: Channel>(load: Load) -> Run {
    drive::<ChannelBatcher<C>>(load)
}
