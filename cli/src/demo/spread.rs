//! How values are spread, in fixed memory and to within three per cent.

/// Each power of two is cut into so many buckets.
const PARTS_LOG2: u32 = 5;
const PARTS: u64 = 1 << PARTS_LOG2;
const BUCKETS: usize = ((64 - PARTS_LOG2 as usize) + 1) << PARTS_LOG2;

/// A histogram whose buckets widen with the values.
#[derive(Clone, Debug)]
pub(crate) struct Spread {
    buckets: Vec<u64>,
    count: u64,
    sum: u128,
    max: u64,
}

impl Default for Spread {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, sum: 0, max: 0 }
    }
}

impl Spread {
    pub(crate) fn record(&mut self, value: u64) {
        self.buckets[bucket(value)] += 1;
        self.count += 1;
        self.sum += u128::from(value);
        self.max = self.max.max(value);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn max(&self) -> u64 {
        self.max
    }

    pub(crate) fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 }
    }

    /// The value that `share` (0 to 1) of all values do not exceed.
    pub(crate) fn quantile(&self, share: f64) -> u64 {
        let wanted = (share * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (place, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return lowest(place + 1).saturating_sub(1).min(self.max);
            }
        }
        self.max
    }

    /// The values between two bounds, the upper one excluded; a bucket counts where it begins.
    pub(crate) fn between(&self, low: u64, high: u64) -> u64 {
        let within =
            self.buckets.iter().enumerate().filter(|(place, _)| (low..high).contains(&lowest(*place)));
        within.map(|(_, count)| count).sum()
    }

    /// The smallest value that may be in it.
    pub(crate) fn min(&self) -> u64 {
        self.buckets.iter().position(|count| *count > 0).map_or(0, lowest)
    }
}

fn bucket(value: u64) -> usize {
    let power = (63 - (value | PARTS).leading_zeros()) - PARTS_LOG2;
    ((u64::from(power) << PARTS_LOG2) + (value >> power)) as usize
}

fn lowest(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * PARTS {
        return bucket;
    }
    let power = (bucket >> PARTS_LOG2) - 1;
    // The end of the last bucket is beyond the largest number there is.
    (bucket % PARTS + PARTS).checked_shl(power as u32).filter(|low| low >> power >= PARTS).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_their_values_closely() {
        for value in (0..5_000).chain([1 << 20, 123_456_789, u64::MAX / 3, u64::MAX]) {
            let (low, high) = (lowest(bucket(value)), lowest(bucket(value) + 1));
            assert!(low <= value && (value < high || high == u64::MAX), "{value}: {low} {high}");
            assert!((high - low) as f64 <= 1.0 + low as f64 / 31.0, "{value}: {low} {high}");
        }
    }

    #[test]
    fn quantiles_are_within_three_per_cent() {
        let mut spread = Spread::default();
        (1..=10_000).for_each(|value| spread.record(value));
        for (share, exact) in [(0.5, 5_000.0), (0.99, 9_900.0), (1.0, 10_000.0)] {
            let told = spread.quantile(share) as f64;
            assert!((told - exact).abs() <= exact * 0.032, "{share}: {told}");
        }
        assert_eq!((spread.count(), spread.max(), spread.mean()), (10_000, 10_000, 5_000.5));
    }

    #[test]
    fn nothing_is_spread_nowhere() {
        let spread = Spread::default();
        assert_eq!((spread.quantile(0.5), spread.max(), spread.mean()), (0, 0, 0.0));
    }
}
