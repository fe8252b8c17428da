//! What a count says beside its baseline.

use std::fmt;

/// How one case came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Within the tolerance.
    Same,
    /// Ours, and more than it was: a regression.
    Risen,
    /// Less than it was: the baseline is out of date.
    Fallen,
    /// A peer's: worth knowing, not ours to answer for.
    PeerMoved,
    /// Nothing to compare with.
    NoBaseline,
}

impl Verdict {
    pub(super) fn of(ours: bool, difference_percent: Option<f64>, tolerance_percent: f64) -> Self {
        match difference_percent {
            None => Self::NoBaseline,
            Some(difference) if difference.abs() <= tolerance_percent => Self::Same,
            Some(_) if !ours => Self::PeerMoved,
            Some(difference) if difference > 0.0 => Self::Risen,
            Some(_) => Self::Fallen,
        }
    }

    /// Whether it fails a check.
    pub(super) fn is_error(self) -> bool {
        matches!(self, Self::Risen | Self::NoBaseline)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "ok",
            Self::Risen => "RISEN",
            Self::Fallen => "fallen",
            Self::PeerMoved => "peer moved",
            Self::NoBaseline => "NO BASELINE",
        })
    }
}

/// How far `now` is above `baseline`, in percent of it.
pub(super) fn difference_percent(now: f64, baseline: f64) -> f64 {
    (now - baseline) / baseline * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tolerance_itself_is_still_within() {
        assert_eq!(Verdict::of(true, Some(1.0), 1.0), Verdict::Same);
        assert_eq!(Verdict::of(true, Some(-1.0), 1.0), Verdict::Same);
        assert_eq!(Verdict::of(true, Some(1.001), 1.0), Verdict::Risen);
        assert_eq!(Verdict::of(true, Some(-1.001), 1.0), Verdict::Fallen);
    }

    #[test]
    fn peers_may_move() {
        assert_eq!(Verdict::of(false, Some(50.0), 1.0), Verdict::PeerMoved);
        assert_eq!(Verdict::of(false, Some(-50.0), 1.0), Verdict::PeerMoved);
        assert_eq!(Verdict::of(false, Some(0.5), 1.0), Verdict::Same);
    }

    #[test]
    fn a_rise_and_a_missing_baseline_fail_and_nothing_else() {
        let all = [Verdict::Same, Verdict::Risen, Verdict::Fallen, Verdict::PeerMoved, Verdict::NoBaseline];
        let errors: Vec<Verdict> = all.into_iter().filter(|verdict| verdict.is_error()).collect();
        assert_eq!(errors, [Verdict::Risen, Verdict::NoBaseline]);
        assert_eq!(Verdict::of(false, None, 1.0), Verdict::NoBaseline);
    }

    #[test]
    fn differences_are_of_the_baseline() {
        assert_eq!(difference_percent(37.0, 36.0).round(), 3.0);
        assert_eq!(difference_percent(18.0, 36.0), -50.0);
    }
}
