//! The two halves of an asymmetric barrier: free for the side that runs per item, dear for the side that
//! runs per batch.
//!
//! A producer publishes an item and then reads its lane's `armed` word; a worker clears `armed` and then
//! reads what was published. Each must see the other's store, or an item sleeps unseen. A full fence in
//! both would do, and costs 6 ns per item. Here the producer's half is a compiler fence, and the worker's
//! half makes the kernel run a full fence on every running thread of this process (`membarrier`, private
//! expedited: 0.3 to 8 us, once per batch that a timer or an idle worker seals).
//!
//! Where the kernel has no such call, [`light_is_free`] says so and producers take the fenced path. Under
//! loom and shuttle both halves are `SeqCst` fences: the protocol that is checked is the symmetric one.

use crate::sync;
use std::sync::atomic::Ordering::SeqCst;

/// The producer's half. Call between publishing and reading `armed`.
#[inline(always)]
pub(crate) fn light() {
    #[cfg(any(batchline_loom, batchline_shuttle))]
    sync::fence(SeqCst);
    #[cfg(not(any(batchline_loom, batchline_shuttle)))]
    std::sync::atomic::compiler_fence(SeqCst);
}

/// The worker's half. Call between clearing `armed` and reading what was published.
pub(crate) fn heavy() {
    #[cfg(not(any(batchline_loom, batchline_shuttle)))]
    if light_is_free() {
        os::membarrier();
    }
    sync::fence(SeqCst);
}

/// Whether [`light`] alone suffices on this machine; otherwise producers add a full fence per item.
pub(crate) fn light_is_free() -> bool {
    #[cfg(any(batchline_loom, batchline_shuttle))]
    return true;
    #[cfg(not(any(batchline_loom, batchline_shuttle)))]
    {
        use std::sync::OnceLock;
        static REGISTERED: OnceLock<bool> = OnceLock::new();
        *REGISTERED.get_or_init(os::register)
    }
}

#[cfg(all(target_os = "linux", not(any(miri, batchline_loom, batchline_shuttle))))]
mod os {
    fn call(command: libc::c_int) -> libc::c_long {
        // SAFETY: membarrier takes three integers and touches no memory of ours.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) }
    }

    pub(super) fn register() -> bool {
        call(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0
    }

    pub(super) fn membarrier() {
        let status = call(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED);
        assert_eq!(status, 0, "membarrier was registered and then refused by the kernel");
    }
}

#[cfg(all(any(not(target_os = "linux"), miri), not(any(batchline_loom, batchline_shuttle))))]
mod os {
    pub(super) fn register() -> bool {
        false
    }

    pub(super) fn membarrier() {}
}
