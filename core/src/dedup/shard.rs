//! A shard: the generations of the keys whose hash falls to it, the newest last, with the filters that cover them.
//!
//! ```text
//!   oldest                                             newest
//!   [ 7 ][ 8 ][ 9 ][ 10 ][ 11 ][ 12 ][ 13 ][ 14 ][ 15 ][ 16 ]     generations, by number
//!   |<-- span, filter -->|<-- span, filter ---->|<-span->|
//! ```
//!
//! 1. A key is looked for in the newest generation, where a recent duplicate is.
//! 2. Then each filter is asked, from the newest on; only where it says "maybe" its generations are searched, the
//!    newest first.
//! 3. A new key goes into the newest generation, and its hash on a list.
//! 4. When time has come to the end of the bucket, a generation begins. The keys of the one before go into a filter,
//!    all at once: each line of the filter is brought in once, and not for every key, and how large it must be is
//!    known by then. About every quarter of the window a span begins. All take over what an expired one was kept in,
//!    so that steady traffic allocates nothing.
//! 5. A generation whose keys have expired goes as a whole, and a span with its last generation.
//!
//! Expiry and rotation happen inside the calls; between them one comparison of the time says that neither is due.

use super::filter::Span;
use super::generation::Generation;
use super::window::{AtCap, Filter, Plan};
use crate::gate::Claim;
use std::collections::VecDeque;

/// Keys a filter is made for at least.
const SPAN_KEYS_MIN: usize = 256;
/// From so many spans on, a full filter goes on beyond its rate: a longer list would cost more than searches in vain.
const SPANS_MAX: usize = 12;
/// Expired generations that are kept for the next ones: after a pause many expire at once, and as many are needed soon.
const SPARES_MAX: usize = 64;

/// Hot fields first: with the lock, they take two cache lines and a bit.
#[repr(C)]
pub(super) struct Shard<K, V> {
    /// When the oldest generation expires or the newest one's bucket ends: until then the shard is as it should be.
    change_ns: u64,
    keys: usize,
    /// Takes the new keys.
    newest: Generation<K, V>,
    /// The hashes of the newest generation's entries, holes among them, for a filter.
    hashes: Vec<u64>,
    /// The oldest first; the last ends before the newest generation.
    spans: Vec<Span>,
    /// The other generations, the oldest first.
    older: VecDeque<Generation<K, V>>,
    /// The number of the oldest generation. Numbers wrap, after 2^32 generations.
    first: u32,
    counts: Counts,
    spare_generations: Vec<Generation<K, V>>,
    spare_span: Option<Span>,
    /// Expired generations whose keys' drops are user code, for the caller to drop outside the lock.
    retired: Vec<Generation<K, V>>,
}

/// What a shard has counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) forgotten: u64,
    pub(super) refused: u64,
    /// Times a filter said "not here".
    pub(super) filter_rejections: u64,
    /// Times it said "maybe" of a key that was not there.
    pub(super) filter_false_positives: u64,
}

/// Where a key was found: the index of its generation, and its entry there.
#[derive(Clone, Copy)]
pub(super) struct Place {
    generation: usize,
    entry: u16,
}

/// Why a key was not added.
pub(super) enum Obstacle {
    Present(Place),
    Full,
}

impl<K, V> Shard<K, V> {
    pub(super) fn new() -> Self {
        Self {
            change_ns: 0,
            keys: 0,
            newest: Generation::new(),
            hashes: Vec::new(),
            spans: Vec::new(),
            older: VecDeque::new(),
            first: 0,
            counts: Counts::default(),
            spare_generations: Vec::new(),
            spare_span: None,
            retired: Vec::new(),
        }
    }

    /// Brings the shard to the present: expired generations go, and a new one begins in a new bucket.
    #[inline]
    pub(super) fn advance(&mut self, plan: &Plan, now_ns: u64) {
        if now_ns >= self.change_ns {
            self.catch_up(plan, now_ns);
        }
    }

    #[cold]
    #[inline(never)]
    fn catch_up(&mut self, plan: &Plan, now_ns: u64) {
        self.expire(plan, now_ns);
        let expires_ns = plan.expires_ns(now_ns);
        if self.newest.expires_ns < expires_ns {
            self.begin_generation(plan, expires_ns);
            self.note_change(plan);
        }
    }

