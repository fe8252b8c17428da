//! Group `dedup-batcher`: put through a window of keys into batches of 1000, with duplicates among the items.
//!
//! One thread puts flat out; the clock stops when a flush says that every accepted item was handled. Time per item
//! counts refused items too. A duplicate repeats one of the last 500 keys.
//!
//! The batcher stays open over all runs of its contender, and is warmed for longer than its window: keys expire as
//! fast as they come, on the system's clock. A machine that stands still for the whole window lets a duplicate pass,
//! so one in a thousand is forgiven; what was accepted must be handled exactly once all the same.

use std::{
    cell::RefCell,
    sync::Arc,
    time::{Duration, Instant},
};

use batchline::{
    Batch, Batcher, PutError,
    dedup::Window,
    naive::{Batching, NaiveBatcher, NaiveDedupBatcher, NaiveTimePartitionedMap},
};

use crate::{
    counting_alloc::uncounted,
    interleave::{Contender, Role, Run, Sampling},
    load::{BATCH_ITEMS_MAX, Shape},
    scenarios::put::SAMPLE_EVERY,
    sink::Sink,
};

/// The group of these scenarios.
pub const GROUP: &str = "dedup-batcher";
/// Duplicates in a hundred items, one scenario each.
pub const DUPLICATE_PERCENTS: [u64; 3] = [0, 50, 90];
/// The naive twin.
pub const NAIVE: &str = "naive";
/// Ours.
pub const OURS: &str = "batchline";

const SHAPE: Shape = Shape::batches_of(BATCH_ITEMS_MAX);
/// How far back a duplicate's first one may be.
const RECENT_KEYS: u64 = 500;
/// 60 buckets, as the maps have.
const WINDOW: Duration = Duration::from_millis(240);
const BUCKET: Duration = Duration::from_millis(4);
/// Far more than can be put within the window.
const KEYS_MAX: usize = 1 << 24;

/// The scenario with this share of duplicates.
pub fn scenario(duplicate_percent: u64) -> String {
    format!("duplicates-{duplicate_percent}")
}

/// Everybody, with this share of duplicates.
pub fn contenders(duplicate_percent: u64) -> Vec<Contender> {
    // 50 % is every second one, 90 % all but every tenth.
    let mix = Mix { items_per_key: 100 / (100 - duplicate_percent), first: 0 };
    vec![contender(Role::Naive, NAIVE, mix, open_naive), contender(Role::Ours, OURS, mix, open_ours)]
}

fn contender<B: Batching<u64> + 'static>(
    role: Role,
    name: &str,
    mix: Mix,
    open: fn(Arc<Sink>) -> B,
) -> Contender {
    let warm = RefCell::new(None);
    let run = move |items, sampling| {
        warm.borrow_mut().get_or_insert_with(|| uncounted(|| Warm::open(mix, open))).run(items, sampling)
    };
    let (name, batch_items_max) = (name.to_owned(), SHAPE.batch_items_max);
    Contender { role, name, producers: 1, batch_items_max, run: Box::new(run) }
}

fn open_naive(sink: Arc<Sink>) -> NaiveDedupBatcher<u64, u64> {
    let handler = move |batch: &[u64]| {
        sink.handle(batch);
        true
    };
    let Shape { batch_items_max, queue_items_max, linger } = SHAPE;
    let open = |handler| NaiveBatcher::new(batch_items_max, queue_items_max, linger, handler);
    NaiveDedupBatcher::new(NaiveTimePartitionedMap::new(WINDOW, BUCKET), |item: &u64| *item, handler, open)
}

fn open_ours(sink: Arc<Sink>) -> Batcher<u64> {
    let builder = Batcher::<u64>::builder()
        .batch_items_max(SHAPE.batch_items_max)
        .queue_items_max(SHAPE.queue_items_max)
        .linger(SHAPE.linger)
        .dedup(Window::new(WINDOW).bucket(BUCKET).keys_max(KEYS_MAX), |item: &u64| *item);
    builder.build(move |batch: &mut Batch<u64>| sink.handle(batch)).expect("the settings are sound")
}

