//! Group `worker-loop`: what a batch costs the consumer, alone: a new Vec and a new timer per batch, or reused ones.
//!
//! One thread and no waiting. The queue is filled first, outside the clock; then the consumer's loop takes all of it,
//! batch by batch, and sums. *Naive* is the loop of the naive twin: a new Vec, a timer armed with the first item, and
//! each further item received against it. *Reused* is the same channel with a reused Vec, a `try_recv` that needs no
//! clock, and a stamped deadline. *Batchline* polls: the slab is pooled, and a full batch needs no timer at all.

use std::time::{Duration, Instant};

use batchline::Batcher;
use flume::{Receiver, Sender};

use crate::{
    counting_alloc::uncounted,
    interleave::{Contender, Role, Run, Sampling},
    load::{Load, QUEUE_ITEMS_MAX, Shape},
    sink::Sink,
};

/// The group of these scenarios.
pub const GROUP: &str = "worker-loop";
/// The batch sizes, one scenario each.
pub const BATCH_SIZES: [usize; 2] = [16, 1_000];
/// The naive twin's loop.
pub const NAIVE: &str = "naive-loop";
/// Ours, polled by its caller.
pub const OURS: &str = "batchline-poll";

/// Items per filling: half of the bound, and a multiple of all batch sizes.
const FILLING_ITEMS: u64 = QUEUE_ITEMS_MAX as u64 / 2;

/// The scenario with batches of this size.
pub fn scenario(batch_items_max: usize) -> String {
    format!("batches-of-{batch_items_max}")
}

/// A queue and its consumer's loop, both on this thread.
trait Worker {
    fn open(shape: Shape) -> Self;

    /// Puts one item; there is room.
    fn put(&mut self, item: u64);

    /// Takes and handles one full batch, which is there.
    fn work(&mut self, sink: &Sink);
}

/// Everybody, with batches of this size.
pub fn contenders(batch_items_max: usize) -> Vec<Contender> {
    let contender = |role, name: &str, drive: fn(Shape, u64, Sampling) -> Run| {
        let run = move |items, sampling| drive(Shape::batches_of(batch_items_max), items, sampling);
        Contender { role, name: name.to_owned(), producers: 1, batch_items_max, run: Box::new(run) }
    };
    vec![
        contender(Role::Naive, NAIVE, drive::<FreshLoop>),
        contender(Role::Rival, "reused-loop", drive::<ReusedLoop>),
        contender(Role::Ours, OURS, drive::<Polled>),
    ]
}

fn drive<W: Worker>(shape: Shape, items: u64, sampling: Sampling) -> Run {
    let load = Load { producers: 1, items: items.next_multiple_of(FILLING_ITEMS) };
    let sink = Sink::new(shape);
    let mut worker = uncounted(|| W::open(shape));
    let (mut elapsed, mut samples_ns) = (Duration::ZERO, Vec::new());
    for first in (0..load.items).step_by(FILLING_ITEMS as usize) {
        uncounted(|| (first..first + FILLING_ITEMS).for_each(|item| worker.put(item)));
        elapsed += match sampling {
            Sampling::Off => empty(&mut worker, shape, &sink),
            Sampling::On => empty_sampled(&mut worker, shape, &sink, &mut samples_ns),
        };
    }
    let batches = Some(sink.verify(load));
    Run { elapsed, items: load.items, batches, samples_ns, ..Run::default() }
}

fn batches_per_filling(shape: Shape) -> u64 {
    FILLING_ITEMS / shape.batch_items_max as u64
}

fn empty(worker: &mut impl Worker, shape: Shape, sink: &Sink) -> Duration {
    let started = Instant::now();
    (0..batches_per_filling(shape)).for_each(|_| worker.work(sink));
    started.elapsed()
}

/// Times each batch.
fn empty_sampled(worker: &mut impl Worker, shape: Shape, sink: &Sink, samples_ns: &mut Vec<u64>) -> Duration {
    let started = Instant::now();
    for _ in 0..batches_per_filling(shape) {
        let before = Instant::now();
        worker.work(sink);
        samples_ns.push(before.elapsed().as_nanos() as u64);
    }
    started.elapsed()
}

/// The loop of `NaiveBatcher`.
struct FreshLoop {
    shape: Shape,
    sender: Sender<u64>,
    receiver: Receiver<u64>,
}

impl Worker for FreshLoop {
    fn open(shape: Shape) -> Self {
        let (sender, receiver) = flume::bounded(shape.queue_items_max);
        Self { shape, sender, receiver }
    }

    fn put(&mut self, item: u64) {
        self.sender.send(item).expect("the receiver is here");
    }

    fn work(&mut self, sink: &Sink) {
        let mut batch = Vec::new();
        batch.extend(self.receiver.recv());
        let deadline = Instant::now() + self.shape.linger;
        while batch.len() < self.shape.batch_items_max {
            let Ok(item) = self.receiver.recv_deadline(deadline) else { break };
            batch.push(item);
        }
        sink.handle(&batch);
    }
}

/// The same channel, without what is made anew.
struct ReusedLoop {
    fresh: FreshLoop,
    batch: Vec<u64>,
    deadline: Option<Instant>,
}

impl Worker for ReusedLoop {
    fn open(shape: Shape) -> Self {
        let batch = Vec::with_capacity(shape.batch_items_max);
        Self { fresh: FreshLoop::open(shape), batch, deadline: None }
    }

    fn put(&mut self, item: u64) {
        self.fresh.put(item);
    }

    fn work(&mut self, sink: &Sink) {
        let FreshLoop { shape, receiver, .. } = &self.fresh;
        while self.batch.len() < shape.batch_items_max {
            if let Ok(item) = receiver.try_recv() {
                self.batch.push(item);
                continue;
            }
            let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + shape.linger);
            let Ok(item) = receiver.recv_deadline(deadline) else { break };
            self.batch.push(item);
        }
        sink.handle(&self.batch);
        self.batch.clear();
        self.deadline = None;
    }
}

/// Our engine, polled.
struct Polled(Batcher<u64>);

impl Worker for Polled {
    fn open(shape: Shape) -> Self {
        let builder = Batcher::<u64>::builder()
            .batch_items_max(shape.batch_items_max)
            .queue_items_max(shape.queue_items_max)
            .linger(shape.linger);
        Self(builder.build_poll().expect("the settings are sound"))
    }

    fn put(&mut self, item: u64) {
        assert!(self.0.put(item).is_ok(), "the batcher is open and has room");
    }

    fn work(&mut self, sink: &Sink) {
        let batch = self.0.next_batch(Duration::ZERO).expect("a full batch waits");
        sink.handle(&batch);
    }
}
