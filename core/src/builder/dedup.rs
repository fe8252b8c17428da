//! The builder's settings of a deduplication window.

use super::Builder;
use crate::dedup::gates::{JoiningGate, RefusingGate};
use crate::dedup::{TimePartitionedMap, Window};
use std::hash::Hash;

impl<T: Send + 'static, R: Send + 'static> Builder<T, R> {
    /// Refuses items whose key was put within the window, as `PutError::Duplicate`; see [`crate::dedup`]. Set it
    /// after [`replies`](Self::replies).
    ///
    /// `key_of` is called once per put, on the putting thread, before the item is near the queue.
    ///
    /// Costs what [`crate::dedup::TimePartitionedMap`] costs per put, and the slower of the two ways into the lane;
    /// `put_many` puts one by one. A batcher without a window pays nothing.
    ///
    /// ```
    /// use batchline::{Batch, Batcher, PutManyError, dedup::Window};
    /// use std::time::Duration;
    /// let batcher = Batcher::builder()
    ///     .dedup(Window::new(Duration::from_secs(60)).keys_max(100_000), |line: &String| line.clone())
    ///     .build(|batch: &mut Batch<String>| println!("{} lines", batch.len()))?;
    /// let mut lines = vec!["a".to_string(), "b".to_string(), "a".to_string()];
    /// let result = batcher.put_many(&mut lines);
    /// assert_eq!(result, Err(PutManyError::Duplicates { accepted: 2, duplicates: 1 }));
    /// assert_eq!(lines, ["a"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dedup<K>(
        mut self,
        window: impl Into<Window>,
        key_of: impl Fn(&T) -> K + Send + Sync + 'static,
    ) -> Self
    where
        K: Hash + Eq + Send + 'static,
    {
        let window = window.into();
        self.gate = Some(Box::new(move |clock| {
            let map = TimePartitionedMap::with_clock(window, clock)?;
            Ok(Box::new(RefusingGate::new(map, key_of)))
        }));
        self
    }

    /// As [`dedup`](Self::dedup), but a submitted duplicate joins the first item of its key: its own item is dropped,
    /// and its ticket gets the first one's outcome, or a copy of the reply it had. A plain put has no ticket to join
    /// with, and is refused.
    ///
    /// The reply of each success is copied and kept for the window; one whose `Clone` panics counts as a failure for
    /// those who joined, and its key is released. A first item whose submitter cancels it, or lets it
    /// expire, goes on for those who joined it.
    ///
    /// ```
    /// use batchline::{Batch, Batcher};
    /// use std::time::Duration;
    /// let lengths = Batcher::<String>::builder()
    ///     .replies::<usize>()
    ///     .dedup_join(Duration::from_secs(60), |text: &String| text.clone())
    ///     .demand(true)
    ///     .build(|batch: &mut Batch<String, usize>| {
    ///         Ok::<Vec<usize>, String>(batch.iter().map(String::len).collect())
    ///     })?;
    /// let (first, second) = (lengths.submit("four".into())?, lengths.submit("four".into())?);
    /// assert_eq!((first.wait()?, second.wait()?), (4, 4));
    /// assert_eq!((lengths.stats().accepted, lengths.stats().joined), (1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dedup_join<K>(
        mut self,
        window: impl Into<Window>,
        key_of: impl Fn(&T) -> K + Send + Sync + 'static,
    ) -> Self
    where
        K: Hash + Eq + Send + 'static,
        R: Clone + Sync,
    {
        let window = window.into();
        self.gate = Some(Box::new(move |clock| {
            let map = TimePartitionedMap::with_clock(window, clock)?;
            Ok(Box::new(JoiningGate::new(map, key_of)))
        }));
        self
    }
}
