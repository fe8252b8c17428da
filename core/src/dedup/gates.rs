//! The two gates of a batcher: one refuses duplicates, the other lets submitted ones join the first.
//!
//! ```text
//! refusing   key -> ()        a success costs nothing: the key just stays
//! joining    key -> Awaited   the first is on its way, and nobody has joined it
//!                   Joined    somebody has: their tickets are in `waiting`, under the first one's claim
//!                   Known     it succeeded: its reply
//! ```
//!
//! `waiting` is locked inside a shard's lock, never the other way round; so whoever joins either is in the list before
//! the claim ends, or finds the reply, or finds the key released. Tickets are settled and replies copied outside both.

use super::map::{Inserted, TimePartitionedMap};
use super::stats::WindowStats;
use crate::clock::NEVER_NS;
use crate::error::TicketError;
use crate::failure::Failure;
use crate::gate::{Admission, Claim, Gate, Memory, Refusal};
use crate::shield::shielded;
use crate::sync::{Mutex, lock};
use crate::ticket::TicketEnd;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

/// Over so many locks the joined tickets spread.
const WAITING_LISTS: usize = 16;

/// Refuses duplicates.
pub(crate) struct RefusingGate<K, F> {
    map: TimePartitionedMap<K, ()>,
    key_of: F,
}

impl<K, F> RefusingGate<K, F> {
    pub(crate) fn new(map: TimePartitionedMap<K, ()>, key_of: F) -> Self {
        Self { map, key_of }
    }
}

impl<T, R, K, F> Gate<T, R> for RefusingGate<K, F>
where
    K: Hash + Eq + Send,
    F: Fn(&T) -> K + Send + Sync,
{
    fn claim(&self, item: &T, now_ns: u64) -> Result<Claim, Refusal> {
        claim(&self.map, now_ns, (self.key_of)(item), ())
    }

    fn claim_or_join(&self, item: &T, now_ns: u64, ticket: TicketEnd<R>) -> Admission<R> {
        match Gate::<T, R>::claim(self, item, now_ns) {
            Ok(claim) => Admission::New(claim, ticket),
            Err(refusal) => Admission::Refused(refusal, ticket),
        }
    }

    fn wants_successes(&self) -> bool {
        false
    }

    fn settle(&self, claim: Claim, outcome: Result<&R, &TicketError>) {
        if outcome.is_err() {
            self.map.release(claim);
        }
    }

    fn pass_on(&self, claim: Claim) -> Option<TicketEnd<R>> {
        self.map.release(claim);
        None
    }

    fn memory(&self) -> &dyn Memory {
        &self.map
    }
}

impl<K: Send, V: Send> Memory for TimePartitionedMap<K, V> {
    fn duplicates(&self) -> u64 {
        self.duplicates()
    }

    fn sweep_if_due(&self) {
        if self.sweep_due_ns() != NEVER_NS {
            let now_ns = self.now_ns();
            if self.sweep_due_ns() <= now_ns {
                self.sweep_at(now_ns);
            }
        }
    }

    fn sweep_due_ns(&self) -> u64 {
        self.sweep_due_ns()
    }

    fn forget_all(&self) {
        self.clear();
    }

    fn window_stats(&self) -> WindowStats {
        self.stats()
    }
}

/// The claim of a new key.
fn claim<K: Hash + Eq, V>(
    map: &TimePartitionedMap<K, V>,
    now_ns: u64,
    key: K,
    value: V,
) -> Result<Claim, Refusal> {
    match map.insert_or(now_ns, key, value, |_, _| ()) {
        Inserted::Claimed(claim) => Ok(claim),
        Inserted::Present(..) => Err(Refusal::Duplicate),
        Inserted::Full(..) => Err(Refusal::WindowFull),
    }
}

/// What is known of the first item of a key.
pub(crate) enum Reply<R> {
    Awaited,
    Joined,
    Known(Arc<R>),
}

type Waiting<R> = Mutex<HashMap<Claim, VecDeque<TicketEnd<R>>>>;

/// Lets submitted duplicates join the first item.
pub(crate) struct JoiningGate<K, R, F> {
    map: TimePartitionedMap<K, Reply<R>>,
    key_of: F,
    waiting: [Waiting<R>; WAITING_LISTS],
}

impl<K: Hash + Eq, R: Clone, F> JoiningGate<K, R, F> {
    pub(crate) fn new(map: TimePartitionedMap<K, Reply<R>>, key_of: F) -> Self {
        Self { map, key_of, waiting: std::array::from_fn(|_| Mutex::new(HashMap::new())) }
    }

