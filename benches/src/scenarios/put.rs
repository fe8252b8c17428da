//! Scenarios of `put`: `u64` items, a handler that sums them, and everybody who can batch them.
//!
//! | scenario | what its time per item is |
//! | --- | --- |
//! | `producers-N` | N threads flat out, batches of 1000: from the first put until all is handled and closed |
//! | `heavy` | the same by two threads, for all peers and both allocators |
//! | `batches-of-N` | the same by one thread, by size of the batch |
//! | `light` | an item every four microseconds, batches of 16: what its put takes the caller; and end to end |
//! | `bursty` | bursts of 5000 after silence: from a burst's first put until its last item is handled |

use std::{ops::Range, sync::Arc, time::Instant};

use crate::{
    channel_batcher::{Channel, ChannelBatcher},
    interleave::{Contender, Role, Run, Sampling},
    load::{BATCH_ITEMS_MAX, Load, Shape},
    peers::{
        batchline_ordered::Ordered, batchline_producer::ProducerHandle, batchline_put::SharedPut,
        batchline_put_many::PutMany, crossbeam::Crossbeam, crossfire::Crossfire, disruptor::Disruptor,
        floor::Floor, flume::Flume, kanal::Kanal, naive::Naive, std_mpsc::StdMpsc, tokio_chunks::TokioChunks,
    },
    sink::Sink,
};

pub mod bursty;
pub mod flat;
pub mod light;

/// The group of these scenarios.
pub const GROUP: &str = "put";

/// The scenario with this many producers.
pub fn scenario(producers: usize) -> String {
    format!("producers-{producers}")
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

/// In a sampling run, one put of so many is timed.
pub const SAMPLE_EVERY: u64 = 64;

/// A batcher that feeds its batches to a [`Sink`].
pub trait PutPeer: Sized {
    /// What a producing thread holds.
    type Putter: Putter;

    /// Starts the batcher.
    fn open(shape: Shape, sink: Arc<Sink>) -> Self;

    /// A putter for one more producing thread.
    fn putter(&self) -> Self::Putter;

    /// Closes; returns when every item was handled. The putters are gone by then.
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

    /// The same, and times one operation in [`SAMPLE_EVERY`].
    fn put_range_sampled(&mut self, items: Range<u64>, samples_ns: &mut Vec<u64>) {
        let mut from = items.start;
        while items.end - from >= SAMPLE_EVERY {
            let timed = from + SAMPLE_EVERY - 1;
            self.put_range(from..timed);
            let before = Instant::now();
            self.put(timed);
            samples_ns.push(before.elapsed().as_nanos() as u64);
            from = timed + 1;
        }
        self.put_range(from..items.end);
    }
}

/// Puts a share, with samples or without.
fn put_share(putter: &mut impl Putter, share: Range<u64>, sampling: Sampling, samples_ns: &mut Vec<u64>) {
    match sampling {
        Sampling::Off => putter.put_range(share),
        Sampling::On => putter.put_range_sampled(share, samples_ns),
    }
}

/// A contender and what drives it through each scenario.
#[derive(Debug, Clone, Copy)]
struct Entrant {
    role: Role,
    name: &'static str,
    flat: fn(Shape, Load, Sampling) -> Run,
    light: fn(Shape, u64, Sampling) -> Run,
    bursty: fn(Shape, u64, Sampling) -> Run,
}

const fn entrant<P: PutPeer>(role: Role, name: &'static str) -> Entrant {
    Entrant { role, name, flat: flat::drive::<P>, light: light::drive::<P>, bursty: bursty::drive::<P> }
}

const fn channel<C: Channel>(name: &'static str) -> Entrant {
    entrant::<ChannelBatcher<C>>(Role::Rival, name)
}

/// Everybody; the floor comes first.
const ENTRANTS: [Entrant; 13] = [
    entrant::<Floor>(Role::Floor, "floor"),
    channel::<Crossfire>("crossfire"),
    channel::<Crossbeam>("crossbeam"),
    channel::<StdMpsc>("std-mpsc"),
    channel::<Kanal>("kanal"),
    channel::<Flume>("flume"),
    entrant::<TokioChunks>(Role::Rival, "tokio-chunks"),
    entrant::<Disruptor>(Role::Rival, "disruptor"),
    entrant::<Naive>(Role::Naive, NAIVE),
    entrant::<SharedPut>(Role::Ours, PUT),
    entrant::<ProducerHandle>(Role::Ours, PRODUCER),
    entrant::<PutMany>(Role::Ours, PUT_MANY),
    entrant::<Ordered>(Role::Ours, ORDERED),
];

/// Those who show the way of a curve: the fastest channels, the naive twin, and ours.
const FEW: [&str; 5] = ["crossfire", "crossbeam", NAIVE, PUT, PRODUCER];

fn few() -> impl Iterator<Item = Entrant> {
    ENTRANTS.into_iter().filter(|entrant| FEW.contains(&entrant.name))
}

/// Everybody whose put is one item in one call.
fn singles() -> impl Iterator<Item = Entrant> {
    ENTRANTS.into_iter().filter(|entrant| ![PUT_MANY, ORDERED].contains(&entrant.name))
}

/// Everybody, flat out with this many producers.
pub fn contenders(producers: usize) -> Vec<Contender> {
    ENTRANTS.into_iter().map(|entrant| flat_out(entrant, producers, BATCH_ITEMS_MAX)).collect()
}

/// A few, flat out with this many producers.
pub fn crowd(producers: usize) -> Vec<Contender> {
    few().map(|entrant| flat_out(entrant, producers, BATCH_ITEMS_MAX)).collect()
}

/// A few, flat out by one producer into batches of this size.
pub fn batches_of(batch_items_max: usize) -> Vec<Contender> {
    few().map(|entrant| flat_out(entrant, 1, batch_items_max)).collect()
}

/// Everybody by single items, flat out with two producers.
pub fn heavy() -> Vec<Contender> {
    singles().map(|entrant| flat_out(entrant, 2, BATCH_ITEMS_MAX)).collect()
}

/// Everybody by single items that are rare.
pub fn light() -> Vec<Contender> {
    singles().map(|entrant| alone(entrant, light::SHAPE, entrant.light)).collect()
}

/// Everybody by single items that come in bursts.
pub fn bursty() -> Vec<Contender> {
    singles().map(|entrant| alone(entrant, bursty::SHAPE, entrant.bursty)).collect()
}

fn flat_out(entrant: Entrant, producers: usize, batch_items_max: usize) -> Contender {
    let shape = Shape::batches_of(batch_items_max);
    let run = move |items, sampling| (entrant.flat)(shape, Load { producers, items }, sampling);
    let name = entrant.name.to_owned();
    Contender { role: entrant.role, name, producers, batch_items_max, run: Box::new(run) }
}

fn alone(entrant: Entrant, shape: Shape, drive: fn(Shape, u64, Sampling) -> Run) -> Contender {
    let run = move |items, sampling| drive(shape, items, sampling);
    let (name, batch_items_max) = (entrant.name.to_owned(), shape.batch_items_max);
    Contender { role: entrant.role, name, producers: 1, batch_items_max, run: Box::new(run) }
}
