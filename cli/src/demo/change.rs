//! The rows of the demo: every recorded change of clocks, embedded in the binary.

use anyhow::{Context, Result};
use serde::Deserialize;

const DATA: &str = include_str!("../../../tests/data/clock-changes.csv");

/// What it is, in a few words.
pub(crate) const DATA_SET: &str = "changes of clocks (IANA tz database 2025b)";

/// One change of clocks in one zone; the columns are described in tests/data/README.md.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) zone: String,
    pub(crate) utc: String,
    pub(crate) unix_s: i64,
    pub(crate) offset_before_s: i64,
    pub(crate) offset_after_s: i64,
    pub(crate) abbreviation: String,
    pub(crate) is_dst: i64,
}

impl Change {
    /// A fingerprint over all columns (64-bit FNV-1a), the same for a row read back from SQL.
    pub(crate) fn fingerprint(&self) -> u64 {
        let numbers = [self.unix_s, self.offset_before_s, self.offset_after_s, self.is_dst];
        let texts = [&self.zone, &self.utc, &self.abbreviation];
        let texts = texts.into_iter().flat_map(|text| text.bytes().chain([0]));
        let bytes = texts.chain(numbers.into_iter().flat_map(i64::to_le_bytes));
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    }
}

/// All of them, parsed once. They live as long as the process, so that rows can point at them.
pub(crate) fn embedded() -> Result<&'static [Change]> {
    let mut reader = csv::Reader::from_reader(DATA.as_bytes());
    let changes: Result<Vec<Change>, csv::Error> = reader.deserialize().collect();
    Ok(Vec::leak(changes.context("the embedded data set is damaged")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_set_is_whole_and_sorted() {
        let changes = embedded().unwrap();
        assert_eq!(changes.len(), 22_761);
        assert!(changes.is_sorted_by_key(|change| (change.unix_s, &change.zone)));
    }

    #[test]
    fn every_column_counts_in_the_fingerprint() {
        let one = embedded().unwrap()[0].clone();
        let others = [
            Change { zone: "x".into(), ..one.clone() },
            Change { utc: "x".into(), ..one.clone() },
            Change { unix_s: 1, ..one.clone() },
            Change { offset_before_s: 1, ..one.clone() },
            Change { offset_after_s: 1, ..one.clone() },
            Change { abbreviation: "x".into(), ..one.clone() },
            Change { is_dst: 1, ..one.clone() },
        ];
        assert!(others.iter().all(|other| other.fingerprint() != one.fingerprint()));
    }
}
