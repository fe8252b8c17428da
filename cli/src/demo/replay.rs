//! The data set, replayed until there are enough rows, each with a number of its own.

use std::time::Instant;

use super::change::Change;

/// What travels through the batcher.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// From 1 on, each once.
    pub(crate) seq: u64,
    pub(crate) change: &'static Change,
    /// When it was put, for the few rows whose wait is measured.
    pub(crate) put_at: Option<Instant>,
}

/// The rows to write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) changes: &'static [Change],
    pub(crate) rows: u64,
}

impl Source {
    pub(crate) fn of(changes: &'static [Change], rows: u64) -> Self {
        Self { changes, rows }
    }

    pub(crate) fn row(&self, seq: u64) -> Row {
        let place = (seq - 1) % self.changes.len() as u64;
        Row { seq, change: &self.changes[place as usize], put_at: None }
    }

    /// The checksum that the rows `1..=rows` must have, whatever order they arrived in.
    pub(crate) fn checksum(&self, rows: u64) -> u64 {
        let prints: Vec<u64> = self.changes.iter().map(Change::fingerprint).collect();
        (1..=rows)
            .zip(prints.iter().cycle())
            .fold(0, |sum, (seq, &print)| sum.wrapping_add(bound(seq, print)))
    }
}

/// Ties a row's number to its columns, so that columns swapped between rows are noticed.
pub(crate) fn bound(seq: u64, fingerprint: u64) -> u64 {
    // The finaliser of SplitMix64: every bit of the input reaches every bit of the result.
    let mut mixed = seq.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ fingerprint;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::super::change::embedded;
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_rows() {
        let source = Source::of(embedded().unwrap(), 50_000);
        let by_rows = (1..=source.rows).map(|seq| source.row(seq));
        let sum = by_rows.fold(0u64, |sum, row| sum.wrapping_add(bound(row.seq, row.change.fingerprint())));
        assert_eq!(sum, source.checksum(50_000));
        assert_ne!(sum, source.checksum(49_999));
    }

    #[test]
    fn swapped_columns_are_noticed() {
        assert_ne!(bound(1, 10).wrapping_add(bound(2, 20)), bound(1, 20).wrapping_add(bound(2, 10)));
    }
}
