//! A generation: the keys that came in during one bucket of time, and so expire together.
//!
//! ```text
//! index    hash table of { hash: 16 bits, entry: 16 bits }     found by hash, one cache line as a rule
//! entries  [ key, value | key, value | hole | key, value ]     in the order of arrival; they never move
//! free     the holes that the next keys may fill
//! ```
//!
//! Entries stay where they are, so a claim can name one by its number and release it without its key: the item that
//! the key came from may be gone by then. A hole is filled again only if no claim can name it any more: one that a
//! claim's end has left, and not one whose key was taken out over a claim's head.
//!
//! The index keeps 16 bits of each hash, so a table that grows calls no user code; more would be wasted on the 2^15
//! keys that a generation holds at most. Keys compare only when those agree.

use crate::shield::shielded;
use hashbrown::HashTable;
use std::mem::MaybeUninit;

/// The most keys of a generation.
pub(super) const GENERATION_KEYS_MAX: usize = 1 << 15;

/// Where an entry is, and a part of its key's hash.
#[derive(Clone, Copy)]
struct Slot {
    hash: u16,
    entry: u16,
}

/// The hash that the index uses: its table takes the place from the low bits and a tag from the high ones.
fn spread(hash: u16) -> u64 {
    u64::from(hash) << 48 | u64::from(hash)
}

pub(super) struct Generation<K, V> {
    /// When its keys are forgotten.
    pub(super) expires_ns: u64,
    index: HashTable<Slot>,
    /// Those that the index names are initialised; the others are holes.
    entries: Vec<MaybeUninit<(K, V)>>,
    free: Vec<u16>,
}

impl<K, V> Generation<K, V> {
    pub(super) fn new() -> Self {
        Self { expires_ns: 0, index: HashTable::new(), entries: Vec::new(), free: Vec::new() }
    }

    /// With room for so many keys.
    pub(super) fn with_room(keys: usize) -> Self {
        let (index, entries) = (HashTable::with_capacity(keys), Vec::with_capacity(keys));
        Self { expires_ns: 0, index, entries, free: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// What it holds in memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let entries = self.entries.capacity() * size_of::<(K, V)>();
        self.index.allocation_size() + entries + self.free.capacity() * size_of::<u16>()
    }

    /// The number of the entry whose key is wanted.
    #[inline]
    pub(super) fn find(&self, hash: u16, is_wanted: impl Fn(&K) -> bool) -> Option<u16> {
        let is_it = |slot: &Slot| slot.hash == hash && is_wanted(&self.entry(slot.entry).0);
        self.index.find(spread(hash), is_it).map(|slot| slot.entry)
    }

    #[inline]
    fn entry(&self, entry: u16) -> &(K, V) {
        // SAFETY: only entries that the index names are asked for, and those are initialised.
        unsafe { self.entries[entry as usize].assume_init_ref() }
    }

    /// The value of an entry that `find` gave.
    pub(super) fn value(&self, entry: u16) -> &V {
        &self.entry(entry).1
    }

    /// The value of an entry that `find` gave.
    pub(super) fn value_mut(&mut self, entry: u16) -> &mut V {
        // SAFETY: `find` gives entries that the index names, and those are initialised.
        unsafe { &mut self.entries[entry as usize].assume_init_mut().1 }
    }

    /// Whether there are numbers for further entries.
    #[inline]
    pub(super) fn has_room(&self, keys_max: usize) -> bool {
        self.entries.len() < keys_max || !self.free.is_empty()
    }

    /// Entries that fit without an allocation.
    pub(super) fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    /// Adds a key that is not there; returns the number of its entry.
    #[inline]
    pub(super) fn insert(&mut self, hash: u16, key: K, value: V) -> u16 {
        let entry = self.free.pop().unwrap_or_else(|| self.push_hole());
        // Written before the index names it, and counted as there only by the index.
        self.entries[entry as usize].write((key, value));
        self.index.insert_unique(spread(hash), Slot { hash, entry }, |slot| spread(slot.hash));
        entry
    }

    /// A hole at the end. Room grows by a quarter: half as much as a vector's doubling would leave unused.
    #[inline]
    fn push_hole(&mut self) -> u16 {
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact((self.entries.len() / 4).max(16));
        }
        self.entries.push(MaybeUninit::uninit());
        (self.entries.len() - 1) as u16
    }

