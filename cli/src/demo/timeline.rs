//! Rows over time, in memory that does not grow with the run.

use std::time::Duration;

/// More steps than a plot can show; beyond, two neighbours become one.
const STEPS_MAX: usize = 16_384;

/// How many rows were complete at which moment since the start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    steps: Vec<(Duration, u64)>,
    rows: u64,
}

/// Rows per second around a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pace {
    pub(crate) at_s: f64,
    pub(crate) rows_per_s: f64,
}

impl Timeline {
    /// Notes that `rows` more were complete at `at`. Moments must not go back.
    pub(crate) fn record(&mut self, at: Duration, rows: u64) {
        self.rows += rows;
        self.steps.push((at, self.rows));
        if self.steps.len() > STEPS_MAX {
            let mut place = 0;
            self.steps.retain(|_| {
                place += 1;
                place % 2 == 1
            });
        }
    }

    /// The pace in `bins` equal stretches up to the last step.
    pub(crate) fn paces(&self, bins: usize) -> Vec<Pace> {
        let Some(&(end, _)) = self.steps.last() else { return Vec::new() };
        let width_s = end.as_secs_f64() / bins as f64;
        let mut before = 0.0;
        let ends = (1..=bins).map(|bin| (bin, self.rows_at(width_s * bin as f64)));
        ends.map(|(bin, rows)| {
            let gained = rows - std::mem::replace(&mut before, rows);
            Pace { at_s: (bin as f64 - 0.5) * width_s, rows_per_s: gained / width_s }
        })
        .collect()
    }

    /// Rows at a moment, on a straight line between two steps.
    fn rows_at(&self, at_s: f64) -> f64 {
        let next = self.steps.partition_point(|(at, _)| at.as_secs_f64() < at_s);
        let (x0, y0) = next.checked_sub(1).map_or((0.0, 0.0), |last| self.step(last));
        if next == self.steps.len() {
            return y0;
        }
        let (x1, y1) = self.step(next);
        if x1 > x0 { y0 + (y1 - y0) * (at_s - x0) / (x1 - x0) } else { y1 }
    }

    fn step(&self, place: usize) -> (f64, f64) {
        let (at, rows) = self.steps[place];
        (at.as_secs_f64(), rows as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_run_has_an_even_pace() {
        let mut line = Timeline::default();
        for step in 1..=40_000u64 {
            line.record(Duration::from_micros(step * 10), 1);
        }
        assert!(line.steps.len() <= STEPS_MAX);
        let paces = line.paces(20);
        assert_eq!(paces.len(), 20);
        assert!(paces.iter().all(|pace| (pace.rows_per_s - 100_000.0).abs() < 500.0), "{paces:?}");
    }

    #[test]
    fn nothing_has_no_pace() {
        assert!(Timeline::default().paces(10).is_empty());
    }
}
