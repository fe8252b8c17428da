//! The shield: user code whose panic must stop nothing of ours. Hooks, wakers, drops of items and of replies.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `body`; false when it panicked. The panic hook has told of it.
pub(crate) fn shielded(body: impl FnOnce()) -> bool {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(()) => true,
        Err(payload) => {
            dispose(payload);
            false
        }
    }
}

/// Drops a panic's payload, whose own drop may panic too.
pub(crate) fn dispose(payload: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
}

/// Drops every item of a slice, also when several of the drops panic; returns how many did.
///
/// # Safety
/// The caller owns the items and does not use them again.
pub(crate) unsafe fn drop_all<T>(items: *mut [T]) -> u64 {
    if !std::mem::needs_drop::<T>() {
        return 0;
    }
    let (first, len) = (items.cast::<T>(), items.len());
    let (mut next, mut panics) = (0, 0);
    while next < len {
        let whole = shielded(|| {
            while next < len {
                next += 1;
                // SAFETY: the caller owns the items; each is counted as gone before its drop runs.
                unsafe { std::ptr::drop_in_place(first.add(next - 1)) };
            }
        });
        panics += u64::from(!whole);
    }
    panics
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::ManuallyDrop;

    struct Bad(u8);

    impl Drop for Bad {
        fn drop(&mut self) {
            assert_eq!(self.0, 0, "a bad drop");
        }
    }

    #[test]
    fn miri_every_item_is_dropped_and_every_panic_counted() {
        let mut items = ManuallyDrop::new([Bad(1), Bad(0), Bad(1)]);
        // SAFETY: the array is not used again.
        assert_eq!(unsafe { drop_all(items.as_mut_slice()) }, 2);
    }

    #[test]
    fn a_payload_with_a_bad_drop_is_disposed_of() {
        assert!(!shielded(|| std::panic::panic_any(Bad(1))));
    }
}
