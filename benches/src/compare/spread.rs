//! What was measured of one row: a median between its quartiles, and the rounds behind it.

use crate::page::saved::{Kind, Row, is_usable};

/// Fewer rounds than this say nothing about how far they spread.
const ROUNDS_MIN: usize = 3;

/// One row of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// Its median and quartiles.
    pub spread: Spread,
    /// Its rounds; empty for latencies, and where a run saved none.
    pub rounds_ns: Vec<f64>,
}

impl Measurement {
    /// That of a row; none when nothing usable was measured.
    pub fn of(row: &Row, kind: Kind) -> Option<Self> {
        let rounds_ns = if kind == Kind::Rate { row.rounds_ns() } else { Vec::new() };
        Spread::of(row, kind).map(|spread| Self { spread, rounds_ns })
    }

    /// On a machine that was slower by this factor.
    pub fn divided_by(&self, factor: f64) -> Self {
        let rounds_ns = self.rounds_ns.iter().map(|ns| ns / factor).collect();
        Self { spread: self.spread.divided_by(factor), rounds_ns }
    }
}

/// A median between its quartiles, in nanoseconds. Unknown quartiles are as far apart as can be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// A quarter is below.
    pub low_ns: f64,
    /// Half is below.
    pub median_ns: f64,
    /// A quarter is above.
    pub high_ns: f64,
}

impl Spread {
    /// That of a row: over rounds, or over samples of a latency; none when nothing usable was measured.
    pub fn of(row: &Row, kind: Kind) -> Option<Self> {
        match kind {
            Kind::Rate => Self::over_rounds(&row.rounds_ns()).or_else(|| Self::as_saved(row)),
            Kind::Latency => Self::over_samples(row),
        }
    }

    /// That of rounds; none when they are too few.
    pub fn over_rounds(rounds_ns: &[f64]) -> Option<Self> {
        let mut sorted = rounds_ns.to_vec();
        sorted.sort_by(f64::total_cmp);
        let [low_ns, median_ns, high_ns] = [0.25, 0.5, 0.75].map(|at| quantile(&sorted, at));
        (sorted.len() >= ROUNDS_MIN).then_some(Self { low_ns, median_ns, high_ns })
    }

    fn as_saved(row: &Row) -> Option<Self> {
        // Quartiles of too few rounds were saved all the same.
        let has_quartiles = row.item_ns_by_round.is_empty();
        let quartiles = row.item_ns_p25.zip(row.item_ns_p75).filter(|_| has_quartiles);
        Self::around(row.item_ns?, quartiles)
    }

    fn over_samples(row: &Row) -> Option<Self> {
        let found = row.distribution()?;
        let quartiles = found.percentile_ns(25).zip(found.percentile_ns(75));
        Self::around(found.p50_ns.or(found.percentile_ns(50))?, quartiles)
    }

    fn around(median_ns: f64, quartiles: Option<(f64, f64)>) -> Option<Self> {
        let (low_ns, high_ns) = quartiles.unwrap_or((0.0, f64::INFINITY));
        is_usable(median_ns).then_some(Self { low_ns, median_ns, high_ns })
    }

    fn divided_by(self, factor: f64) -> Self {
        let Self { low_ns, median_ns, high_ns } = self;
        Self { low_ns: low_ns / factor, median_ns: median_ns / factor, high_ns: high_ns / factor }
    }

    /// True if the quartiles of the two have something in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.low_ns <= other.high_ns && other.low_ns <= self.high_ns
    }

    /// The distance of the quartiles as a share of the median.
    pub fn width(&self) -> f64 {
        (self.high_ns - self.low_ns) / self.median_ns
    }
}

/// Interpolates between the two nearest; `sorted` may be empty, and then it is NaN.
pub(super) fn quantile(sorted: &[f64], at: f64) -> f64 {
    let place = at * sorted.len().saturating_sub(1) as f64;
    match (sorted.get(place.floor() as usize), sorted.get(place.ceil() as usize)) {
        (Some(low), Some(high)) => low + (high - low) * place.fract(),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_rounds() {
        let spread = Spread::over_rounds(&[5.0, 1.0, 4.0, 2.0, 3.0]).expect("five rounds");
        assert_eq!(spread, Spread { low_ns: 2.0, median_ns: 3.0, high_ns: 4.0 });
        assert!((spread.width() - 2.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn too_few_rounds_overlap_with_everything() {
        let row = Row {
            item_ns: Some(4.0),
            item_ns_p25: Some(4.0),
            item_ns_p75: Some(4.0),
            item_ns_by_round: vec![Some(4.0)],
            ..Row::default()
        };
        let one = Spread::of(&row, Kind::Rate).expect("it has a median");
        assert!(one.overlaps(&Spread { low_ns: 90.0, median_ns: 91.0, high_ns: 92.0 }));
        assert_eq!(one.width(), f64::INFINITY);
    }

    #[test]
    fn nothing_usable_has_no_spread() {
        for item_ns in [None, Some(0.0), Some(-1.0), Some(f64::NAN)] {
            assert_eq!(Spread::of(&Row { item_ns, ..Row::default() }, Kind::Rate), None);
        }
    }
}