    /// Whether the entry is there: it was not removed since its number was given.
    pub(super) fn holds(&self, hash: u16, entry: u16) -> bool {
        self.index.find(spread(hash), |slot| slot.entry == entry).is_some()
    }

    /// Takes an entry out; its number is given again only if it is `is_free`: no claim names it.
    pub(super) fn remove(&mut self, hash: u16, entry: u16, is_free: bool) -> Option<(K, V)> {
        self.index.find_entry(spread(hash), |slot| slot.entry == entry).ok()?.remove();
        if is_free {
            self.free.push(entry);
        }
        // SAFETY: the index named it until now, and does no more.
        Some(unsafe { self.entries[entry as usize].assume_init_read() })
    }

    /// Forgets everything; what it was kept in stays for the next keys. Only for keys and values without drops.
    pub(super) fn reset(&mut self) {
        debug_assert!(
            !std::mem::needs_drop::<(K, V)>(),
            "their drops are user code and run outside the lock"
        );
        self.index.clear();
        self.entries.clear();
        self.free.clear();
    }
}

impl<K, V> Drop for Generation<K, V> {
    fn drop(&mut self) {
        if !std::mem::needs_drop::<(K, V)>() {
            return;
        }
        for slot in self.index.drain() {
            // SAFETY: the index named it, and was emptied of it before the drop, which is user code, runs.
            let entry = unsafe { self.entries[slot.entry as usize].assume_init_read() };
            shielded(|| drop(entry));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn miri_entries_are_found_removed_and_their_places_used_again() {
        let mut generation = Generation::new();
        let entries: Vec<u16> =
            (0..100).map(|key| generation.insert(key % 7, key.to_string(), key)).collect();
        assert_eq!(entries, (0..100).collect::<Vec<u16>>());
        assert_eq!(generation.find(3, |key| key == "10"), Some(10));
        assert_eq!(generation.find(4, |key| key == "10"), None, "another hash");
        assert_eq!(generation.remove(3, 17, false), Some(("17".to_string(), 17)));
        assert_eq!(generation.remove(3, 10, true), Some(("10".to_string(), 10)));
        assert_eq!(generation.remove(3, 10, true), None, "it is gone");
        assert!(!generation.holds(3, 10) && generation.holds(3, 24));
        assert_eq!(generation.insert(5, "again".into(), 0), 10, "the hole is filled");
        *generation.value_mut(10) += 5;
        assert_eq!((*generation.value(10), generation.len()), (5, 99));
        assert_eq!(generation.insert(5, "new".into(), 0), 100, "a hole that a claim may name stays");
    }

    #[test]
    fn miri_dropping_drops_what_is_there_and_nothing_else() {
        let shared = Arc::new(());
        let mut generation = Generation::new();
        for key in 0..40 {
            generation.insert(key, key, shared.clone());
        }
        for key in 0..20 {
            drop(generation.remove(key, key, true));
        }
        assert_eq!(Arc::strong_count(&shared), 21);
        drop(generation);
        assert_eq!(Arc::strong_count(&shared), 1);
    }

    #[test]
    fn a_bad_drop_does_not_keep_the_others() {
        struct Bad(Arc<()>);
        impl Drop for Bad {
            fn drop(&mut self) {
                assert_eq!(Arc::strong_count(&self.0), 0, "a bad drop");
            }
        }
        let shared = Arc::new(());
        let mut generation = Generation::new();
        for key in 0..5 {
            generation.insert(key, key, Bad(shared.clone()));
        }
        drop(generation);
        assert_eq!(Arc::strong_count(&shared), 1);
    }

    #[test]
    fn resetting_keeps_the_room() {
        let mut generation = Generation::new();
        for key in 0..1000_u16 {
            generation.insert(key, key, ());
        }
        let bytes = generation.bytes();
        generation.reset();
        assert_eq!((generation.len(), generation.bytes()), (0, bytes));
        assert_eq!(generation.find(1, |_| true), None);
    }
}
