//! Batchline turns many small operations into few large ones: it collects items from many threads into batches, and
//! never loses, repeats or over-delays one.
//!
//! ```
//! use batchline::{Batch, Batcher, Deadline};
//! use std::time::Duration;
//!
//! let batcher = Batcher::builder()
//!     .batch_items_max(1000)
//!     .linger(Duration::from_millis(10))
//!     .build(|batch: &mut Batch<String>| println!("{} lines", batch.len()))?;
//! batcher.put("a line".to_string())?;
//! let ticket = batcher.submit("another".to_string())?;
//! batcher.flush()?;
//! ticket.wait()?;
//! let receipt = batcher.close(Deadline::after(Duration::from_secs(5)));
//! assert_eq!(receipt.accepted, receipt.done);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The path of an item
//!
//! put -> claim -> write -> publish -> **seal** -> **dispatch** -> **handle** -> **complete**
//!
//! The modules below are in that order; each says its step, and the step before and after it. What they stand on
//! (pool, table, clock, waiting) follows.

#![warn(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// 1. put
mod batcher;
mod budget;
mod entrance;
#[cfg_attr(not(feature = "dedup"), expect(dead_code, reason = "nothing stands at the gate"))]
mod gate;
mod ordered;
mod overflow;
mod producer;
mod put;
#[cfg(not(batchline_loom))]
mod reserve;
mod taking;
mod threads;
// 2. claim, write, publish
mod active;
mod lane;
mod slab;
// 3. seal
mod seal;
// 4. dispatch
mod dispatch;
mod poll;
mod worker;
// 5. handle
mod batch;
mod handle;
mod handler;
mod lend;
mod shield;
// 6. complete
mod ticket;
// across the path
mod builder;
mod close;
#[cfg(feature = "dedup")]
pub mod dedup;
mod desk;
mod engine;
mod error;
mod failure;
mod flush;
mod inflight;
mod keyed;
mod ledger;
mod options;
mod report;
// its twin
#[cfg(feature = "naive")]
pub mod naive;
// what it stands on
mod barrier;
mod clock;
mod pool;
mod prefetch;
mod sync;
mod table;
mod wait;

#[cfg(all(test, batchline_loom))]
mod models;

pub use batch::{Batch, Drain};
pub use batcher::Batcher;
pub use builder::Builder;
pub use clock::{Clock, VirtualClock};
pub use error::{BuildError, FlushError, PutError, PutManyError, TicketError};
pub use failure::{BoxError, Failure, FailureKind, FailureReport};
pub use handler::HandlerReturn;
pub use keyed::{KeyedBatcher, KeyedBuilder};
pub use ledger::{Receipt, Stats};
pub use options::{Deadline, Dispatch, Idle, ItemOptions, Overflow, Oversize, Retry};
pub use poll::PolledBatch;
pub use producer::Producer;
pub use seal::SealReason;
pub use ticket::Ticket;

/// The examples of the README and the guide, compiled and run with the other doc tests.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/guide/start.md")]
    struct Start;
    #[doc = include_str!("../../docs/guide/tune.md")]
    struct Tune;
    #[doc = include_str!("../../docs/guide/operate.md")]
    struct Operate;
    #[cfg(feature = "dedup")]
    #[doc = include_str!("../../docs/guide/dedup.md")]
    struct Dedup;
}
