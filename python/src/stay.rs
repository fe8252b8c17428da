//! A thread that Python ends while it is inside of this module stays where it is.
//!
//! Before 3.14, Python ends a thread that wants the GIL while the interpreter is finalising by `pthread_exit`. With
//! glibc that unwinds the stack, and unwinding through Rust and through `PyO3` aborts the process. Every call into
//! Python may end so, also those within `PyO3` and those to give an object back. So there is no guard around each call:
//! glibc is told to run [`stay_for_ever`] before it leaves the first frame.
//!
//! Its cleanup handlers are a list of records; one is run when a frame is left that is as far out as its record, by
//! address. A record on the heap is on no frame's inner side, and so the first frame finds it. Elsewhere `pthread_exit`
//! unwinds nothing, and there is nothing to do.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) use glibc::Stay;

/// While it lives, this thread stays if Python ends it.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) struct Stay;

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
impl Stay {
    pub(crate) fn here() -> Self {
        Self
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    use std::cell::Cell;
    use std::ffi::{c_int, c_void};
    use std::marker::PhantomData;
    use std::ptr::{NonNull, null_mut};
    use std::time::Duration;

    /// `struct _pthread_cleanup_buffer` of `pthread.h`.
    #[repr(C)]
    struct Record {
        routine: Option<unsafe extern "C" fn(*mut c_void)>,
        argument: *mut c_void,
        cancel_type: c_int,
        before: *mut Record,
    }

    unsafe extern "C" {
        fn _pthread_cleanup_push(
            record: *mut Record,
            routine: unsafe extern "C" fn(*mut c_void),
            argument: *mut c_void,
        );
        fn _pthread_cleanup_pop(record: *mut Record, is_run: c_int);
    }

    thread_local! {
        /// The record of the last guard on this thread, for the next one.
        static SPARE: Cell<Option<Box<Record>>> = const { Cell::new(None) };
    }

    /// While it lives, this thread stays if Python ends it. Guards end in the reverse order of their beginning, on the
    /// thread of their beginning.
    pub(crate) struct Stay {
        record: NonNull<Record>,
        _of_this_thread: PhantomData<*mut ()>,
    }

    impl Stay {
        pub(crate) fn here() -> Self {
            // As the thread ends, the spare may be gone.
            let spare = SPARE.try_with(Cell::take).ok().flatten();
            let blank = || {
                Box::new(Record { routine: None, argument: null_mut(), cancel_type: 0, before: null_mut() })
            };
            let record = NonNull::from(Box::leak(spare.unwrap_or_else(blank)));
            // SAFETY: the record stays in its place until the guard takes it off this thread's list.
            unsafe { _pthread_cleanup_push(record.as_ptr(), stay_for_ever, null_mut()) };
            Self { record, _of_this_thread: PhantomData }
        }
    }

    impl Drop for Stay {
        fn drop(&mut self) {
            // SAFETY: it was pushed on this thread, and later guards have ended before: it is the last of the list.
            // With that the record is nobody's but ours, and it came from a box.
            let record = unsafe {
                _pthread_cleanup_pop(self.record.as_ptr(), 0);
                Box::from_raw(self.record.as_ptr())
            };
            let _ = SPARE.try_with(|spare| spare.set(Some(record)));
        }
    }

    /// The process is about to end, and does not wait for this thread.
    unsafe extern "C" fn stay_for_ever(_: *mut c_void) {
        loop {
            std::thread::sleep(Duration::from_secs(3600));
        }
    }
}
