//! Latencies of one contender: a histogram in nanoseconds, three digits, and what the tables want of it.

use std::{fmt, time::Duration};

use hdrhistogram::Histogram;

/// What the histogram can tell apart ends here; anything longer counts as this.
const MAX_NS: u64 = 60_000_000_000;

/// One contender's latencies in one scenario.
#[derive(Clone)]
pub struct Latency {
    /// The contender's name.
    pub name: String,
    /// What else there is to say, for the last column.
    pub remark: String,
    histogram: Histogram<u64>,
}

impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latency")
            .field("name", &self.name)
            .field("samples", &self.samples())
            .finish_non_exhaustive()
    }
}

impl Latency {
    /// An empty histogram.
    pub fn new(name: &str) -> Self {
        let histogram = Histogram::new_with_bounds(1, MAX_NS, 3).expect("the bounds are sound");
        Self { name: name.to_owned(), remark: String::new(), histogram }
    }

    /// Adds one sample.
    #[inline]
    pub fn record(&mut self, latency: Duration) {
        self.histogram.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds all samples of `other`.
    pub fn absorb(&mut self, other: &Self) {
        self.histogram.add(&other.histogram).expect("both have the same bounds");
    }

    /// How many samples there are.
    pub fn samples(&self) -> u64 {
        self.histogram.len()
    }

    /// The quantile in nanoseconds.
    pub fn quantile_ns(&self, at: f64) -> u64 {
        self.histogram.value_at_quantile(at)
    }

    /// The largest sample in nanoseconds.
    pub fn max_ns(&self) -> u64 {
        self.histogram.max()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Latency;

    #[test]
    fn tells_nanoseconds_and_seconds_apart() {
        let mut latency = Latency::new("any");
        for wait in [Duration::from_nanos(40), Duration::from_millis(5), Duration::from_secs(2)] {
            latency.record(wait);
        }
        assert_eq!(latency.quantile_ns(0.1), 40);
        assert!((4_990_000..5_010_000).contains(&latency.quantile_ns(0.5)), "{}", latency.quantile_ns(0.5));
        assert!((1_998_000_000..2_002_000_000).contains(&latency.max_ns()), "{}", latency.max_ns());
    }
}