    /// Finds a key that has not expired.
    #[inline]
    pub(super) fn find(&mut self, hash: u64, is_wanted: impl Fn(&K) -> bool) -> Option<Place> {
        match self.newest.find(part(hash), &is_wanted) {
            Some(entry) => Some(Place { generation: self.older.len(), entry }),
            None => self.find_older(hash, &is_wanted),
        }
    }

    #[inline]
    fn find_older(&mut self, hash: u64, is_wanted: impl Fn(&K) -> bool) -> Option<Place> {
        let mut end = self.older.len();
        for span in self.spans.iter().rev() {
            let start = (span.first.wrapping_sub(self.first) as i32).max(0) as usize;
            if start >= end {
                continue;
            }
            if !span.may_hold(hash) {
                self.counts.filter_rejections += 1;
            } else if let Some(place) = search(&self.older, start..end, part(hash), &is_wanted) {
                return Some(place);
            } else if span.has_filter() {
                self.counts.filter_false_positives += 1;
            }
            end = start;
        }
        None
    }

    /// Adds a key unless it is there or there is no room; the shard must have been advanced.
    #[inline]
    pub(super) fn insert(
        &mut self,
        plan: &Plan,
        hash: u64,
        key: K,
        value: V,
    ) -> Result<Claim, (Obstacle, K, V)>
    where
        K: Eq,
    {
        if let Some(place) = self.find(hash, |remembered| *remembered == key) {
            return Err((Obstacle::Present(place), key, value));
        }
        if self.keys >= plan.keys_max && !self.forget_oldest(plan) {
            self.counts.refused += 1;
            return Err((Obstacle::Full, key, value));
        }
        if !self.newest.has_room(plan.generation_keys_max) {
            self.begin_generation(plan, self.newest.expires_ns);
        }
        let entry = self.newest.insert(part(hash), key, value);
        if plan.filter != Filter::None {
            self.note_hash(hash, entry);
        }
        self.keys += 1;
        Ok(self.claim(hash, Place { generation: self.older.len(), entry }))
    }

    #[inline]
    fn note_hash(&mut self, hash: u64, entry: u16) {
        match self.hashes.get_mut(usize::from(entry)) {
            Some(of_a_hole) => *of_a_hole = hash,
            None => {
                if self.hashes.len() == self.hashes.capacity() {
                    self.hashes.reserve_exact((self.hashes.len() / 4).max(16));
                }
                self.hashes.push(hash);
            }
        }
    }

    /// When the newest generation expires, if it has one key.
    pub(super) fn first_key_expires_ns(&self) -> Option<u64> {
        (self.newest.len() == 1).then_some(self.newest.expires_ns)
    }

    /// When all of its keys will have expired; 0 when it has none.
    pub(super) fn last_expiry_ns(&self) -> u64 {
        let newest = (self.newest.len() > 0).then_some(&self.newest);
        newest.or(self.older.back()).map_or(0, |last| last.expires_ns)
    }

    fn generation(&self, index: usize) -> &Generation<K, V> {
        self.older.get(index).unwrap_or(&self.newest)
    }

    fn generation_mut(&mut self, index: usize) -> &mut Generation<K, V> {
        self.older.get_mut(index).unwrap_or(&mut self.newest)
    }

    pub(super) fn value(&self, place: Place) -> &V {
        self.generation(place.generation).value(place.entry)
    }

    pub(super) fn value_mut(&mut self, place: Place) -> &mut V {
        self.generation_mut(place.generation).value_mut(place.entry)
    }

    /// Takes an entry out; `is_free` says that no claim names it.
    pub(super) fn remove(&mut self, hash: u64, place: Place, is_free: bool) -> Option<(K, V)> {
        let removed = self.generation_mut(place.generation).remove(part(hash), place.entry, is_free);
        self.keys -= usize::from(removed.is_some());
        removed
    }

    /// The claim on an entry.
    pub(super) fn claim(&self, hash: u64, place: Place) -> Claim {
        let generation = self.first.wrapping_add(place.generation as u32);
        Claim { hash, generation, entry: u32::from(place.entry) }
    }

