//! Latencies: a histogram for scenarios that record for long, and the summary that tables and JSON show.

use std::{fmt, time::Duration};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::interleave::Role;

/// What the histogram can tell apart ends here; anything longer counts as this.
const MAX_NS: u64 = 60_000_000_000;

/// Whole percents from 0 to 100, at which a summary keeps quantiles.
const PERCENTS: std::ops::RangeInclusive<u8> = 0..=100;

/// What is kept of many latencies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// How many there were.
    pub samples: u64,
    /// The median.
    pub p50_ns: u64,
    /// 95 of 100 were not longer.
    pub p95_ns: u64,
    /// 99 of 100 were not longer.
    pub p99_ns: u64,
    /// 999 of 1000 were not longer.
    pub p999_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// The quantiles at 0, 1, ... 100 percent.
    pub quantiles_ns: Vec<u64>,
}

impl Summary {
    /// Of these samples; none if there are none.
    pub fn of(mut samples_ns: Vec<u64>) -> Option<Self> {
        samples_ns.sort_unstable();
        let last = samples_ns.len().checked_sub(1)?;
        // The nearest rank: every quantile is a sample that occurred.
        let place = |part: f64| (part * samples_ns.len() as f64 - 1e-6).ceil() as usize;
        let at = |part| samples_ns[place(part).clamp(1, last + 1) - 1];
        Some(Self::by_quantile(samples_ns.len() as u64, samples_ns[last], at))
    }

    fn by_quantile(samples: u64, max_ns: u64, at: impl Fn(f64) -> u64) -> Self {
        Self {
            samples,
            p50_ns: at(0.5),
            p95_ns: at(0.95),
            p99_ns: at(0.99),
            p999_ns: at(0.999),
            max_ns,
            quantiles_ns: PERCENTS.map(|percent| at(f64::from(percent) / 100.0)).collect(),
        }
    }
}

/// One contender's latencies in one scenario.
#[derive(Clone)]
pub struct Latency {
    /// The contender's name.
    pub name: String,
    /// The contender's part.
    pub role: Role,
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
    /// An empty histogram, in nanoseconds with three digits.
    pub fn new(role: Role, name: &str) -> Self {
        let histogram = Histogram::new_with_bounds(1, MAX_NS, 3).expect("the bounds are sound");
        Self { name: name.to_owned(), role, remark: String::new(), histogram }
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

    /// What the tables show.
    pub fn summary(&self) -> Summary {
        let at = |part| self.histogram.value_at_quantile(part);
        Summary::by_quantile(self.samples(), self.histogram.max(), at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Latency, Summary};
    use crate::interleave::Role;

    #[test]
    fn tells_nanoseconds_and_seconds_apart() {
        let mut latency = Latency::new(Role::Ours, "any");
        for wait in [Duration::from_nanos(40), Duration::from_millis(5), Duration::from_secs(2)] {
            latency.record(wait);
        }
        let summary = latency.summary();
        assert_eq!((summary.samples, summary.quantiles_ns[10]), (3, 40));
        assert!((4_990_000..5_010_000).contains(&summary.p50_ns), "{summary:?}");
        assert!((1_998_000_000..2_002_000_000).contains(&summary.max_ns), "{summary:?}");
    }

    #[test]
    fn quantiles_are_samples_of_nearest_rank() {
        let summary = Summary::of((1..=200).rev().collect()).expect("there are samples");
        assert_eq!((summary.samples, summary.p50_ns, summary.p95_ns), (200, 100, 190));
        assert_eq!((summary.p99_ns, summary.p999_ns, summary.max_ns), (198, 200, 200));
        assert_eq!(summary.quantiles_ns.len(), 101);
        assert_eq!(
            (summary.quantiles_ns[0], summary.quantiles_ns[1], summary.quantiles_ns[100]),
            (1, 2, 200)
        );
    }

    #[test]
    fn no_samples_have_no_summary_and_one_is_all_of_it() {
        assert_eq!(Summary::of(Vec::new()), None);
        let one = Summary::of(vec![7]).expect("there is one sample");
        assert_eq!((one.p50_ns, one.p999_ns, one.max_ns), (7, 7, 7));
    }
}