    fn waiting(&self, claim: Claim) -> &Waiting<R> {
        &self.waiting[(claim.hash >> 16) as usize % WAITING_LISTS]
    }

    fn take_waiting(&self, claim: Claim) -> VecDeque<TicketEnd<R>> {
        lock(self.waiting(claim)).remove(&claim).unwrap_or_default()
    }

    /// The next that has joined; the claim ends when there is none.
    fn next_waiting(&self, claim: Claim) -> Option<TicketEnd<R>> {
        self.map.release_unless(claim, || {
            let mut waiting = lock(self.waiting(claim));
            let list = waiting.get_mut(&claim)?;
            let next = list.pop_front();
            if list.is_empty() {
                waiting.remove(&claim);
            }
            next
        })
    }

    /// Remembers a reply; returns who waits for it.
    fn commit(&self, claim: Claim, reply: &Arc<R>) -> VecDeque<TicketEnd<R>> {
        self.map.with_claimed(claim, |known| match known.map(|known| replace(known, reply.clone())) {
            Some(Reply::Awaited) => VecDeque::new(),
            // With its key forgotten meanwhile, nothing says whether somebody has joined.
            _ => self.take_waiting(claim),
        })
    }

    fn release(&self, claim: Claim) -> VecDeque<TicketEnd<R>> {
        let mut joined = VecDeque::new();
        self.map.release_unless(claim, || {
            joined = self.take_waiting(claim);
            None::<()>
        });
        joined
    }
}

fn replace<R>(known: &mut Reply<R>, reply: Arc<R>) -> Reply<R> {
    std::mem::replace(known, Reply::Known(reply))
}

/// A copy of a reply, whose `Clone` is the user's.
fn copy<R: Clone>(reply: &R) -> Result<R, TicketError> {
    let mut copied = None;
    shielded(|| copied = Some(reply.clone()));
    let panicked = || TicketError::Failed(Failure::Panicked(Arc::from("the reply's Clone panicked")));
    copied.ok_or_else(panicked)
}

fn settle_if_wanted<R>(ticket: TicketEnd<R>, outcome: impl FnOnce() -> Result<R, TicketError>) {
    if ticket.begin() {
        ticket.settle(outcome());
    }
}

impl<T, R, K, F> Gate<T, R> for JoiningGate<K, R, F>
where
    K: Hash + Eq + Send,
    R: Clone + Send + Sync,
    F: Fn(&T) -> K + Send + Sync,
{
    fn claim(&self, item: &T, now_ns: u64) -> Result<Claim, Refusal> {
        claim(&self.map, now_ns, (self.key_of)(item), Reply::Awaited)
    }

    fn claim_or_join(&self, item: &T, now_ns: u64, ticket: TicketEnd<R>) -> Admission<R> {
        let mut offered = Some(ticket);
        let join = |known: &mut Reply<R>, claim| match known {
            Reply::Known(reply) => Some(reply.clone()),
            Reply::Awaited | Reply::Joined => {
                *known = Reply::Joined;
                lock(self.waiting(claim)).entry(claim).or_default().extend(offered.take());
                None
            }
        };
        let inserted = self.map.insert_or(now_ns, (self.key_of)(item), Reply::Awaited, join);
        match (inserted, offered) {
            (Inserted::Claimed(claim), Some(ticket)) => Admission::New(claim, ticket),
            (Inserted::Full(..), Some(ticket)) => Admission::Refused(Refusal::WindowFull, ticket),
            (Inserted::Present(.., Some(reply)), Some(ticket)) => {
                settle_if_wanted(ticket, || copy(&*reply));
                Admission::Joined
            }
            _ => Admission::Joined,
        }
    }

    fn wants_successes(&self) -> bool {
        true
    }

    fn settle(&self, claim: Claim, outcome: Result<&R, &TicketError>) {
        let outcome = outcome.map_err(TicketError::clone).and_then(|reply| copy(reply).map(Arc::new));
        let joined = match &outcome {
            Ok(reply) => self.commit(claim, reply),
            Err(_) => self.release(claim),
        };
        for ticket in joined {
            settle_if_wanted(ticket, || outcome.clone().and_then(|reply| copy(&*reply)));
        }
        // The last of the reply, where the window has forgotten its key: the reply's drop is the user's.
        shielded(|| drop(outcome));
    }

    fn pass_on(&self, claim: Claim) -> Option<TicketEnd<R>> {
        std::iter::from_fn(|| self.next_waiting(claim)).find(TicketEnd::begin)
    }

    fn memory(&self) -> &dyn Memory {
        &self.map
    }
}
