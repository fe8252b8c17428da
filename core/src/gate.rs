//! The gate before the lanes: what a batcher asks of its deduplication window. Before it: [`crate::batcher`]; after
//! it: [`crate::put`].
//!
//! An item's key is claimed before the item looks for room, so of two puts of one key only one goes on. The claim
//! travels with the item, in the slab, and ends with the item's outcome: a success leaves the key remembered, anything
//! else releases it, so that the key may be put again at once.
//!
//! The engine knows no key type: [`crate::dedup`] implements this trait over it.

use crate::clock::NEVER_NS;
use crate::engine::Engine;
use crate::error::{PutError, TicketError};
use crate::handler;
use crate::ticket::TicketEnd;
use std::sync::atomic::Ordering::Relaxed;

/// The right to say what becomes of a key: names its entry in the window, without the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Claim {
    pub(crate) hash: u64,
    pub(crate) generation: u32,
    pub(crate) entry: u32,
}

impl Claim {
    /// Of an item that came in without a claim.
    pub(crate) const NONE: Self = Self { hash: 0, generation: u32::MAX, entry: u32::MAX };
}

/// Why a key was not claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is remembered.
    Duplicate,
    /// As many keys as the cap allows are remembered.
    WindowFull,
}

impl Refusal {
    pub(crate) fn of<T>(self, item: T) -> PutError<T> {
        match self {
            Self::Duplicate => PutError::Duplicate(item),
            Self::WindowFull => PutError::WindowFull(item),
        }
    }
}

/// How a submitted item was received.
pub(crate) enum Admission<R> {
    /// Its key is new; the ticket's end goes on with the item.
    New(Claim, TicketEnd<R>),
    /// Its key is remembered; the ticket will get, or has got, the first item's outcome.
    Joined,
    Refused(Refusal, TicketEnd<R>),
}

/// A deduplication window as the engine sees it. Claiming calls user code: the key's function and its hash under no
/// lock of ours, the comparison of two keys under one.
pub(crate) trait Gate<T, R>: Send + Sync {
    /// Claims the key of an item that is put.
    fn claim(&self, item: &T, now_ns: u64) -> Result<Claim, Refusal>;

    /// Claims the key of an item that is submitted, or lets its ticket join the first item of that key.
    fn claim_or_join(&self, item: &T, now_ns: u64, ticket: TicketEnd<R>) -> Admission<R>;

    /// Whether successes must be told, too: somebody may have joined them, or may yet.
    fn wants_successes(&self) -> bool;

    /// Ends a claim with the item's outcome, and tells whoever joined it.
    fn settle(&self, claim: Claim, outcome: Result<&R, &TicketError>);

    /// Ends the claim of an item that its own submitter has given up; or, if another has joined it, leaves the claim
    /// standing and returns the ticket that the item belongs to from now on.
    fn pass_on(&self, claim: Claim) -> Option<TicketEnd<R>>;

    /// What it remembers.
    fn memory(&self) -> &dyn Memory;
}

/// What a window remembers, whatever its keys are.
pub(crate) trait Memory {
    /// Times a key was remembered.
    fn duplicates(&self) -> u64;

    /// Forgets what has expired, if a sweep is due, and gives memory back.
    fn sweep_if_due(&self);

    /// When a sweep is due; `NEVER_NS` when nothing is remembered.
    fn sweep_due_ns(&self) -> u64;

    /// Forgets everything.
    fn forget_all(&self);

    /// What it has counted.
    #[cfg(feature = "dedup")]
    fn window_stats(&self) -> crate::dedup::WindowStats;
}

impl<T, R> Engine<T, R> {
    /// The window, unless there is none or the batcher is closed: then a put is refused for that, whatever its key.
    #[inline]
    fn gate(&self) -> Option<&dyn Gate<T, R>> {
        self.settings.gate.as_deref().filter(|_| self.is_open())
    }

    /// Claims the key of an item that is put.
    #[inline]
    pub(crate) fn claim(&self, item: &T) -> Result<Claim, Refusal> {
        self.gate().map_or(Ok(Claim::NONE), |gate| gate.claim(item, self.now_ns()))
    }

    /// Claims the key of an item that is submitted, or joins the first one.
    #[inline]
    pub(crate) fn claim_or_join(&self, item: &T, ticket: TicketEnd<R>) -> Admission<R> {
        match self.gate() {
            Some(gate) => gate.claim_or_join(item, self.now_ns(), ticket),
            None => Admission::New(Claim::NONE, ticket),
        }
    }

    /// Ends the claim of an item that has no success; `why` is for those who joined it.
    #[inline]
    pub(crate) fn release(&self, claim: Claim, why: &TicketError) {
        if let Some(gate) = self.settings.gate.as_ref().filter(|_| claim != Claim::NONE) {
            gate.settle(claim, Err(why));
        }
    }

    pub(crate) fn count_joined(&self) {
        self.joined.fetch_add(1, Relaxed);
    }

    /// Lets the window forget what has expired, at a quiet time: before a consumer enlists to wait, since keys are
    /// dropped there, and their drops are user code.
    pub(crate) fn sweep_keys(&self) {
        if let Some(gate) = &self.settings.gate {
            let _inside = handler::Inside::handler(self.id);
            gate.memory().sweep_if_due();
        }
    }

    /// When an idle consumer must sweep again.
    pub(crate) fn sweep_due_ns(&self) -> u64 {
        self.settings.gate.as_ref().map_or(NEVER_NS, |gate| gate.memory().sweep_due_ns())
    }

    #[cfg(feature = "dedup")]
    pub(crate) fn window_stats(&self) -> Option<crate::dedup::WindowStats> {
        self.settings.gate.as_ref().map(|gate| gate.memory().window_stats())
    }

    /// Duplicates whose putters were told so; those that joined are not among them.
    pub(crate) fn told_duplicates(&self) -> u64 {
        let joined = self.joined.load(Relaxed);
        self.settings.gate.as_ref().map_or(0, |gate| gate.memory().duplicates().saturating_sub(joined))
    }
}

/// A claim whose item is not accepted yet: released unless it is kept, also when user code panics on the way.
pub(crate) struct Pending<'a, T, R> {
    engine: &'a Engine<T, R>,
    claim: Claim,
}

impl<'a, T, R> Pending<'a, T, R> {
    #[inline]
    pub(crate) fn new(engine: &'a Engine<T, R>, claim: Claim) -> Self {
        Self { engine, claim }
    }

    /// The item was accepted: its outcome will end the claim.
    #[inline]
    pub(crate) fn keep(self) {
        std::mem::forget(self);
    }
}

impl<T, R> Drop for Pending<'_, T, R> {
    fn drop(&mut self) {
        self.engine.release(self.claim, &TicketError::NotAccepted);
    }
}
