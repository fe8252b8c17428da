//! Byte strings: items in pooled blocks, so that putting one allocates nothing.
//!
//! ```text
//! block   | live, bytes | block, data ... | block, data ... | free ...      64 KiB, or as large as one long item
//! item    { data, len }                    the layout of `struct bl_bytes` and of `struct iovec`
//! ```
//!
//! 1. A thread writes into a block of its own, one item behind the other. In front of each item's data stands where
//!    its block begins.
//! 2. `live` starts at `BIAS`, which stands for the writer. The writer counts by itself how many items it has given
//!    out; when it leaves the block it subtracts what of `BIAS` they do not need. So a put touches no shared word.
//! 3. An item that is dropped subtracts one, with release. Whoever brings `live` to zero owns the block (acquire) and
//!    gives it to the pool, or frees it.
//!
//! A long item has a block to itself. An item that is kept for long keeps its block: at most 64 KiB.

use crate::guard::Refusal;
use crate::item::{Item, scratch_of_this_thread};
use crate::surface::Reply;
use batchline::{Batcher, PutError, PutManyError};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::atomic::{AtomicI64, fence};
use std::sync::{Mutex, PoisonError};

const BLOCK_BYTES: usize = 64 << 10;
/// Items larger than this get a block of their own.
const SHARED_BYTES_MAX: usize = 16 << 10;
/// Blocks that wait to be used again: 16 MiB.
const SPARE_BLOCKS_MAX: usize = 256;
const BIAS: i64 = 1 << 40;
const ALIGN: usize = 64;
/// Where in a block the first item begins.
const FIRST: usize = size_of::<Head>();
/// The word in front of each item's data.
const WORD: usize = size_of::<*const Head>();

struct Head {
    live: AtomicI64,
    bytes: usize,
}

/// A block, by its head.
#[derive(Clone, Copy)]
struct Block(NonNull<Head>);

// SAFETY: a block is memory; who may touch what of it is said in the head of this file.
unsafe impl Send for Block {}

static SPARE: Mutex<Vec<Block>> = Mutex::new(Vec::new());

impl Block {
    /// A block with `bytes` bytes, whose writer is the caller.
    fn new(bytes: usize) -> Self {
        let spare = (bytes == BLOCK_BYTES)
            .then(|| SPARE.lock().unwrap_or_else(PoisonError::into_inner).pop())
            .flatten();
        let block = spare.unwrap_or_else(|| Self::allocated(bytes));
        let head = Head { live: AtomicI64::new(BIAS), bytes };
        // SAFETY: nobody else knows the block, which begins with room for a head.
        unsafe { block.0.write(head) };
        block
    }

    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, ALIGN).expect("an item's size was checked when it came in")
    }

    fn allocated(bytes: usize) -> Self {
        let layout = Self::layout(bytes);
        // SAFETY: the layout is not of zero size: it has room for a head at least.
        let memory = unsafe { alloc(layout) };
        NonNull::new(memory.cast()).map_or_else(|| handle_alloc_error(layout), Block)
    }

    fn head(&self) -> &Head {
        // SAFETY: a block lives while anything in it, or its writer, does.
        unsafe { self.0.as_ref() }
    }

    /// Takes `count` off the living; the last one frees the block.
    fn let_go(self, count: i64) {
        if self.head().live.fetch_sub(count, Release) == count {
            fence(Acquire);
            self.free();
        }
    }

    #[cold]
    fn free(self) {
        let bytes = self.head().bytes;
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes == BLOCK_BYTES && spare.len() < SPARE_BLOCKS_MAX {
            return spare.push(self);
        }
        drop(spare);
        // SAFETY: it was allocated with this layout, and nobody is left who knows it.
        unsafe { dealloc(self.0.as_ptr().cast(), Self::layout(bytes)) };
    }

    /// Writes the word in front of an item at `at`; returns where its data goes.
    fn place(self, at: usize) -> *mut u8 {
        // SAFETY: the writer has seen to it that the word and the data lie inside the block.
        let word = unsafe { self.0.as_ptr().cast::<u8>().add(at) };
        // SAFETY: as above; `at` is a multiple of eight.
        unsafe { word.cast::<Block>().write(self) };
        // SAFETY: as above.
        unsafe { word.add(WORD) }
    }
}

/// The block that a thread writes into.
struct Writer {
    block: Option<Block>,
    at: usize,
    given: i64,
}

thread_local! {
    static SCRATCH: Cell<Vec<Blob>> = const { Cell::new(Vec::new()) };
    static WRITER: RefCell<Writer> = const { RefCell::new(Writer { block: None, at: BLOCK_BYTES, given: 0 }) };
}

impl Writer {
    fn place(&mut self, len: usize) -> *mut u8 {
        let end = self.at + WORD + len.next_multiple_of(WORD);
        if end > BLOCK_BYTES {
            self.leave();
            self.block = Some(Block::new(BLOCK_BYTES));
            self.at = FIRST;
            return self.place(len);
        }
        let block = self.block.expect("there is room in a block only");
        let data = block.place(self.at);
        self.at = end;
        self.given += 1;
        data
    }

