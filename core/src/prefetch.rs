//! Prefetching: asking for a cache line before it is needed.

/// Asks for the line at `place`, which another core wrote or read last, so that a write to come does not wait.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
pub(crate) fn prefetch_for_write<T>(place: *const T) {
    // SAFETY: a prefetch reads and writes nothing, whatever the address; CPUs without it take it as no operation.
    unsafe { std::arch::asm!("prefetchw [{}]", in(reg) place, options(nostack, preserves_flags, readonly)) };
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
#[inline(always)]
pub(crate) fn prefetch_for_write<T>(_place: *const T) {}
