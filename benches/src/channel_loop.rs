//! The consumer loop of a channel-plus-loop batcher, tuned: what a careful author would write by hand.
//!
//! It empties the channel with `try_recv` (or a drain) and no clock; pauses briefly when the channel runs dry, where
//! that pays; reads the clock only with a batch begun, and then waits for the rest of the linger. The batch buffer
//! is reused. One loop serves all channels, so that they differ by the channel alone.

use std::{
    hint::spin_loop,
    thread::yield_now,
    time::{Duration, Instant},
};

/// The receiving end of a channel, as the loop sees it.
pub trait Source<T>: Send + 'static {
    /// What the consumer does on an empty channel before it looks again and then sleeps.
    const PAUSE: Pause;

    /// Moves what is there into `former`; returns when the channel is empty or closed.
    fn take_ready<H: FnMut(&mut Vec<T>)>(&mut self, former: &mut BatchFormer<T, H>);

    /// Waits for an item; `None` when the channel is closed and empty.
    fn wait(&mut self) -> Option<T>;

    /// Waits for an item, but not longer than `limit`.
    fn wait_for(&mut self, limit: Duration) -> Waited<T>;
}

/// A short wait that lets the producers get ahead, so that the two sides do not fight over each item's line.
#[derive(Debug, Clone, Copy)]
pub struct Pause {
    /// Spin hints first.
    pub spins: u32,
    /// Then so many times the rest of the time slice.
    pub yields: u32,
}

impl Pause {
    /// The best found for the lock-free channels; it makes crossbeam twice as fast.
    pub const SPIN_THEN_YIELD: Self = Self { spins: 1_000, yields: 4 };
    /// The best found for the channels with a lock: the time-out of the wait itself is enough.
    pub const NONE: Self = Self { spins: 0, yields: 0 };

    fn wait(self) {
        (0..self.spins).for_each(|_| spin_loop());
        (0..self.yields).for_each(|_| yield_now());
    }
}

/// How a bounded wait for an item ended.
#[derive(Debug)]
pub enum Waited<T> {
    /// With an item.
    Item(T),
    /// Without one.
    TimedOut,
    /// The channel is closed and empty.
    Closed,
}

/// What the loop does with a partial batch when the channel is empty.
#[derive(Debug, Clone, Copy)]
pub enum Partial {
    /// Waits this long for more.
    Linger(Duration),
    /// Handles it at once.
    Demand,
}

/// The batch being formed; handles it when it is full.
#[derive(Debug)]
pub struct BatchFormer<T, H> {
    batch_items_max: usize,
    batch: Vec<T>,
    deadline: Option<Instant>,
    handle: H,
}

impl<T, H: FnMut(&mut Vec<T>)> BatchFormer<T, H> {
    /// A former that calls `handle` for each batch of at most this many.
    pub fn new(batch_items_max: usize, handle: H) -> Self {
        Self { batch_items_max, batch: Vec::with_capacity(batch_items_max), deadline: None, handle }
    }

    /// Adds an item; a full batch is handled before this returns.
    #[inline]
    pub fn push(&mut self, item: T) {
        self.batch.push(item);
        if self.batch.len() == self.batch_items_max {
            self.seal();
        }
    }

    fn seal(&mut self) {
        if !self.batch.is_empty() {
            (self.handle)(&mut self.batch);
        }
        self.batch.clear();
        self.deadline = None;
    }

    fn remaining(&mut self, linger: Duration) -> Duration {
        let now = Instant::now();
        let deadline = *self.deadline.get_or_insert(now + linger);
        deadline.saturating_duration_since(now)
    }
}

/// Pauses and looks again; if there is still nothing, sleeps until there is, or until the batch is due.
fn wait_for_more<T, S: Source<T>, H: FnMut(&mut Vec<T>)>(
    source: &mut S,
    former: &mut BatchFormer<T, H>,
    partial: Partial,
) -> Waited<T> {
    S::PAUSE.wait();
    match partial {
        Partial::Linger(linger) if !former.batch.is_empty() => source.wait_for(former.remaining(linger)),
        _ => source.wait().map_or(Waited::Closed, Waited::Item),
    }
}

/// Runs until the channel is closed and everything was handled.
pub fn run<T, S: Source<T>>(
    mut source: S,
    batch_items_max: usize,
    partial: Partial,
    handle: impl FnMut(&mut Vec<T>),
) {
    let mut former = BatchFormer::new(batch_items_max, handle);
    loop {
        source.take_ready(&mut former);
        let waited = match partial {
            Partial::Demand if !former.batch.is_empty() => Waited::TimedOut,
            _ => wait_for_more(&mut source, &mut former, partial),
        };
        match waited {
            Waited::Item(item) => former.push(item),
            Waited::TimedOut => former.seal(),
            Waited::Closed => return former.seal(),
        }
    }
}
