//! Deduplication: a sliding window of keys, exact, sharded, without threads of its own.
//!
//! Three ways to use it:
//!
//! - [`Builder::dedup`](crate::Builder::dedup) puts a window before a batcher: a put whose key was put within the
//!   window is refused as [`PutError::Duplicate`](crate::PutError::Duplicate), or
//!   ([`dedup_join`](crate::Builder::dedup_join)) gets the first one's outcome.
//! - [`Dedup`] is the window alone.
//! - [`TimePartitionedMap`] is the map under both.
//!
//! # What is promised
//!
//! A key is **claimed** when its item is put, before the item looks for room: of two puts at the same time one goes on.
//! When the item succeeds, its key stays; when it fails, is refused or handed back, its key is **released** before
//! anybody learns of that, so it may be put again at once. So it is when a batch is taken without an item that was
//! cancelled or has expired; its ticket may know earlier. A key that stays is a duplicate until
//! the window ends, counted from the put, and at most a bucket longer.
//!
//! The number of keys is capped ([`Window::keys_max`]); what happens there is a choice ([`AtCap`]), and counted.
//!
//! ```
//! use batchline::{Batch, Batcher, PutError};
//! use std::time::Duration;
//! struct Event { id: u64 }
//!
//! let batcher = Batcher::builder()
//!     .dedup(Duration::from_secs(60), |event: &Event| event.id)
//!     .build(|batch: &mut Batch<Event>| println!("{} events", batch.len()))?;
//! batcher.put(Event { id: 7 })?;
//! assert!(matches!(batcher.put(Event { id: 7 }), Err(PutError::Duplicate(Event { id: 7 }))));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it is built
//!
//! ```text
//! map         up to 64 shards, each behind a lock; a key's hash names its shard
//! shard       generations of keys, one per bucket of time; filters in front of the older ones
//! generation  an index by hash, and entries that stay where they are
//! gates       what a batcher asks of the window
//! ```

mod filter;
pub(crate) mod gates;
mod generation;
mod lock;
mod map;
mod seen;
mod shard;
mod stats;
mod window;

pub use map::{InsertError, TimePartitionedMap};
pub use seen::{Dedup, KeyClaim, NotClaimed};
pub use stats::WindowStats;
pub use window::{AtCap, Filter, Window};
