//! What an item of C is to the core: a value that is made of bytes, and shows them.

use crate::blob::Blob;
use crate::guard::Refusal;
use crate::surface::Reply;
use batchline::{Batcher, PutError, PutManyError};
use std::ptr::NonNull;

/// A record or a byte string.
pub(crate) trait Item: Send + Sync + Sized + 'static {
    /// How large a record's slot is; 0 for byte strings.
    const SLOT_BYTES: usize;

    /// Copies a record that fills its slot.
    ///
    /// # Safety
    /// `item` points to [`SLOT_BYTES`](Self::SLOT_BYTES) bytes, which are not 0; `slot` may be written.
    unsafe fn copy_to(item: *const u8, slot: *mut Self);

    /// Puts records that fill their slots and lie one behind the other, by one copy. `None`: they are not aligned as
    /// their slots are.
    fn put_whole(batcher: &Batcher<Self, Reply>, records: &[u8]) -> Option<Result<usize, PutManyError>>;

    /// Copies an item in.
    fn copied(bytes: &[u8]) -> Self;

    /// Its bytes; of a record all that its slot has.
    fn bytes(&self) -> &[u8];

    /// A vector of this thread to copy many items into; it comes back by [`give_back`](Self::give_back).
    fn scratch() -> Vec<Self>;

    fn give_back(scratch: Vec<Self>);

    /// Lends the slot of this thread's next put; none for items that are not written in place.
    fn lend(_batcher: &Batcher<Self, Reply>) -> Option<NonNull<u8>> {
        None
    }

    /// Puts what was written into a lent slot. `None`: it is none that this thread was lent.
    ///
    /// # Safety
    /// A slot that this thread was lent was written.
    unsafe fn put_lent(
        _batcher: &Batcher<Self, Reply>,
        _slot: NonNull<u8>,
    ) -> Option<Result<(), PutError<Self>>> {
        None
    }

    /// Takes a lent slot back; false: it is none that this thread was lent.
    fn take_lent(_batcher: &Batcher<Self, Reply>, _slot: NonNull<u8>) -> bool {
        false
    }

    /// Puts what was written into a reserved place. If it is refused, the place comes back.
    fn put_written(
        written: Blob,
        put: impl FnOnce(Self) -> Result<(), PutError<Self>>,
    ) -> Result<(), (Blob, Refusal)>;
}

/// The two methods of [`Item`] on scratch vectors, over a thread-local of the type.
macro_rules! scratch_of_this_thread {
    () => {
        fn scratch() -> Vec<Self> {
            SCRATCH.try_with(std::cell::Cell::take).unwrap_or_default()
        }

        fn give_back(scratch: Vec<Self>) {
            let _ = SCRATCH.try_with(|own| own.set(scratch));
        }
    };
}

pub(crate) use scratch_of_this_thread;
