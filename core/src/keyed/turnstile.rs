//! The turnstile: whose turn it is. Keys with a sealed batch stand in one line, each at most once, so a busy key
//! can not hold up the others; and open batches wait for their time in a heap.

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

#[derive(Default)]
pub(super) struct Turnstile {
    line: VecDeque<(usize, usize)>,
    timers: BinaryHeap<Reverse<Ticket>>,
    /// Which opening of each slot, by shard, has a timer that counts.
    current: Vec<Vec<u64>>,
    /// Timers of openings that have ended.
    stale: usize,
}

/// Fewer stale timers than this are left to run out.
const STALE_MAX: usize = 64;

impl Turnstile {
    pub(super) fn get_in_line(&mut self, shard: usize, slot: usize) {
        self.line.push_back((shard, slot));
    }

    pub(super) fn set_timer(&mut self, ticket: Ticket) {
        *self.current_of(ticket.shard, ticket.slot) = ticket.opening;
        self.timers.push(Reverse(ticket));
    }

    /// The open batch of a slot was sealed: its timers are stale. Sweeps them out when they are the most.
    pub(super) fn end_opening(&mut self, shard: usize, slot: usize) {
        *self.current_of(shard, slot) = 0;
        self.stale += 1;
        if self.stale > STALE_MAX && self.stale > self.timers.len() / 2 {
            let current = &self.current;
            self.timers.retain(|Reverse(ticket)| current[ticket.shard][ticket.slot] == ticket.opening);
            self.stale = 0;
        }
    }

    fn current_of(&mut self, shard: usize, slot: usize) -> &mut u64 {
        if self.current.len() <= shard {
            self.current.resize_with(shard + 1, Vec::new);
        }
        let slots = &mut self.current[shard];
        if slots.len() <= slot {
            slots.resize(slot + 1, 0);
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
        self.timers.pop().map_or(Turn::Nothing, |Reverse(ticket)| Turn::Seal(ticket))
    }

    pub(super) fn soonest_ns(&self) -> u64 {
        self.timers.peek().map_or(NEVER_NS, |Reverse(ticket)| ticket.due_ns)
    }

    pub(super) fn has_turns(&self, now_ns: u64) -> bool {
        !self.line.is_empty() || self.soonest_ns() <= now_ns
    }
}
