//! A shard: the generations of the keys whose hash falls to it, the newest last, with the filters that cover them.
//!
//! ```text
//!   oldest                                             newest
//!   [ 7 ][ 8 ][ 9 ][ 10 ][ 11 ][ 12 ][ 13 ][ 14 ][ 15 ][ 16 ]     generations, by number
//!   |<-- span, filter -->|<-- span, filter ---->|<-- span --->|
//! ```
//!
//! 1. A key is looked for in the newest generation, where a recent duplicate is.
//! 2. Then each filter is asked, from the newest on; only where it says "maybe" its generations are searched, the
//!    newest first.
//! 3. A new key goes into the newest generation and into the newest filter.
//! 4. When time has come to the end of the bucket, a generation begins; about every quarter of the window a span
//!    does. Both take over what an expired one was kept in, so that steady traffic allocates nothing.
//! 5. A generation whose keys have expired goes as a whole, and a span with its last generation.
//!
//! Expiry and rotation happen inside the calls; between them one comparison of the time says that neither is due.

use super::filter::Span;
use super::generation::Generation;
use super::window::{AtCap, Plan};
use crate::gate::Claim;
use std::collections::VecDeque;

/// Keys a shard's first filter is made for.
const SPAN_KEYS_MIN: usize = 256;

pub(super) struct Shard<K, V> {
    /// Takes the new keys.
    newest: Generation<K, V>,
    /// The others, the oldest first.
    older: VecDeque<Generation<K, V>>,
    /// The number of the oldest generation. Numbers wrap, after 2^32 generations.
    first: u32,
    /// The oldest first; the last covers the newest generation.
    spans: Vec<Span>,
    spare_generation: Option<Generation<K, V>>,
    spare_span: Option<Span>,
    /// Expired generations whose keys' drops are user code, for the caller to drop outside the lock.
    retired: Vec<Generation<K, V>>,
    keys: usize,
    /// When the oldest generation expires or the newest one's bucket ends: until then the shard is as it should be.
    change_ns: u64,
    counts: Counts,
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
            newest: Generation::new(),
            older: VecDeque::new(),
            first: 0,
            spans: Vec::new(),
            spare_generation: None,
            spare_span: None,
            retired: Vec::new(),
            keys: 0,
            change_ns: 0,
            counts: Counts::default(),
        }
    }

    /// Brings the shard to the present: expired generations go, and a new one begins in a new bucket. Returns when its
    /// keys will expire, if one began.
    #[inline]
    pub(super) fn advance(&mut self, plan: &Plan, now_ns: u64) -> Option<u64> {
        (now_ns >= self.change_ns).then(|| self.catch_up(plan, now_ns))
    }

    #[cold]
    #[inline(never)]
    fn catch_up(&mut self, plan: &Plan, now_ns: u64) -> u64 {
        self.expire(plan, now_ns);
        let expires_ns = plan.expires_ns(now_ns);
        if self.newest.expires_ns < expires_ns {
            self.begin_generation(plan, expires_ns);
            self.note_change(plan);
        }
        expires_ns
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
        if self.newest.len() >= plan.generation_keys_max || self.spans.last().is_some_and(Span::is_full) {
            self.begin_generation(plan, self.newest.expires_ns);
        }
        if let Some(span) = self.spans.last_mut() {
            span.insert(hash);
        }
        let entry = self.newest.insert(part(hash), key, value);
        self.keys += 1;
        Ok(self.claim(hash, Place { generation: self.older.len(), entry }))
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

    pub(super) fn remove(&mut self, hash: u64, place: Place) -> Option<(K, V)> {
        let removed = self.generation_mut(place.generation).remove(part(hash), place.entry);
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
        } else if self.spare_generation.is_none() {
            oldest.reset();
            self.spare_generation = Some(oldest);
        }
        while self.spans.get(1).is_some_and(|next| next.first.wrapping_sub(self.first) as i32 <= 0) {
            self.spare_span = Some(self.spans.remove(0));
        }
    }

    /// Notes when the shard changes next: when the oldest keys expire, or when the newest one's bucket ends.
    fn note_change(&mut self, plan: &Plan) {
        let oldest_ns = self.older.front().unwrap_or(&self.newest).expires_ns;
        self.change_ns = oldest_ns.min(self.newest.expires_ns.saturating_sub(plan.window_ns));
    }

    /// Begins a generation for keys that expire at `expires_ns`; an empty one is used again.
    fn begin_generation(&mut self, plan: &Plan, expires_ns: u64) {
        if self.newest.len() > 0 {
            let next = self.spare_generation.take().unwrap_or_else(Generation::new);
            self.older.push_back(std::mem::replace(&mut self.newest, next));
        }
        self.newest.expires_ns = expires_ns;
        let number = self.first.wrapping_add(self.older.len() as u32);
        let is_long =
            |span: &Span| number.wrapping_sub(span.first) >= plan.span_generations || span.is_full();
        if self.spans.last().is_none_or(is_long) {
            self.begin_span(plan, number);
        }
    }

    /// Begins a span with room for a quarter more keys than the fullest one now; for many more after one that filled up
    /// before its time, so that traffic that swells makes few spans.
    fn begin_span(&mut self, plan: &Plan, number: u32) {
        let keys = self.spans.iter().map(|span| span.keys).max().unwrap_or(0);
        let is_swelling = self.spans.last().is_some_and(Span::is_full);
        let wanted = (keys + if is_swelling { 3 * keys } else { keys / 4 }).max(SPAN_KEYS_MIN);
        let fits = |spare: &Span| (wanted..=4 * wanted).contains(&spare.keys_max);
        let span = match self.spare_span.take().filter(fits) {
            Some(mut spare) => {
                spare.restart(number);
                spare
            }
            None => Span::new(number, plan.filter, wanted + wanted / 4, plan.false_positive_rate),
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
        let generations = self.older.iter().chain(&self.spare_generation).chain([&self.newest]);
        let spans = self.spans.iter().chain(&self.spare_span).map(Span::bytes);
        let lists = self.older.capacity() * size_of::<Generation<K, V>>();
        let contents = generations.map(Generation::bytes).sum::<usize>() + spans.sum::<usize>();
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
