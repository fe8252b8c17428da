//! The handler of the `put` scenarios: adds the numbers up, and later proves that none was lost or repeated.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use crate::load::{Load, Shape};

/// Where every contender's batches end.
#[derive(Debug)]
pub struct Sink {
    batch_items_max: usize,
    sum: AtomicU64,
    items: AtomicU64,
    batches: AtomicU64,
    arrivals: Option<Arrivals>,
}

/// Notes how long each item was on its way, where items are the instants of their puts.
#[derive(Debug)]
struct Arrivals {
    epoch: Instant,
    waits_ns: Mutex<Vec<u64>>,
}

impl Sink {
    /// A sink for batches of this shape.
    pub fn new(shape: Shape) -> Self {
        Self {
            batch_items_max: shape.batch_items_max,
            sum: AtomicU64::new(0),
            items: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            arrivals: None,
        }
    }

    /// A sink whose items are the nanoseconds from `epoch` until their puts; it has room for `items` of them.
    pub fn of_instants(shape: Shape, epoch: Instant, items: u64) -> Self {
        let waits_ns = Mutex::new(Vec::with_capacity(items as usize));
        Self { arrivals: Some(Arrivals { epoch, waits_ns }), ..Self::new(shape) }
    }

    /// Handles one batch.
    pub fn handle(&self, batch: &[u64]) {
        assert!(batch.len() <= self.batch_items_max, "a batch of {} items is over the maximum", batch.len());
        if let Some(arrivals) = &self.arrivals {
            arrivals.note(batch);
        }
        self.handle_sum(batch.len(), batch.iter().fold(0_u64, |sum, item| sum.wrapping_add(*item)));
    }

    /// Handles one batch whose items' sum is known.
    pub fn handle_sum(&self, items: usize, sum: u64) {
        self.sum.fetch_add(sum, Ordering::Relaxed);
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.items.fetch_add(items as u64, Ordering::Release);
    }

    /// Items handled until now.
    pub fn items(&self) -> u64 {
        self.items.load(Ordering::Acquire)
    }

    /// Batches handled until now.
    pub fn batches(&self) -> u64 {
        self.batches.load(Ordering::SeqCst)
    }

    /// Panics unless the batches held the whole load, exactly once; returns how many batches there were.
    pub fn verify(&self, load: Load) -> u64 {
        self.verify_sum(load.items, load.expected_sum())
    }

    /// Panics unless the batches held this many items with this sum; returns how many batches there were.
    pub fn verify_sum(&self, items: u64, sum: u64) -> u64 {
        assert_eq!(self.items(), items, "items handled, items put");
        assert_eq!(self.sum.load(Ordering::SeqCst), sum, "sum handled, sum put");
        self.batches.load(Ordering::SeqCst)
    }

    /// How long each item was on its way, in the order of the batches; empties the notes.
    pub fn take_waits_ns(&self) -> Vec<u64> {
        let take = |arrivals: &Arrivals| std::mem::take(&mut *arrivals.waits_ns());
        self.arrivals.as_ref().map(take).unwrap_or_default()
    }
}

impl Arrivals {
    fn note(&self, batch: &[u64]) {
        let now_ns = self.epoch.elapsed().as_nanos() as u64;
        self.waits_ns().extend(batch.iter().map(|put_ns| now_ns.saturating_sub(*put_ns)));
    }

    fn waits_ns(&self) -> std::sync::MutexGuard<'_, Vec<u64>> {
        self.waits_ns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