    /// The place that a claim names, unless its generation has expired or was forgotten.
    pub(super) fn claimed(&self, claim: Claim) -> Option<Place> {
        let generation = claim.generation.wrapping_sub(self.first) as usize;
        let entry = claim.entry as u16;
        let is_there =
            generation <= self.older.len() && self.generation(generation).holds(part(claim.hash), entry);
        is_there.then_some(Place { generation, entry })
    }

    /// Lets go of the generations whose time is over.
    pub(super) fn expire(&mut self, plan: &Plan, now_ns: u64) {
        while self.older.front().is_some_and(|oldest| oldest.expires_ns <= now_ns) {
            self.retire_oldest();
        }
        if self.older.is_empty() && self.newest.expires_ns <= now_ns && self.newest.len() > 0 {
            self.begin_generation(plan, 0);
            self.retire_oldest();
        }
        self.note_change(plan);
    }

    fn retire_oldest(&mut self) {
        let Some(mut oldest) = self.older.pop_front() else { return };
        self.keys -= oldest.len();
        self.first = self.first.wrapping_add(1);
        if std::mem::needs_drop::<(K, V)>() {
            self.retired.push(oldest);
        } else if self.spare_generations.len() < SPARES_MAX && !self.is_too_large(&oldest) {
            oldest.reset();
            self.spare_generations.push(oldest);
        }
        while self.spans.get(1).is_some_and(|next| next.first.wrapping_sub(self.first) as i32 <= 0) {
            self.spare_span = Some(self.spans.remove(0));
        }
    }

    /// Whether a generation was made for so much more traffic than there is now that its memory is better given back.
    fn is_too_large(&self, spare: &Generation<K, V>) -> bool {
        let fullest = self.older.back().map_or(0, Generation::len).max(self.newest.len());
        spare.capacity() > 8 * fullest.max(32)
    }

    /// Notes when the shard changes next: when the oldest keys expire, or when the newest one's bucket ends.
    fn note_change(&mut self, plan: &Plan) {
        let oldest_ns = self.older.front().unwrap_or(&self.newest).expires_ns;
        self.change_ns = oldest_ns.min(self.newest.expires_ns.saturating_sub(plan.window_ns));
    }

    /// Begins a generation for keys that expire at `expires_ns`; an empty one is used again, if it has numbers left.
    fn begin_generation(&mut self, plan: &Plan, expires_ns: u64) {
        if self.newest.len() > 0 {
            self.fill_filter(plan);
            let next = self.spare_generations.pop();
            // As many keys as the last one had, and a few more, are likely to come.
            let next =
                next.unwrap_or_else(|| Generation::with_room(self.newest.len() + self.newest.len() / 8));
            self.older.push_back(std::mem::replace(&mut self.newest, next));
            self.forget_hashes();
        } else if !self.newest.has_room(plan.generation_keys_max) {
            // Its numbers are used up. What goes on the list stands for it, so that its own number is not given again.
            let mut spent = Generation::new();
            spent.expires_ns = self.newest.expires_ns;
            self.newest = Generation::new();
            self.older.push_back(spent);
            self.forget_hashes();
        }
        self.newest.expires_ns = expires_ns;
    }

    fn forget_hashes(&mut self) {
        if self.hashes.capacity() > 8 * self.hashes.len().max(64) {
            self.hashes = Vec::new();
        }
        self.hashes.clear();
    }

    /// Puts the newest generation's keys into a filter.
    fn fill_filter(&mut self, plan: &Plan) {
        let number = self.first.wrapping_add(self.older.len() as u32);
        let (keys, is_list_full) = (self.hashes.len(), self.spans.len() >= SPANS_MAX);
        let takes_more = |span: &Span| {
            let is_short = number.wrapping_sub(span.first) < plan.span_generations;
            is_short && (is_list_full || span.keys + keys <= span.keys_max)
        };
        if !self.spans.last().is_some_and(takes_more) {
            self.begin_span(plan, number);
        }
        if let Some(span) = self.spans.last_mut() {
            self.hashes.iter().for_each(|&hash| span.insert(hash));
        }
    }

