//! The allocator of the bench binaries: any other one, and a counter that is off while anything is timed.
//!
//! When off it costs one relaxed load of a line nobody writes, per allocation. Counting has its own untimed pass.
//! Each binary says which allocator it wraps, because a process has only one:
//!
//! ```ignore
//! #[global_allocator]
//! static ALLOCATOR: CountingAlloc<MiMalloc> = CountingAlloc(MiMalloc);
//! ```

use std::{
    alloc::{GlobalAlloc, Layout},
    hint::black_box,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

static COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

/// What was asked of the allocator, on all threads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Blocks that were allocated or moved to another size.
    pub allocations: u64,
    /// The sizes of these blocks together; a block that grew counts with its new size.
    pub bytes: u64,
}

impl Counted {
    fn so_far() -> Self {
        Self { allocations: ALLOCATIONS.load(Ordering::SeqCst), bytes: BYTES.load(Ordering::SeqCst) }
    }
}

/// Runs `work` and returns its result with what was allocated meanwhile, except in [`uncounted`] parts.
///
/// # Panics
/// When the binary has another global allocator: every count would be zero.
pub fn counted<T>(work: impl FnOnce() -> T) -> (T, Counted) {
    let probe = Counted::so_far();
    COUNTING.store(true, Ordering::SeqCst);
    drop(black_box(Box::new(0_u64)));
    let before = Counted::so_far();
    assert_ne!(before, probe, "a binary that counts declares a CountingAlloc as its global allocator");
    let result = work();
    COUNTING.store(false, Ordering::SeqCst);
    let after = Counted::so_far();
    let counted =
        Counted { allocations: after.allocations - before.allocations, bytes: after.bytes - before.bytes };
    (result, counted)
}

/// Runs the part of a run that is set-up: it is not timed, and what it allocates is not counted.
pub fn uncounted<T>(set_up: impl FnOnce() -> T) -> T {
    let was_counting = COUNTING.swap(false, Ordering::SeqCst);
    let result = set_up();
    COUNTING.store(was_counting, Ordering::SeqCst);
    result
}

fn count(size_bytes: usize) {
    if COUNTING.load(Ordering::Relaxed) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(size_bytes as u64, Ordering::Relaxed);
    }
}

/// Counts, and passes everything on to the allocator inside.
#[derive(Debug, Default)]
pub struct CountingAlloc<A>(pub A);

// SAFETY: every call is passed on unchanged to `A`, which upholds the contract; counting allocates nothing.
unsafe impl<A: GlobalAlloc> GlobalAlloc for CountingAlloc<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises about `layout` are exactly those the inner allocator asks for.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as for `alloc`.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size_bytes: usize) -> *mut u8 {
        count(size_bytes);
        // SAFETY: `block` came from this allocator, which is the inner one, with the same layout.
        unsafe { self.0.realloc(block, layout, size_bytes) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: `block` came from this allocator, which is the inner one, with the same layout.
        unsafe { self.0.dealloc(block, layout) }
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use mimalloc::MiMalloc;

    use super::{CountingAlloc, counted, uncounted};

    #[global_allocator]
    static ALLOCATOR: CountingAlloc<MiMalloc> = CountingAlloc(MiMalloc);

    /// One test, because the counter belongs to the whole process; other tests may add to it at any time.
    #[test]
    fn counts_blocks_and_bytes_while_asked() {
        let (_, one) = counted(|| black_box(vec![1_u8; 100_000]));
        assert!(one.allocations >= 1 && one.bytes >= 100_000, "{one:?}");
        let (_, grown) = counted(|| {
            let mut vector = Vec::with_capacity(50_000);
            vector.push(1_u8);
            vector.reserve_exact(200_000);
            black_box(vector)
        });
        assert!(grown.allocations >= 2 && grown.bytes >= 250_000, "{grown:?}");
        let (_, set_up) = counted(|| uncounted(|| black_box(vec![1_u8; 50_000_000])));
        assert!(set_up.bytes < 50_000_000, "{set_up:?}");
    }
}
