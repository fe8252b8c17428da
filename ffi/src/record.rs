//! Fixed-size records: they lie in the slabs, one beside the other.
//!
//! A record's slot is its size rounded up to a power of two, at least 8 bytes: so six sizes of slots serve all
//! records, and each is copied with a few moves. What is over is zero.

use crate::blob::Blob;
use crate::guard::Refusal;
use crate::item::{Item, scratch_of_this_thread};
use crate::surface::Reply;
use batchline::{Batcher, PutError, PutManyError};
use std::cell::Cell;
use std::ptr::NonNull;

/// The largest record; longer ones are byte strings.
pub(crate) const RECORD_BYTES_MAX: usize = 256;

#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct Record<const N: usize>([u8; N]);

/// How far apart the records of a batch lie.
pub(crate) fn stride(record_size: usize) -> usize {
    record_size.next_power_of_two().max(8)
}

/// What a record is copied by. A caller has often just written its fields one by one, and a processor hands a load
/// what one store has left, not what two have: vectors would wait until all stores have reached the cache. Volatile
/// reads keep the compiler from making vectors of them.
#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Word(u64);

impl<const N: usize> Record<N> {
    #[inline]
    fn new(bytes: &[u8]) -> Self {
        if let Ok(whole) = bytes.try_into() {
            return Self(whole);
        }
        let mut slot = [0; N];
        slot[..bytes.len()].copy_from_slice(bytes);
        Self(slot)
    }
}

macro_rules! records {
    ($($size:literal)+) => { $(const _: () = {
        thread_local! {
            static SCRATCH: Cell<Vec<Record<$size>>> = const { Cell::new(Vec::new()) };
        }

        impl Item for Record<$size> {
            const SLOT_BYTES: usize = $size;

            #[inline(always)]
            unsafe fn copy_to(item: *const u8, slot: *mut Self) {
                let (from, to) = (item.cast::<Word>(), slot.cast::<Word>());
                for word in 0..$size / size_of::<Word>() {
                    // SAFETY: both sides have as many words, wherever they lie.
                    unsafe { to.add(word).write(from.add(word).read_volatile()) };
                }
            }

            fn put_whole(
                batcher: &Batcher<Self, Reply>,
                records: &[u8],
            ) -> Option<Result<usize, PutManyError>> {
                let (first, count) = (records.as_ptr().cast::<Self>(), records.len() / $size);
                first.is_aligned().then(|| {
                    // SAFETY: so many whole records lie there, and any bytes make one.
                    batcher.put_slice(unsafe { std::slice::from_raw_parts(first, count) })
                })
            }

            #[inline]
            fn copied(bytes: &[u8]) -> Self {
                Self::new(bytes)
            }

            fn bytes(&self) -> &[u8] {
                &self.0
            }

            scratch_of_this_thread!();

            fn lend(batcher: &Batcher<Self, Reply>) -> Option<NonNull<u8>> {
                batcher.reserve_slot().map(NonNull::cast)
            }

            unsafe fn put_lent(
                batcher: &Batcher<Self, Reply>,
                slot: NonNull<u8>,
            ) -> Option<Result<(), PutError<Self>>> {
                // SAFETY: the caller's promise.
                unsafe { batcher.commit_slot(slot.cast()) }
            }

            fn take_lent(batcher: &Batcher<Self, Reply>, slot: NonNull<u8>) -> bool {
                batcher.discard_slot(slot.cast())
            }

            fn put_written(
                written: Blob,
                put: impl FnOnce(Self) -> Result<(), PutError<Self>>,
            ) -> Result<(), (Blob, Refusal)> {
                put(Self::new(written.bytes())).map_err(|error| (written, Refusal::of_put(&error)))
            }
        }
    };)+ };
}

records!(8 16 32 64 128 256);
