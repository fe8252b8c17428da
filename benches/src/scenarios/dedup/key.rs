//! The keys of the maps: a number, or 32 bytes such as a hash.

use std::hash::Hash;

/// A key that is made of a number.
pub trait Key: Hash + Eq + Clone + Send + Sync + 'static {
    /// The end of its scenarios' names.
    const NAME: &'static str;

    /// The key of this number.
    fn of(number: u64) -> Self;
}

impl Key for u64 {
    const NAME: &'static str = "8-bytes";

    fn of(number: u64) -> Self {
        number
    }
}

impl Key for [u8; 32] {
    const NAME: &'static str = "32-bytes";

    fn of(number: u64) -> Self {
        let mut key = [0; 32];
        key.chunks_exact_mut(8).for_each(|part| part.copy_from_slice(&number.to_le_bytes()));
        key
    }
}
