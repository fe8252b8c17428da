//! The filters in front of the older generations: most new keys are told to be new without a look at any of them.
//!
//! A key that is in none of the filters is in none of the generations that they cover. The opposite can be wrong, at
//! a rate that is a setting: then the generations are searched in vain, which costs time and nothing else.

use super::window::Filter;

/// Of two hash functions, which must differ. What they hash is a hash with a random seed already.
#[cfg(feature = "bloomfilter")]
const SEED: [u8; 32] = *b"one hash function, and another..";

/// A Bloom filter over hashes, by the library that the window's settings name.
pub(super) enum Bloom {
    Fastbloom(fastbloom::BloomFilter),
    #[cfg(feature = "bloomfilter")]
    Bloomfilter(Box<bloomfilter::Bloom<u64>>),
}

impl Bloom {
    /// A filter for `keys` keys, or none.
    pub(super) fn new(kind: Filter, keys: usize, false_positive_rate: f64) -> Option<Self> {
        match kind {
            Filter::None => None,
            Filter::Fastbloom => {
                let (bits, hashes) = size(keys, false_positive_rate);
                // Only hashes are ever put in, so its own hasher is not used.
                let filter = fastbloom::BloomFilter::with_num_bits(bits).seed(&0);
                Some(Self::Fastbloom(filter.hashes(hashes)))
            }
            #[cfg(feature = "bloomfilter")]
            Filter::Bloomfilter => {
                let filter = bloomfilter::Bloom::new_for_fp_rate_with_seed(keys, false_positive_rate, &SEED);
                Some(Self::Bloomfilter(Box::new(filter.expect("the settings were checked"))))
            }
        }
    }

    #[inline]
    pub(super) fn insert(&mut self, hash: u64) {
        match self {
            Self::Fastbloom(filter) => {
                filter.insert_hash(hash);
            }
            #[cfg(feature = "bloomfilter")]
            Self::Bloomfilter(filter) => filter.set(&hash),
        }
    }

    #[inline(always)]
    pub(super) fn may_hold(&self, hash: u64) -> bool {
        match self {
            Self::Fastbloom(filter) => filter.contains_hash(hash),
            #[cfg(feature = "bloomfilter")]
            Self::Bloomfilter(filter) => filter.check(&hash),
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Self::Fastbloom(filter) => filter.clear(),
            #[cfg(feature = "bloomfilter")]
            Self::Bloomfilter(filter) => filter.clear(),
        }
    }

    /// What it holds in memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Fastbloom(filter) => filter.num_bits() / 8,
            #[cfg(feature = "bloomfilter")]
            Self::Bloomfilter(filter) => filter.len() as usize / 8,
        }
    }
}

/// Bits and hashes of a filter. The smallest filter needs `log2(1 / rate)` hashes, each a cache line away from the
/// others; with half as many it takes a third more memory, and both a key that is put in and one that is denied cost
/// half.
fn size(keys: usize, false_positive_rate: f64) -> (usize, u32) {
    let hashes = (-false_positive_rate.log2() / 2.0).round().max(1.0);
    let density = false_positive_rate.powf(1.0 / hashes);
    let bits = -hashes * keys as f64 / (-density).ln_1p();
    (bits.ceil() as usize, hashes as u32)
}

/// A filter and the run of generations that it covers.
pub(super) struct Span {
    bloom: Option<Bloom>,
    /// The number of its first generation; it ends where the next span begins.
    pub(super) first: u32,
    /// Keys that were put in; those that were taken out of their generation since count, too.
    pub(super) keys: usize,
    /// Keys for which the filter keeps its rate.
    pub(super) keys_max: usize,
}

impl Span {
    pub(super) fn new(first: u32, kind: Filter, keys_max: usize, false_positive_rate: f64) -> Self {
        Self { bloom: Bloom::new(kind, keys_max, false_positive_rate), first, keys: 0, keys_max }
    }

    #[inline]
    pub(super) fn insert(&mut self, hash: u64) {
        self.keys += 1;
        if let Some(bloom) = &mut self.bloom {
            bloom.insert(hash);
        }
    }

    /// Whether the key may be in its generations; always, without a filter.
    #[inline(always)]
    pub(super) fn may_hold(&self, hash: u64) -> bool {
        self.bloom.as_ref().is_none_or(|bloom| bloom.may_hold(hash))
    }

    pub(super) fn has_filter(&self) -> bool {
        self.bloom.is_some()
    }

    /// Makes it ready to cover generations from `first` on.
    pub(super) fn restart(&mut self, first: u32) {
        if let Some(bloom) = &mut self.bloom {
            bloom.clear();
        }
        self.first = first;
        self.keys = 0;
    }

    pub(super) fn bytes(&self) -> usize {
        self.bloom.as_ref().map_or(0, Bloom::bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn false_positives(kind: Filter) -> usize {
        let mut span = Span::new(0, kind, 10_000, 0.01);
        let hash = |key: u64| key.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29) ^ key << 7;
        (0..10_000).for_each(|key| span.insert(hash(key)));
        assert!((0..10_000).all(|key| span.may_hold(hash(key))), "what was put in is never denied");
        let found = (10_000..110_000).filter(|&key| span.may_hold(hash(key))).count();
        span.restart(5);
        assert!(!span.may_hold(hash(1)));
        found
    }

    #[test]
    fn fastbloom_keeps_its_rate() {
        assert!((500..1500).contains(&false_positives(Filter::Fastbloom)));
    }

    #[cfg(feature = "bloomfilter")]
    #[test]
    fn bloomfilter_keeps_its_rate() {
        assert!((500..1500).contains(&false_positives(Filter::Bloomfilter)));
    }
}
