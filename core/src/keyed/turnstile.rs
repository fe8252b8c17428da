//! The turnstile: whose turn it is. Keys with a sealed batch stand in one line, each at most once, so a busy key
//! can not hold up the others; and open batches wait for their time in a heap.
//!
//! A timer is *live* while the opening it was set for is the slot's current one and no earlier timer replaced it.
//! The others are stale: they are passed over, and swept out when they are the most.

use crate::clock::NEVER_NS;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// The batch that a timer is set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket {
    pub(super) due_ns: u64,
    pub(super) shard: usize,
    pub(super) slot: usize,
    pub(super) opening: u64,
}

/// What a worker is to do next.
pub(super) enum Turn {
    /// Seal this open batch.
    Seal(Ticket),
    /// Handle a batch of the slot in this shard.
    Handle(usize, usize),
    Nothing,
}

/// A slot's live timer: the opening, and when it is due.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Current {
    opening: u64,
    due_ns: u64,
}

#[derive(Default)]
pub(super) struct Turnstile {
    line: VecDeque<(usize, usize)>,
    timers: BinaryHeap<Reverse<Ticket>>,
    /// The live timer of each slot, by shard.
    current: Vec<Vec<Current>>,
    live: usize,
}

/// Fewer stale timers than this are left to run out.
const STALE_MAX: usize = 64;

impl Turnstile {
    pub(super) fn get_in_line(&mut self, shard: usize, slot: usize) {
        self.line.push_back((shard, slot));
    }

    /// Sets a slot's timer, unless its opening has an earlier one.
    pub(super) fn set_timer(&mut self, ticket: Ticket) {
        let Ticket { due_ns, shard, slot, opening } = ticket;
        let current = self.current_of(shard, slot);
        if current.opening > opening || current.opening == opening && current.due_ns <= due_ns {
            return;
        }
        let replaces = current.opening != 0;
        *current = Current { opening, due_ns };
        self.live += usize::from(!replaces);
        self.timers.push(Reverse(ticket));
        self.sweep();
    }

    /// An open batch of a slot was sealed: its timer is stale. A later opening may have set its own by now.
    pub(super) fn end_opening(&mut self, shard: usize, slot: usize, opening: u64) {
        let current = self.current_of(shard, slot);
        if (1..=opening).contains(&current.opening) {
            *current = Current::default();
            self.live -= 1;
            self.sweep();
        }
    }

    /// Takes stale timers off the top; and all of them when they are the most.
    fn sweep(&mut self) {
        let Self { timers, current, live, .. } = self;
        if timers.len() > 2 * *live + STALE_MAX {
            timers.retain(|Reverse(ticket)| is_live(current, ticket));
        }
        while timers.peek().is_some_and(|Reverse(ticket)| !is_live(current, ticket)) {
            timers.pop();
        }
    }

    fn current_of(&mut self, shard: usize, slot: usize) -> &mut Current {
        if self.current.len() <= shard {
            self.current.resize_with(shard + 1, Vec::new);
        }
        let slots = &mut self.current[shard];
        if slots.len() <= slot {
            slots.resize(slot + 1, Current::default());
        }
        &mut slots[slot]
    }

    /// The next turn at `now_ns`: due batches first, so that busy keys never make a slow one late.
    pub(super) fn next(&mut self, now_ns: u64) -> Turn {
        if self.soonest_ns() <= now_ns {
            return self.oldest();
        }
        self.line.pop_front().map_or(Turn::Nothing, |(shard, slot)| Turn::Handle(shard, slot))
    }

    /// The open batch whose time comes first, due or not.
    pub(super) fn oldest(&mut self) -> Turn {
        let Some(Reverse(ticket)) = self.timers.pop() else { return Turn::Nothing };
        self.end_opening(ticket.shard, ticket.slot, ticket.opening);
        self.sweep();
        Turn::Seal(ticket)
    }

    /// When the first live timer is due; the top of the heap is always live.
    pub(super) fn soonest_ns(&self) -> u64 {
        self.timers.peek().map_or(NEVER_NS, |Reverse(ticket)| ticket.due_ns)
    }

    pub(super) fn has_turns(&self, now_ns: u64) -> bool {
        !self.line.is_empty() || self.soonest_ns() <= now_ns
    }
}

fn is_live(current: &[Vec<Current>], ticket: &Ticket) -> bool {
    current[ticket.shard][ticket.slot] == Current { opening: ticket.opening, due_ns: ticket.due_ns }
}
