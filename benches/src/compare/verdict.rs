//! From two spreads to a verdict, and from the verdicts of rows to that of their group.

use std::fmt;

use super::{
    TOLERANCE,
    rank_test::chance_of,
    rows::{Pair, Side},
    spread::Measurement,
};

/// Quartiles further apart than this share of the median would hide a change, so "level" could not be said.
const WIDTH_MAX: f64 = 5.0 * TOLERANCE;

/// A difference that chance would bring this often is none: a comparison has about a hundred rows.
const CHANCE_MAX: f64 = 0.001;

/// What two runs say about one measurement, or one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Less time, beyond tolerance and noise.
    Faster,
    /// More time, beyond tolerance and noise.
    Slower,
    /// No change worth the name.
    Level,
    /// Perhaps a change, perhaps none.
    TooNoisy,
    /// Only the first run has it.
    Gone,
    /// Only the second run has it.
    New,
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Faster => "faster",
            Self::Slower => "slower",
            Self::Level => "level",
            Self::TooNoisy => "too noisy",
            Self::Gone => "gone",
            Self::New => "new",
        })
    }
}

/// Judges one measurement: the ratio after machine speed, and the verdict.
pub fn of_pair(pair: &Pair, machine: f64, tolerance: f64) -> (Option<f64>, Verdict) {
    match (&pair.before, &pair.after) {
        (_, Side::Absent) => (None, Verdict::Gone),
        (Side::Absent, _) => (None, Verdict::New),
        (Side::Measured(before), Side::Measured(after)) => {
            let after = after.divided_by(machine);
            let ratio = after.spread.median_ns / before.spread.median_ns;
            (Some(ratio), of_measurements(before, &after, tolerance))
        }
        _ => (None, Verdict::TooNoisy),
    }
}

fn of_measurements(before: &Measurement, after: &Measurement, tolerance: f64) -> Verdict {
    let ratio = after.spread.median_ns / before.spread.median_ns;
    let is_within = |tolerance: f64| ratio <= 1.0 + tolerance && ratio >= 1.0 / (1.0 + tolerance);
    let is_wide = is_wide(before) || is_wide(after);
    match is_within(TOLERANCE) {
        true if is_wide => Verdict::TooNoisy,
        true => Verdict::Level,
        // The controls move as much, and their code is the same.
        false if is_within(tolerance) => Verdict::TooNoisy,
        false if !are_apart(before, after) => Verdict::TooNoisy,
        false if ratio > 1.0 => Verdict::Slower,
        false => Verdict::Faster,
    }
}

/// Samples of a latency lie far apart by nature, and their median is known well all the same.
fn is_wide(measured: &Measurement) -> bool {
    let width_max = if measured.rounds_ns.is_empty() { f64::MAX } else { WIDTH_MAX };
    measured.spread.width() > width_max
}

fn are_apart(before: &Measurement, after: &Measurement) -> bool {
    let have_rounds = !before.rounds_ns.is_empty() && !after.rounds_ns.is_empty();
    let is_chance = have_rounds && chance_of(&before.rounds_ns, &after.rounds_ns) >= CHANCE_MAX;
    !before.spread.overlaps(&after.spread) && !is_chance
}

/// Judges a group by its rows: a slower one decides, then a faster one; noise decides when most rows are noise.
pub fn of_group(rows: &[Verdict]) -> Verdict {
    let count = |verdict: Verdict| rows.iter().filter(|&&row| row == verdict).count();
    let compared = rows.len() - count(Verdict::Gone) - count(Verdict::New);
    match () {
        () if compared == 0 && count(Verdict::New) == 0 => Verdict::Gone,
        () if compared == 0 => Verdict::New,
        () if count(Verdict::Slower) > 0 => Verdict::Slower,
        () if count(Verdict::Faster) > 0 => Verdict::Faster,
        () if 2 * count(Verdict::TooNoisy) > compared => Verdict::TooNoisy,
        () => Verdict::Level,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::spread::Spread, *};

    fn latency(low_ns: f64, median_ns: f64, high_ns: f64) -> Measurement {
        Measurement { spread: Spread { low_ns, median_ns, high_ns }, rounds_ns: Vec::new() }
    }

    fn rounds(rounds_ns: &[f64]) -> Measurement {
        let spread = Spread::over_rounds(rounds_ns).expect("there are enough rounds");
        Measurement { spread, rounds_ns: rounds_ns.to_vec() }
    }

    #[test]
    fn a_change_needs_both_size_and_distance() {
        let before = latency(9.9, 10.0, 10.1);
        let judge = |after: Measurement| of_measurements(&before, &after, 0.05);
        assert_eq!(judge(latency(5.0, 10.0, 20.0)), Verdict::Level, "samples may spread");
        assert_eq!(judge(latency(11.9, 12.0, 12.1)), Verdict::Slower);
        assert_eq!(judge(latency(7.9, 8.0, 8.1)), Verdict::Faster);
        assert_eq!(judge(latency(10.2, 10.3, 10.4)), Verdict::Level, "far enough apart, but too small");
        assert_eq!(judge(latency(10.0, 12.0, 14.0)), Verdict::TooNoisy, "large, but they overlap");
    }

    #[test]
    fn rounds_far_apart_are_not_level() {
        let wide = rounds(&[7.0, 7.5, 8.0, 10.0, 12.0, 12.5, 13.0]);
        assert_eq!(of_measurements(&wide, &wide, 0.05), Verdict::TooNoisy, "a change would not have shown");
    }

    #[test]
    fn quartiles_that_lie_apart_by_chance_are_noise() {
        let before = [8.0, 9.0, 10.0, 10.1, 10.2, 13.0, 10.3];
        let mixed = [12.0, 12.1, 12.2, 12.3, 9.5, 12.4, 12.5];
        assert!(!rounds(&before).spread.overlaps(&rounds(&mixed).spread));
        assert_eq!(of_measurements(&rounds(&before), &rounds(&mixed), 0.05), Verdict::TooNoisy);
        let clear = before.map(|ns| ns + 6.0);
        assert_eq!(of_measurements(&rounds(&before), &rounds(&clear), 0.05), Verdict::Slower);
    }

    #[test]
    fn the_worst_row_speaks_for_its_group() {
        use Verdict::{Faster, Gone, Level, New, Slower, TooNoisy};
        let cases = [
            (vec![Level, Faster, Slower], Slower),
            (vec![Level, Faster, TooNoisy], Faster),
            (vec![Level, TooNoisy, TooNoisy], TooNoisy),
            (vec![Level, TooNoisy], Level),
            (vec![Gone, Gone], Gone),
            (vec![New], New),
            (vec![Gone, New], New),
            (vec![Gone, Level], Level),
        ];
        cases.iter().for_each(|(rows, verdict)| assert_eq!(of_group(rows), *verdict, "{rows:?}"));
    }
}
