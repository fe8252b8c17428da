//! The only file that names `std`, `loom` or `shuttle` for atomics, cells, locks and threads.
//!
//! Every lock-free structure of the crate takes its primitives from here, so the same source runs in
//! production, in the loom models (`--cfg batchline_loom`) and in the shuttle tests
//! (`--cfg batchline_shuttle`). The private names keep other crates' loom builds out of ours.

#[cfg(batchline_loom)]
pub(crate) use loom::{
    cell::UnsafeCell,
    hint::spin_loop,
    sync::Mutex,
    sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, fence},
    thread,
};

/// loom's macro knows no `const` initialisers.
#[cfg(batchline_loom)]
macro_rules! loom_thread_local {
    ($($(#[$attribute:meta])* static $name:ident: $type:ty = const $init:block;)*) => {
        loom::thread_local! { $($(#[$attribute])* static $name: $type = $init;)* }
    };
}
#[cfg(batchline_loom)]
pub(crate) use loom_thread_local as thread_local;

#[cfg(batchline_shuttle)]
pub(crate) use shuttle::{
    hint::spin_loop,
    sync::Mutex,
    sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, fence},
    thread, thread_local,
};

#[cfg(not(any(batchline_loom, batchline_shuttle)))]
pub(crate) use std::{
    hint::spin_loop,
    sync::Mutex,
    sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, fence},
    thread, thread_local,
};

#[cfg(not(batchline_loom))]
pub(crate) use cell::UnsafeCell;
/// A cell that loom does not watch: for what must lie in memory as in production.
#[expect(clippy::unsafe_removed_from_name, reason = "it is the other one that has the name")]
pub(crate) use cell::UnsafeCell as PlainCell;

/// `std`'s cell with loom's two access functions, so that loom can check each access for races.
mod cell {
    #[repr(transparent)]
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        #[inline(always)]
        pub(crate) fn with<A>(&self, read: impl FnOnce(*const T) -> A) -> A {
            read(self.0.get())
        }

        #[inline(always)]
        pub(crate) fn with_mut<A>(&self, write: impl FnOnce(*mut T) -> A) -> A {
            write(self.0.get())
        }
    }
}

/// Locks a mutex of ours. No user code runs under one but a key's comparison and copy, whose panic leaves what the
/// lock guards whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> impl std::ops::DerefMut<Target = T> + '_ {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
