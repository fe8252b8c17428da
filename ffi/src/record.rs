//! Fixed-size records: they lie in the slabs, one beside the other.
//!
//! A record's slot is its size rounded up to a power of two, at least 8 bytes: so six sizes of slots serve all
//! records, and each is copied with a few moves. What is over is zero.

use crate::blob::Blob;
use crate::guard::Refusal;
use crate::item::{Item, scratch_of_this_thread};
use batchline::PutError;
use std::cell::Cell;

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

            fn copy_all(records: &[u8], into: &mut Vec<Self>) {
                let (count, len) = (records.len() / $size, into.len());
                into.reserve(count);
                let end = into.as_mut_ptr().wrapping_add(len).cast::<u8>();
                // SAFETY: there is room for `count` records behind the last one.
                unsafe { end.copy_from_nonoverlapping(records.as_ptr(), count * $size) };
                // SAFETY: as many were written.
                unsafe { into.set_len(len + count) };
            }

            #[inline]
            fn copied(bytes: &[u8]) -> Self {
                Self::new(bytes)
            }

            fn bytes(&self) -> &[u8] {
                &self.0
            }

            scratch_of_this_thread!();

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