/// How new and repeated keys alternate: a new one, then repetitions of recent ones.
#[derive(Debug, Clone, Copy)]
struct Mix {
    items_per_key: u64,
    /// The first key of the run: those of earlier runs may have expired while others had their turns.
    first: u64,
}

impl Mix {
    #[inline]
    fn key(self, item: u64) -> u64 {
        let (newest, repetition) = (item / self.items_per_key, item % self.items_per_key);
        // Repetitions go back by steps that differ from item to item.
        newest.saturating_sub(if repetition == 0 { 0 } else { item % RECENT_KEYS }).max(self.first)
    }

    fn is_new(self, item: u64) -> bool {
        item.is_multiple_of(self.items_per_key)
    }
}

/// A batcher that has been used for longer than its window, and what it has accepted so far.
struct Warm<B> {
    mix: Mix,
    sink: Arc<Sink>,
    batcher: B,
    next: u64,
    accepted: Accepted,
}

/// What the handler must have seen.
#[derive(Debug, Clone, Copy, Default)]
struct Accepted {
    items: u64,
    sum: u64,
    duplicates: u64,
}

impl Accepted {
    #[inline]
    fn add(&mut self, item: u64, is_new: bool) {
        self.items += 1;
        self.sum = self.sum.wrapping_add(item);
        self.duplicates += u64::from(!is_new);
    }
}

impl<B: Batching<u64>> Warm<B> {
    fn open(mix: Mix, open: fn(Arc<Sink>) -> B) -> Self {
        let sink = Arc::new(Sink::new(SHAPE));
        let batcher = open(Arc::clone(&sink));
        let mut warm = Self { mix, sink, batcher, next: 0, accepted: Accepted::default() };
        let opened = Instant::now();
        while opened.elapsed() < WINDOW + 2 * BUCKET {
            warm.run(20_000, Sampling::Off);
        }
        warm
    }

    fn run(&mut self, items: u64, sampling: Sampling) -> Run {
        let items = items.next_multiple_of(self.mix.items_per_key);
        self.mix.first = self.next / self.mix.items_per_key;
        let (accepted, batches) = (self.accepted, self.sink.batches());
        let started = Instant::now();
        let samples_ns = self.put_all(items, sampling);
        self.batcher.flush().expect("the batcher is open");
        let elapsed = started.elapsed();
        let batches = self.sink.verify_sum(self.accepted.items, self.accepted.sum) - batches;
        let passed = self.accepted.duplicates - accepted.duplicates;
        assert!(passed * 1_000 <= items, "{passed} of {items} items are duplicates that were accepted");
        let refused = items - (self.accepted.items - accepted.items);
        Run { elapsed, items, refused, batches: Some(batches), samples_ns, ..Run::default() }
    }

    fn put_all(&mut self, items: u64, sampling: Sampling) -> Vec<u64> {
        let mut samples_ns = Vec::new();
        for item in self.next..self.next + items {
            // One less than elsewhere, for samples of new keys and of duplicates.
            let samples = sampling == Sampling::On && item.is_multiple_of(SAMPLE_EVERY - 1);
            let before = samples.then(Instant::now);
            let put = self.batcher.put(self.mix.key(item));
            samples_ns.extend(before.map(|before| before.elapsed().as_nanos() as u64));
            match put {
                Ok(()) => self.accepted.add(self.mix.key(item), self.mix.is_new(item)),
                Err(PutError::Duplicate(_)) => assert!(!self.mix.is_new(item), "a new key was refused"),
                Err(_) => panic!("the batcher is open"),
            }
        }
        self.next += items;
        samples_ns
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{DUPLICATE_PERCENTS, Mix};

    #[test]
    fn mixes_have_as_many_new_keys_as_they_say() {
        for percent in DUPLICATE_PERCENTS {
            let mix = Mix { items_per_key: 100 / (100 - percent), first: 0 };
            let mut seen = HashSet::new();
            let items = 10_000;
            (0..items).for_each(|item| assert_eq!(seen.insert(mix.key(item)), mix.is_new(item), "{item}"));
            assert_eq!(seen.len() as u64, items * (100 - percent) / 100);
        }
    }
}
