//! Items that count their drops, and a tiny executor.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// How often each item was dropped.
#[derive(Clone, Debug)]
pub(crate) struct Drops(Arc<[AtomicU32]>);

/// An item that counts its drop. The payload makes a double drop visible to sanitizers too.
#[derive(Debug)]
pub(crate) struct Tracked {
    pub(crate) id: usize,
    drops: Drops,
    _heap: Box<usize>,
}

impl Drops {
    pub(crate) fn new(items: usize) -> Self {
        Self((0..items).map(|_| AtomicU32::new(0)).collect())
    }

    pub(crate) fn item(&self, id: usize) -> Tracked {
        Tracked { id, drops: self.clone(), _heap: Box::new(id) }
    }

    pub(crate) fn items(&self) -> Vec<Tracked> {
        (0..self.0.len()).map(|id| self.item(id)).collect()
    }

    pub(crate) fn of(&self, id: usize) -> u32 {
        self.0[id].load(SeqCst)
    }

    pub(crate) fn total(&self) -> u32 {
        self.0.iter().map(|drops| drops.load(SeqCst)).sum()
    }

    /// Every item was dropped exactly once.
    #[track_caller]
    pub(crate) fn assert_each_once(&self) {
        let wrong: Vec<_> = self
            .0
            .iter()
            .map(|drops| drops.load(SeqCst))
            .enumerate()
            .filter(|(_, drops)| *drops != 1)
            .collect();
        assert!(wrong.is_empty(), "items and their drops: {wrong:?}");
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.drops.0[self.id].fetch_add(1, SeqCst);
    }
}

struct ThreadWaker(Thread);

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread. Whoever calls it stands under a watchdog.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(ThreadWaker(thread::current())));
    let (mut future, mut context) = (pin!(future), Context::from_waker(&waker));
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        thread::park();
    }
}
