//! Step 3, seal: why a batch was closed. Before it: [`crate::lane`] (publish); after it: [`crate::dispatch`].

use std::fmt;

/// Why a batch was sealed. It travels with the batch and is counted in [`crate::Stats`].
///
/// ```
/// use batchline::{Batcher, SealReason};
/// let batcher = Batcher::<u64>::builder().batch_items_max(2).build_poll()?;
/// batcher.put_many(&mut vec![1, 2])?;
/// let batch = batcher.next_batch(std::time::Duration::ZERO).unwrap();
/// assert_eq!(batch.reason(), SealReason::Size);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SealReason {
    /// It holds as many items as a batch may hold.
    Size = 0,
    /// The next item would have taken it over the byte bound.
    Bytes = 1,
    /// Its oldest item has waited for its linger.
    Linger = 2,
    /// A worker was free, or a producer waits for room; also the rest of a slab whose first part was taken before.
    Demand = 3,
    /// The fixed cadence came round.
    Tick = 4,
    /// Somebody called `flush`.
    Flush = 5,
    /// The batcher is closing.
    Close = 6,
}

impl SealReason {
    /// How many reasons there are.
    pub const COUNT: usize = 7;

    /// Every reason, in the order of [`crate::Stats::batches_by_reason`].
    ///
    /// ```
    /// assert_eq!(batchline::SealReason::ALL.len(), batchline::SealReason::COUNT);
    /// ```
    pub const ALL: [Self; Self::COUNT] =
        [Self::Size, Self::Bytes, Self::Linger, Self::Demand, Self::Tick, Self::Flush, Self::Close];

    /// The reason in lower case, as metrics and logs name it.
    ///
    /// ```
    /// assert_eq!(batchline::SealReason::Linger.name(), "linger");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Bytes => "bytes",
            Self::Linger => "linger",
            Self::Demand => "demand",
            Self::Tick => "tick",
            Self::Flush => "flush",
            Self::Close => "close",
        }
    }
}

impl fmt::Display for SealReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
