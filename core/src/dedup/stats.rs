//! What a window counts.

use super::shard::Counts;

/// A snapshot of a window's counters. Taking one locks each shard for a moment.
///
/// ```
/// use batchline::dedup::Dedup;
/// let seen = Dedup::new(std::time::Duration::from_secs(60))?;
/// assert!(seen.is_new(7)? && !seen.is_new(7)?);
/// let stats = seen.stats();
/// assert_eq!((stats.keys, stats.duplicates), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WindowStats {
    /// Keys that are remembered.
    pub keys: u64,
    /// Insertions whose key was remembered.
    pub duplicates: u64,
    /// Keys that were forgotten before their time, at the cap.
    pub forgotten: u64,
    /// New keys that were refused at the cap.
    pub refused: u64,
    /// Times a filter said that a key is not in its part of the window, and saved the search.
    pub filter_rejections: u64,
    /// Times a filter said "maybe" of a key that was not there.
    pub filter_false_positives: u64,
    /// Memory of keys, values, indexes and filters, with what is kept for the next ones. Not what keys and values
    /// point to.
    pub bytes: u64,
}

impl WindowStats {
    pub(super) fn add(&mut self, keys: usize, bytes: usize, counts: Counts) {
        self.keys += keys as u64;
        self.bytes += bytes as u64;
        self.forgotten += counts.forgotten;
        self.refused += counts.refused;
        self.filter_rejections += counts.filter_rejections;
        self.filter_false_positives += counts.filter_false_positives;
    }

    /// How often a filter was wrong of a key that was not in its part of the window: 0 to 1, and 0 when none was
    /// asked.
    ///
    /// ```
    /// assert_eq!(batchline::dedup::WindowStats::default().false_positive_rate(), 0.0);
    /// ```
    pub fn false_positive_rate(&self) -> f64 {
        let asked = self.filter_rejections + self.filter_false_positives;
        if asked == 0 { 0.0 } else { self.filter_false_positives as f64 / asked as f64 }
    }
}
