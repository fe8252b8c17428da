//! An append-only table: entries never move, readers never wait.
//!
//! Entry `i` lives in chunk `k = log2(i / FIRST + 1)`, so chunks double in size and an address once given
//! stays good until the table is dropped. Appending takes a lock (it happens when a thread or a slab is new);
//! reading is two loads. `len` is stored with release after the entry is written and read with acquire, so
//! whoever sees an index below `len` sees the entry.

use crate::sync::{AtomicPtr, AtomicUsize, Mutex, lock};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Entries in the first chunk.
const FIRST: usize = 8;
/// Chunks; together they hold `FIRST * (2^CHUNKS - 1)` entries, over two thousand million.
const CHUNKS: usize = if cfg!(batchline_loom) { 2 } else { 28 };

pub(crate) struct Table<X> {
    chunks: [AtomicPtr<X>; CHUNKS],
    len: AtomicUsize,
    growing: Mutex<()>,
}

// SAFETY: entries are handed out as `&X` only, and are dropped by the owner of the table.
unsafe impl<X: Send + Sync> Sync for Table<X> {}
// SAFETY: the table owns its entries.
unsafe impl<X: Send> Send for Table<X> {}

/// Which chunk holds `index`, and where in it.
fn place(index: usize) -> (usize, usize) {
    let chunk = (index / FIRST + 1).ilog2() as usize;
    (chunk, index - FIRST * ((1 << chunk) - 1))
}

fn chunk_capacity(chunk: usize) -> usize {
    FIRST << chunk
}

impl<X> Table<X> {
    pub(crate) fn new() -> Self {
        Self {
            chunks: std::array::from_fn(|_| AtomicPtr::new(std::ptr::null_mut())),
            len: AtomicUsize::new(0),
            growing: Mutex::new(()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Acquire)
    }

    /// Appends what `make` returns for its index.
    pub(crate) fn push(&self, make: impl FnOnce(usize) -> X) -> &X {
        let _growing = lock(&self.growing);
        let index = self.len.load(Relaxed);
        let (chunk, offset) = place(index);
        assert!(chunk < CHUNKS, "a table holds at most {} entries", chunk_capacity(CHUNKS) - FIRST);
        if offset == 0 {
            let entries = Vec::<X>::with_capacity(chunk_capacity(chunk));
            self.chunks[chunk].store(std::mem::ManuallyDrop::new(entries).as_mut_ptr(), Release);
        }
        // SAFETY: the chunk was allocated with room for `offset`, and only the holder of `growing` writes
        // at or above `len`.
        unsafe { self.chunks[chunk].load(Relaxed).add(offset).write(make(index)) };
        self.len.store(index + 1, Release);
        self.get(index)
    }

    pub(crate) fn get(&self, index: usize) -> &X {
        debug_assert!(index < self.len());
        let (chunk, offset) = place(index);
        // SAFETY: `index < len` was seen with acquire (or the index came through another acquire), so the
        // entry is written; entries live as long as the table.
        unsafe { &*self.chunks[chunk].load(Acquire).add(offset) }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &X> {
        (0..self.len()).map(|index| self.get(index))
    }
}

impl<X> Drop for Table<X> {
    fn drop(&mut self) {
        let len = self.len.load(Acquire);
        for (chunk, entries) in self.chunks.iter().enumerate() {
            let entries = entries.load(Acquire);
            if entries.is_null() {
                return;
            }
            let filled = len.saturating_sub(FIRST * ((1 << chunk) - 1)).min(chunk_capacity(chunk));
            // SAFETY: the parts are those of the `Vec` that `push` took apart; `filled` entries are written.
            drop(unsafe { Vec::from_raw_parts(entries, filled, chunk_capacity(chunk)) });
        }
    }
}

#[cfg(all(test, not(any(batchline_loom, batchline_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn miri_addresses_stay_and_every_entry_is_dropped() {
        let counted = std::sync::Arc::new(());
        let table = Table::new();
        let first: *const _ = table.push(|_| counted.clone());
        for _ in 0..100 {
            table.push(|_| counted.clone());
        }
        assert_eq!(first, table.get(0) as *const _);
        assert_eq!(table.iter().count(), 101);
        drop(table);
        assert_eq!(std::sync::Arc::strong_count(&counted), 1);
    }

    #[test]
    fn places_are_consecutive() {
        let all: Vec<_> = (0..100).map(place).collect();
        assert_eq!(all[0], (0, 0));
        assert_eq!(all[7], (0, 7));
        assert_eq!(all[8], (1, 0));
        assert_eq!(all[23], (1, 15));
        assert_eq!(all[24], (2, 0));
    }
}
