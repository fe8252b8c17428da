//! Who is being handled: a count of batches between taking and completing, in two halves so that a flush can
//! wait for the older half while new batches go into the other.
//!
//! 1. *enter*: read the epoch, add one to its half, read the epoch again; if it moved, undo and retry.
//! 2. *exit*: subtract one from the half that was entered.
//! 3. A flush, one at a time, first waits until its items are taken, and until the idle half is empty (an earlier
//!    flush may have timed out over it); then it moves the epoch on and waits for the old half to come to zero.
//!    Batches enter before they take, so every item that was taken before the move is in the old half or has
//!    its outcome.

use crate::sync::{AtomicU64, fence};
use crossbeam_utils::CachePadded;
use std::sync::atomic::Ordering::{AcqRel, Acquire, SeqCst};

pub(crate) struct InFlight {
    epoch: CachePadded<AtomicU64>,
    halves: [CachePadded<AtomicU64>; 2],
}

/// The half that a batch has entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Half(usize);

impl InFlight {
    pub(crate) fn new() -> Self {
        let zero = || CachePadded::new(AtomicU64::new(0));
        Self { epoch: zero(), halves: [zero(), zero()] }
    }

    pub(crate) fn enter(&self) -> Half {
        loop {
            let epoch = self.epoch.load(Acquire);
            let half = (epoch % 2) as usize;
            self.halves[half].fetch_add(1, AcqRel);
            fence(SeqCst);
            if self.epoch.load(Acquire) == epoch {
                return Half(half);
            }
            self.halves[half].fetch_sub(1, AcqRel);
        }
    }

    /// True for the last one of its half.
    pub(crate) fn exit(&self, half: Half) -> bool {
        self.halves[half.0].fetch_sub(1, AcqRel) == 1
    }

    /// Directs new batches to the other half; returns the one to wait for.
    pub(crate) fn turn(&self) -> Half {
        let old = self.epoch.fetch_add(1, AcqRel);
        fence(SeqCst);
        Half((old % 2) as usize)
    }

    /// The half that no new batch enters.
    pub(crate) fn idle_half(&self) -> Half {
        Half(((self.epoch.load(Acquire) + 1) % 2) as usize)
    }

    pub(crate) fn is_half_empty(&self, half: Half) -> bool {
        self.halves[half.0].load(Acquire) == 0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.halves.iter().all(|half| half.load(Acquire) == 0)
    }
}