    fn leave(&mut self) {
        if let Some(block) = self.block.take() {
            block.let_go(BIAS - std::mem::take(&mut self.given));
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Room for an item of `len` bytes, 8-byte aligned: to be owned by one [`Blob`].
fn place(len: usize) -> *mut u8 {
    let shared =
        (len <= SHARED_BYTES_MAX).then(|| WRITER.try_with(|writer| writer.borrow_mut().place(len)).ok());
    shared.flatten().unwrap_or_else(|| {
        let block = Block::new(FIRST + WORD + len);
        let data = block.place(FIRST);
        block.let_go(BIAS - 1);
        data
    })
}

/// A byte string.
#[repr(C)]
pub(crate) struct Blob {
    data: NonNull<u8>,
    len: usize,
}

// SAFETY: a blob owns its bytes; its block is counted atomically.
unsafe impl Send for Blob {}
// SAFETY: shared access only reads.
unsafe impl Sync for Blob {}

/// The longest byte string.
pub(crate) const BLOB_BYTES_MAX: usize = u32::MAX as usize;

impl Blob {
    /// A blob of `len` bytes that are not written yet.
    pub(crate) fn unwritten(len: usize) -> Self {
        let data = NonNull::new(place(len)).expect("a place inside a block");
        Self { data, len }
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.data.as_ptr()
    }

    /// As [`unwritten`](Self::unwritten), with the number of bytes in front: as the last thing in front of its block's
    /// word, see `reserve.rs`.
    pub(crate) fn reserved(capacity: usize) -> Self {
        let outer = Self::unwritten(2 * WORD + capacity).into_raw();
        // SAFETY: in front of the data stands the item's block.
        let block = unsafe { outer.sub(WORD).cast::<Block>().read() };
        // SAFETY: the item has room for two words and `capacity` bytes; only its first word is used by nobody now.
        unsafe { outer.cast::<usize>().write(capacity) };
        // SAFETY: as above.
        unsafe { outer.add(WORD).cast::<Block>().write(block) };
        // SAFETY: as above.
        let data = unsafe { NonNull::new_unchecked(outer.add(2 * WORD)) };
        Self { data, len: capacity }
    }

    /// How many bytes were reserved.
    ///
    /// # Safety
    /// `data` came from [`reserved`](Self::reserved).
    pub(crate) unsafe fn capacity_of(data: NonNull<u8>) -> usize {
        // SAFETY: it stands there.
        unsafe { data.as_ptr().sub(2 * WORD).cast::<usize>().read() }
    }

    /// Gives the blob up for its pointer.
    pub(crate) fn into_raw(self) -> *mut u8 {
        std::mem::ManuallyDrop::new(self).data.as_ptr()
    }

    /// A blob again.
    ///
    /// # Safety
    /// `data` came from [`into_raw`](Self::into_raw), once, of a blob of at least `len` bytes, and they are written.
    pub(crate) unsafe fn from_raw(data: NonNull<u8>, len: usize) -> Self {
        Self { data, len }
    }
}

impl Item for Blob {
    const SLOT_BYTES: usize = 0;

    unsafe fn copy_to(_item: *const u8, _slot: *mut Self) {
        unreachable!("byte strings have no slot of their own size")
    }

    fn put_whole(_batcher: &Batcher<Self, Reply>, _records: &[u8]) -> Option<Result<usize, PutManyError>> {
        None
    }

    #[inline]
    fn copied(bytes: &[u8]) -> Self {
        let mut blob = Self::unwritten(bytes.len());
        // SAFETY: the blob has room for as many bytes, which nobody else sees yet.
        unsafe { blob.as_mut_ptr().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        blob
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: as many bytes were written when it was made, and they are not changed while it lives.
        unsafe { std::slice::from_raw_parts(self.data.as_ptr(), self.len) }
    }

    scratch_of_this_thread!();

    fn put_written(
        written: Blob,
        put: impl FnOnce(Self) -> Result<(), PutError<Self>>,
    ) -> Result<(), (Blob, Refusal)> {
        put(written).map_err(|error| {
            let refusal = Refusal::of_put(&error);
            (error.into_item(), refusal)
        })
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        // SAFETY: in front of the data stands the item's block, which counts this item.
        let block = unsafe { self.data.as_ptr().sub(WORD).cast::<Block>().read() };
        block.let_go(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn miri_blobs_keep_their_bytes_whatever_their_length() {
        let lengths = [0, 1, 7, 8, 9, 63, 64, 4000, SHARED_BYTES_MAX, SHARED_BYTES_MAX + 1, 1 << 20];
        let count = if cfg!(miri) { 22 } else { 500 };
        let texts: Vec<Vec<u8>> = (0..count).map(|i| vec![i as u8; lengths[i % lengths.len()]]).collect();
        let blobs: Vec<Blob> = texts.iter().map(|text| Blob::copied(text)).collect();
        assert!(blobs.iter().zip(&texts).all(|(blob, text)| blob.bytes() == text));
        assert!(blobs.iter().all(|blob| (blob.data.as_ptr() as usize).is_multiple_of(8)));
    }

    #[test]
    fn miri_blobs_may_be_dropped_by_other_threads_and_after_their_writer() {
        let count: u64 = if cfg!(miri) { 3000 } else { 20_000 };
        let write = move || (0..count).map(|i| Blob::copied(&i.to_le_bytes())).collect::<Vec<_>>();
        let mut blobs = std::thread::spawn(write).join().unwrap();
        let half = blobs.split_off(count as usize / 2);
        let other =
            std::thread::spawn(move || half.iter().map(|blob| u64::from(blob.bytes()[0])).sum::<u64>());
        assert!(blobs.iter().enumerate().all(|(i, blob)| blob.bytes() == (i as u64).to_le_bytes()));
        assert!(other.join().unwrap() > 0);
    }

    #[test]
    fn miri_blocks_are_used_again() {
        for _ in 0..if cfg!(miri) { 2 } else { 100 } {
            drop((0..5000).map(|_| Blob::copied(&[1; 64])).collect::<Vec<_>>());
        }
        assert!(SPARE.lock().unwrap().len() <= SPARE_BLOCKS_MAX);
    }
}
