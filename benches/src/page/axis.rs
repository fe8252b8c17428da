//! An axis: where a value goes, and which ticks stand at it. What cannot be placed gets no place, so that no plot
//! ever sees a zero on a logarithmic axis, an infinity or a NaN.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use super::saved::is_usable;

/// A range above this factor is drawn on a logarithmic axis.
const LINEAR_RANGE_MAX: f64 = 20.0;
/// More tick labels than this touch each other on a phone.
const TICKS_MAX: usize = 7;

/// One axis. Places are logarithms on a logarithmic axis, and the values themselves on a linear one.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    is_log: bool,
    range: Range<f64>,
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Linear from zero, or logarithmic when the values differ too much for that.
    pub(super) fn fitting(values: &[f64], label: fn(f64) -> String) -> Self {
        match bounds(values) {
            Some((low, high)) if high / low > LINEAR_RANGE_MAX => Self::log(values, label),
            Some((_, high)) => Self::linear(high, label),
            None => Self::linear(1.0, label),
        }
    }

    /// Logarithmic, from the round number below to the round number above.
    pub(super) fn log(values: &[f64], label: fn(f64) -> String) -> Self {
        let (low, high) = bounds(values).unwrap_or((1.0, 10.0));
        let (low, high) = (round_below(low / 1.1), round_above(high * 1.02));
        let all = log_ticks(low, high, &[1.0, 2.0, 5.0]);
        let ticks = if all.len() > TICKS_MAX { log_ticks(low, high, &[1.0]) } else { all };
        let step = ticks.len().div_ceil(TICKS_MAX).max(1);
        let ticks = ticks.into_iter().step_by(step).map(|tick| (tick.log10(), label(tick))).collect();
        Self { is_log: true, range: low.log10()..high.log10(), ticks }
    }

    /// Logarithmic, with ticks at the values themselves.
    pub(super) fn log_at(values: &[f64], label: fn(f64) -> String) -> Self {
        let (low, high) = bounds(values).unwrap_or((1.0, 10.0));
        let mut ticks: Vec<f64> = values.iter().copied().filter(|&value| is_usable(value)).collect();
        ticks.sort_by(f64::total_cmp);
        ticks.dedup();
        let margin = 0.04 * (high / low).log10() + 0.02;
        let ticks = ticks.into_iter().map(|tick| (tick.log10(), label(tick))).collect();
        Self { is_log: true, range: low.log10() - margin..high.log10() + margin, ticks }
    }

    /// Linear, with places and ticks as given.
    pub(super) fn with_ticks(range: Range<f64>, ticks: &[(f64, &str)]) -> Self {
        let ticks = ticks.iter().map(|&(place, label)| (place, label.to_owned())).collect();
        Self { is_log: false, range, ticks }
    }

    fn linear(high: f64, label: fn(f64) -> String) -> Self {
        let step = round_above(high / 5.0);
        let count = (high * 1.02 / step).ceil();
        let ticks = (0..=count as usize).map(|index| index as f64 * step).map(|tick| (tick, label(tick)));
        Self { is_log: false, range: 0.0..count * step, ticks: ticks.collect() }
    }

    /// Where a value goes; clamped, since the end of a whisker may lie outside.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        let place = if self.is_log { is_usable(value).then(|| value.log10())? } else { value };
        place.is_finite().then(|| place.clamp(self.range.start, self.range.end))
    }

    /// Where it starts.
    pub(super) fn start(&self) -> f64 {
        self.range.start
    }

    /// True if it is logarithmic.
    pub(super) fn is_log(&self) -> bool {
        self.is_log
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, place: &f64, (start, end): (i32, i32)) -> i32 {
        let share = (place - self.range.start) / (self.range.end - self.range.start);
        start + (f64::from(end - start) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let is_for_fine_mesh = hint.weight().allow_light_points();
        let ticks = self.ticks.iter().filter(|_| !is_for_fine_mesh);
        ticks.map(|(place, _)| *place).collect()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, place: &f64) -> String {
        let tick = self.ticks.iter().find(|(tick, _)| (tick - place).abs() < 1e-9);
        tick.map_or_else(String::new, |(_, label)| label.clone())
    }
}

fn bounds(values: &[f64]) -> Option<(f64, f64)> {
    let usable = || values.iter().copied().filter(|&value| is_usable(value));
    usable().min_by(f64::total_cmp).zip(usable().max_by(f64::total_cmp))
}

/// These digits and their tenfolds between two numbers, both included.
fn log_ticks(low: f64, high: f64, digits: &[f64]) -> Vec<f64> {
    let powers =
        (low.log10().floor() as i32..=high.log10().ceil() as i32).map(|exponent| 10f64.powi(exponent));
    let all = powers.flat_map(|power| digits.iter().map(move |digit| digit * power));
    all.filter(|tick| (low * 0.999..=high * 1.001).contains(tick)).collect()
}

/// The largest of 1, 2, 5 and their tenfolds that is not above.
fn round_below(value: f64) -> f64 {
    let power = 10f64.powi(value.log10().floor() as i32);
    let digit = [5.0, 2.0].into_iter().find(|digit| digit * power <= value * 1.000_001).unwrap_or(1.0);
    digit * power
}

/// The smallest that is not below.
fn round_above(value: f64) -> f64 {
    let power = 10f64.powi(value.log10().floor() as i32);
    let digits = [1.0, 2.0, 5.0];
    let digit = digits.into_iter().find(|digit| digit * power >= value * 0.999_999).unwrap_or(10.0);
    digit * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks.iter().map(|(_, label)| label.clone()).collect()
    }

    fn plain(value: f64) -> String {
        format!("{value}")
    }

    #[test]
    fn a_small_range_is_linear_from_zero() {
        let axis = Axis::fitting(&[4.0, 9.0], plain);
        assert!(!axis.is_log());
        assert_eq!(labels(&axis), ["0", "2", "4", "6", "8", "10"]);
    }

    #[test]
    fn a_large_range_is_logarithmic() {
        let axis = Axis::fitting(&[2.5, 90.0], plain);
        assert!(axis.is_log());
        assert_eq!(labels(&axis), ["2", "5", "10", "20", "50", "100"]);
        assert_eq!(axis.place(10.0), Some(1.0));
    }

    #[test]
    fn ticks_stay_few_over_many_decades() {
        let axis = Axis::log(&[1.0, 1e12], plain);
        assert!((3..=TICKS_MAX).contains(&axis.ticks.len()), "{:?}", axis.ticks);
    }

    #[test]
    fn what_cannot_be_placed_gets_no_place() {
        let axis = Axis::log(&[0.0, f64::NAN, 5.0, 500.0, f64::INFINITY], plain);
        assert_eq!([0.0, -1.0, f64::NAN, f64::INFINITY].map(|value| axis.place(value)), [None; 4]);
        assert_eq!(axis.place(1e9), Some(axis.range.end), "clamped");
    }

    #[test]
    fn no_values_at_all_still_make_an_axis() {
        for axis in [Axis::fitting(&[], plain), Axis::log(&[0.0], plain), Axis::log_at(&[], plain)] {
            assert!(axis.range.start.is_finite() && axis.range.start < axis.range.end);
        }
    }
}
