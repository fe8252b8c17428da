//! Which lanes may hold items: one bit per lane, so that workers pass over idle lanes without touching them.
//!
//! Invariant: a lane with published items that no consumer is just looking at has its bit set. It holds
//! because the two words of a lane change in opposite orders:
//!
//! 1. a producer that opens a batch publishes, stores `armed = 1`, then *sets* the bit (one locked
//!    instruction, always, also when the bit is set already);
//! 2. a consumer that disarms a lane, under its claim, *clears* the bit, then stores `armed = 0`, issues the
//!    heavy barrier, and takes what is published.
//!
//! If the clear comes first in the order of that word, the bit ends set. If it comes second, the consumer has
//! synchronised with the producer, its `armed = 0` is the later store, and it sees what was published. The
//! bad end, armed with a clear bit, is reached by neither: there a producer would publish unseen.
//!
//! One odd end is left: a consumer takes the item between its publish and `armed = 1`, and the lane stands armed,
//! active and empty. A consumer that parks disarms such lanes first (see `is_any_armed_in_vain`).

use crate::sync::AtomicU64;
use crate::table::Table;
use crossbeam_utils::CachePadded;
use std::sync::atomic::Ordering::{AcqRel, Acquire};

pub(crate) struct ActiveSet {
    words: Table<CachePadded<AtomicU64>>,
}

fn place(lane: usize) -> (usize, u64) {
    (lane / 64, 1 << (lane % 64))
}

impl ActiveSet {
    pub(crate) fn new() -> Self {
        Self { words: Table::new() }
    }

    /// Makes room for `lane`; lanes come in order.
    pub(crate) fn make_room(&self, lane: usize) {
        while self.words.len() <= lane / 64 {
            self.words.push(|_| CachePadded::new(AtomicU64::new(0)));
        }
    }

    pub(crate) fn set(&self, lane: usize) {
        let (word, bit) = place(lane);
        self.words.get(word).fetch_or(bit, AcqRel);
    }

    pub(crate) fn clear(&self, lane: usize) {
        let (word, bit) = place(lane);
        self.words.get(word).fetch_and(!bit, AcqRel);
    }

    /// The active lanes, from `from` on and then round to it, so that no lane is always the first.
    pub(crate) fn iter_from(&self, from: usize) -> impl Iterator<Item = usize> + '_ {
        let words = self.words.len();
        let (first, bit) = if words == 0 { (0, 1) } else { (from / 64 % words, 1_u64 << (from % 64)) };
        let ahead = !(bit - 1);
        (0..=words).flat_map(move |step| {
            let word = (first + step) % words.max(1);
            let mask = match step {
                0 => ahead,
                step if step == words => !ahead,
                _ => u64::MAX,
            };
            let bits = if words == 0 { 0 } else { self.words.get(word).load(Acquire) & mask };
            Bits(bits).map(move |bit| word * 64 + bit)
        })
    }
}

/// The positions of the set bits of a word.
struct Bits(u64);

impl Iterator for Bits {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

#[cfg(all(test, not(any(batchline_loom, batchline_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn visits_every_active_lane_once_from_any_start() {
        let set = ActiveSet::new();
        set.make_room(200);
        let lanes = [0, 1, 63, 64, 130, 200];
        lanes.iter().for_each(|&lane| set.set(lane));
        for from in [0, 1, 2, 64, 100, 199, 200, 255] {
            let mut seen: Vec<_> = set.iter_from(from).collect();
            assert_eq!(seen.first(), lanes.iter().find(|&&lane| lane >= from).or(lanes.first()));
            seen.sort_unstable();
            assert_eq!(seen, lanes, "from {from}");
        }
    }

    #[test]
    fn an_empty_set_has_no_lanes() {
        assert_eq!(ActiveSet::new().iter_from(7).count(), 0);
    }
}
