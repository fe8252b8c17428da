//! The ways to dispatch, behind one handler type: workers, callers, pollers; with and without one order for all.

use super::assert_balanced;
use batchline::{Batch, Batcher, Builder, Deadline, Dispatch, Receipt};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Thread(usize),
    Caller,
    Poll(usize),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Mode {
    pub(crate) kind: Kind,
    pub(crate) ordered: bool,
}

pub(crate) const MODES: [Mode; 8] = [
    Mode { kind: Kind::Thread(1), ordered: false },
    Mode { kind: Kind::Thread(1), ordered: true },
    Mode { kind: Kind::Thread(3), ordered: false },
    Mode { kind: Kind::Caller, ordered: false },
    Mode { kind: Kind::Caller, ordered: true },
    Mode { kind: Kind::Poll(1), ordered: false },
    Mode { kind: Kind::Poll(1), ordered: true },
    Mode { kind: Kind::Poll(2), ordered: false },
];

/// A batcher with whoever polls it.
#[derive(Debug)]
pub(crate) struct Rig<T: Send + 'static> {
    pub(crate) batcher: Arc<Batcher<T>>,
    pollers: Vec<JoinHandle<()>>,
}

impl Mode {
    pub(crate) fn has_one_consumer(self) -> bool {
        !matches!(self.kind, Kind::Thread(2..) | Kind::Poll(2..))
    }

    /// Starts a batcher whose batches go to `handler`, by this mode.
    pub(crate) fn start<T: Send + 'static>(
        self,
        builder: Builder<T>,
        handler: impl Fn(&mut [T]) -> Result<(), String> + Send + Sync + 'static,
    ) -> Rig<T> {
        let builder = builder.ordered(self.ordered);
        let run = move |batch: &mut Batch<T>| handler(batch);
        match self.kind {
            Kind::Thread(workers) => Rig::new(builder.workers(workers).build(run)),
            Kind::Caller => Rig::new(builder.dispatch(Dispatch::Caller).build(run)),
            Kind::Poll(_) => unreachable!("polled batches are slices: see `start_any`"),
        }
    }

    /// As `start`, also for pollers.
    pub(crate) fn start_any<T: Send + 'static>(
        self,
        builder: Builder<T>,
        handler: impl Fn(&mut [T]) -> Result<(), String> + Send + Sync + 'static,
    ) -> Rig<T> {
        let Kind::Poll(pollers) = self.kind else { return self.start(builder, handler) };
        let mut rig = Rig::new(builder.ordered(self.ordered).build_poll());
        let handler = Arc::new(handler);
        for _ in 0..pollers {
            let (batcher, handler) = (rig.batcher.clone(), handler.clone());
            rig.pollers.push(thread::spawn(move || {
                while let Some(mut batch) = batcher.next_batch(Duration::MAX) {
                    if let Err(error) = handler(&mut batch) {
                        batch.fail_all(error);
                    }
                }
            }));
        }
        rig
    }
}

impl<T: Send + 'static> Rig<T> {
    fn new(batcher: Result<Batcher<T>, batchline::BuildError>) -> Self {
        Self { batcher: Arc::new(batcher.expect("the settings work")), pollers: Vec::new() }
    }

    /// Closes, waits for the pollers, and checks the ledger.
    #[track_caller]
    pub(crate) fn close(self) -> Receipt<T> {
        let receipt = self.batcher.close(Deadline::never());
        self.end();
        assert!(receipt.is_balanced() && !receipt.timed_out && receipt.items.is_empty());
        receipt
    }

    /// Waits for the pollers of a batcher that is closed, and checks the ledger.
    #[track_caller]
    pub(crate) fn end(self) {
        for poller in self.pollers {
            poller.join().expect("a poller does not panic");
        }
        super::eventually("every item has its outcome", || self.batcher.stats().live == 0);
        assert_balanced(&self.batcher.stats());
    }
}