    /// Begins a span, with room for generations like the newest one and a quarter more; but not for more keys than the
    /// cap allows.
    fn begin_span(&mut self, plan: &Plan, number: u32) {
        let keys = self.hashes.len();
        let wanted = keys.saturating_mul(plan.span_generations as usize).saturating_mul(5) / 4;
        let wanted = wanted.min(plan.keys_max).max(keys).max(SPAN_KEYS_MIN);
        let fits = |spare: &Span| (keys.max(wanted / 2)..=4 * wanted).contains(&spare.keys_max);
        let span = match self.spare_span.take().filter(fits) {
            Some(mut spare) => {
                spare.restart(number);
                spare
            }
            None => Span::new(number, plan.filter, wanted, plan.false_positive_rate),
        };
        self.spans.push(span);
    }

    /// Makes room at the cap, if the policy is to forget.
    #[cold]
    fn forget_oldest(&mut self, plan: &Plan) -> bool {
        if plan.at_cap != AtCap::ForgetOldest {
            return false;
        }
        let before = self.keys;
        while self.keys >= plan.keys_max {
            if self.older.is_empty() {
                self.begin_generation(plan, self.newest.expires_ns);
            }
            self.retire_oldest();
        }
        self.counts.forgotten += (before - self.keys) as u64;
        true
    }

    /// Forgets everything, and gives the memory back.
    pub(super) fn clear(&mut self) {
        let counts = self.counts;
        let first = self.first.wrapping_add(self.older.len() as u32 + 1);
        let emptied = std::mem::replace(self, Self { first, counts, ..Self::new() });
        if std::mem::needs_drop::<(K, V)>() {
            self.retired = emptied.retired;
            self.retired.extend(emptied.older);
            self.retired.push(emptied.newest);
        }
    }

    /// What waits to be dropped outside the lock.
    #[inline]
    pub(super) fn take_retired(&mut self) -> Vec<Generation<K, V>> {
        std::mem::take(&mut self.retired)
    }

    pub(super) fn keys(&self) -> usize {
        self.keys
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// What it holds in memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let generations = self.older.iter().chain(&self.spare_generations).chain([&self.newest]);
        let spans = self.spans.iter().chain(&self.spare_span).map(Span::bytes);
        let lists = self.older.capacity() * size_of::<Generation<K, V>>();
        let contents = generations.map(Generation::bytes).sum::<usize>() + spans.sum::<usize>();
        let lists = lists + self.hashes.capacity() * size_of::<u64>();
        contents + lists + self.spans.capacity() * size_of::<Span>()
    }
}

/// The part of a hash that generations use; the shard is chosen by the low bits, and the filter uses all.
#[inline]
fn part(hash: u64) -> u16 {
    (hash >> 32) as u16
}

/// Searches a run of generations, the newest first.
fn search<K, V>(
    generations: &VecDeque<Generation<K, V>>,
    range: std::ops::Range<usize>,
    hash: u16,
    is_wanted: impl Fn(&K) -> bool,
) -> Option<Place> {
    range.rev().find_map(|generation| {
        let entry = generations[generation].find(hash, &is_wanted)?;
        Some(Place { generation, entry })
    })
}

#[cfg(test)]
mod tests {
    use super::super::window::Window;
    use super::*;
    use std::time::Duration;

    const SECOND_NS: u64 = 1_000_000_000;

    fn hash(key: u64) -> u64 {
        key.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    #[test]
    fn numbers_of_generations_may_wrap() {
        let plan = Window::new(Duration::from_secs(10)).bucket(Duration::from_secs(1)).check().unwrap();
        let mut shard = Shard::<u64, ()> { first: u32::MAX - 2, ..Shard::new() };
        let mut claims = Vec::new();
        for second in 0..30 {
            shard.advance(&plan, second * SECOND_NS);
            for key in 100 * second..100 * second + 100 {
                claims.push(shard.insert(&plan, hash(key), key, ()).ok().expect("the key is new"));
            }
            for key in 0..100 * second + 100 {
                let is_there = shard.find(hash(key), |remembered| *remembered == key).is_some();
                assert_eq!(is_there, key / 100 + 11 > second, "key {key} at {second} s");
                assert_eq!(shard.claimed(claims[key as usize]).is_some(), is_there);
            }
        }
        assert!(shard.first < 100 && shard.keys() == 1100);
    }
}
