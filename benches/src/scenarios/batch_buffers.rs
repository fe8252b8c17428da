//! Group `batch-buffers`: a new buffer per batch, or pooled ones, and little else between put and handler.
//!
//! One thread puts through `&self`; the put that fills a batch handles it. *Fresh* is what one writes first: a Vec
//! behind a mutex, taken out whole when it is full, dropped after the handler. *Reused* gives the emptied Vec back:
//! from *fresh* to *reused* is what pooling buys. *Batchline* in caller mode pools slabs and takes no lock per put.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use batchline::{Batch, Batcher, Deadline, Dispatch};

use crate::{
    counting_alloc::uncounted,
    interleave::{Contender, Role, Run, Sampling},
    load::{BATCH_ITEMS_MAX, Load, QUEUE_ITEMS_MAX, Shape},
    scenarios::put::SAMPLE_EVERY,
};

/// The group of these scenarios.
pub const GROUP: &str = "batch-buffers";
/// Batches of 8 KB, and of 64 KB.
pub const SCENARIOS: [&str; 2] = ["items-of-8-bytes", "items-of-64-bytes"];
/// A new Vec per batch.
pub const NAIVE: &str = "fresh-vec";
/// Ours, in caller mode.
pub const OURS: &str = "batchline-caller";

const SHAPE: Shape = Shape::batches_of(BATCH_ITEMS_MAX);

/// What is put: a number, with or without a load beside it.
trait Item: Copy + Send + Sync + 'static {
    fn of(number: u64) -> Self;
    fn number(&self) -> u64;
}

impl Item for u64 {
    fn of(number: u64) -> Self {
        number
    }

    fn number(&self) -> u64 {
        *self
    }
}

impl Item for [u64; 8] {
    fn of(number: u64) -> Self {
        [number; 8]
    }

    fn number(&self) -> u64 {
        self[7]
    }
}

/// A batcher that handles in the put that fills a batch.
trait Buffering<T> {
    fn open(sums: Sums) -> Self;
    fn put(&self, item: T);
    fn finish(self) -> Sums;
}

/// The handler's results, locked once per batch.
#[derive(Debug, Default)]
struct Sums {
    sum: u64,
    items: u64,
    batches: u64,
}

impl Sums {
    fn handle<T: Item>(&mut self, batch: &[T]) {
        assert!(batch.len() <= SHAPE.batch_items_max, "the batch is over the maximum");
        self.sum = batch.iter().fold(self.sum, |sum, item| sum.wrapping_add(item.number()));
        self.items += batch.len() as u64;
        self.batches += 1;
    }
}

/// Everybody, in this scenario.
pub fn contenders(scenario: &str) -> Vec<Contender> {
    if scenario == SCENARIOS[0] { contenders_of::<u64>() } else { contenders_of::<[u64; 8]>() }
}

fn contenders_of<T: Item>() -> Vec<Contender> {
    let contender = |role, name: &str, drive: fn(u64, Sampling) -> Run| Contender {
        role,
        name: name.to_owned(),
        producers: 1,
        batch_items_max: SHAPE.batch_items_max,
        run: Box::new(drive),
    };
    vec![
        contender(Role::Naive, NAIVE, drive::<T, FreshVec<T>>),
        contender(Role::Rival, "reused-vec", drive::<T, ReusedVec<T>>),
        contender(Role::Ours, OURS, drive::<T, Caller<T>>),
    ]
}

fn drive<T: Item, B: Buffering<T>>(items: u64, sampling: Sampling) -> Run {
    let load = Load { producers: 1, items };
    let buffering = uncounted(|| B::open(Sums::default()));
    let started = Instant::now();
    let samples_ns = match sampling {
        Sampling::Off => put_all(&buffering, items),
        Sampling::On => put_all_sampled(&buffering, items),
    };
    let sums = buffering.finish();
    let elapsed = started.elapsed();
    assert_eq!((sums.items, sums.sum), (load.items, load.expected_sum()), "items and sum handled");
    Run { elapsed, items, batches: Some(sums.batches), samples_ns, ..Run::default() }
}

fn put_all<T: Item>(buffering: &impl Buffering<T>, items: u64) -> Vec<u64> {
    (0..items).for_each(|item| buffering.put(T::of(item)));
    Vec::new()
}

fn put_all_sampled<T: Item>(buffering: &impl Buffering<T>, items: u64) -> Vec<u64> {
    let mut samples_ns = Vec::new();
    for item in 0..items {
        let before = (item % SAMPLE_EVERY == 0).then(Instant::now);
        buffering.put(T::of(item));
        samples_ns.extend(before.map(|before| before.elapsed().as_nanos() as u64));
    }
    samples_ns
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_full<T>(batch: &[T]) -> bool {
    batch.len() == SHAPE.batch_items_max
}

/// A new Vec per batch.
struct FreshVec<T> {
    batch: Mutex<Vec<T>>,
    sums: Mutex<Sums>,
}

impl<T: Item> Buffering<T> for FreshVec<T> {
    fn open(sums: Sums) -> Self {
        Self { batch: Mutex::default(), sums: Mutex::new(sums) }
    }

    fn put(&self, item: T) {
        let mut batch = lock(&self.batch);
        batch.push(item);
        if is_full(&batch) {
            let full = mem::take(&mut *batch);
            drop(batch);
            lock(&self.sums).handle(&full);
        }
    }

    fn finish(self) -> Sums {
        let rest = mem::take(&mut *lock(&self.batch));
        if !rest.is_empty() {
            lock(&self.sums).handle(&rest);
        }
        mem::take(&mut *lock(&self.sums))
    }
}

/// The same, with a spare Vec that takes turns.
struct ReusedVec<T> {
    fresh: FreshVec<T>,
    spare: Mutex<Vec<T>>,
}

impl<T: Item> Buffering<T> for ReusedVec<T> {
    fn open(sums: Sums) -> Self {
        let room = || Mutex::new(Vec::with_capacity(SHAPE.batch_items_max));
        Self { fresh: FreshVec { batch: room(), sums: Mutex::new(sums) }, spare: room() }
    }

    fn put(&self, item: T) {
        let mut batch = lock(&self.fresh.batch);
        batch.push(item);
        if is_full(&batch) {
            let mut full = mem::replace(&mut *batch, mem::take(&mut *lock(&self.spare)));
            drop(batch);
            lock(&self.fresh.sums).handle(&full);
            full.clear();
            *lock(&self.spare) = full;
        }
    }

    fn finish(self) -> Sums {
        self.fresh.finish()
    }
}

/// Our engine, handling in the put that fills a batch.
struct Caller<T: Send + 'static> {
    batcher: Batcher<T>,
    sums: Arc<Mutex<Sums>>,
}

impl<T: Item> Buffering<T> for Caller<T> {
    fn open(sums: Sums) -> Self {
        let sums = Arc::new(Mutex::new(sums));
        let handled = Arc::clone(&sums);
        let builder = Batcher::<T>::builder()
            .batch_items_max(SHAPE.batch_items_max)
            .queue_items_max(QUEUE_ITEMS_MAX)
            .no_linger()
            .dispatch(Dispatch::Caller);
        let batcher = builder.build(move |batch: &mut Batch<T>| lock(&handled).handle(batch));
        Self { batcher: batcher.expect("the settings are sound"), sums }
    }

    fn put(&self, item: T) {
        assert!(self.batcher.put(item).is_ok(), "the batcher is open");
    }

    fn finish(self) -> Sums {
        assert!(self.batcher.close(Deadline::never()).is_balanced(), "the receipt adds up");
        mem::take(&mut *lock(&self.sums))
    }
}
