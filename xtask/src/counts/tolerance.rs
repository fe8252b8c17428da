//! How far a count may be above its baseline.

use super::case::Case;
use crate::compiler::Compiler;

/// Runs and builds by one compiler differ by less than 0.001 instructions per item, or 0.01 percent; one instruction
/// more in a put is 2.8 percent.
const EXACT_PERCENT: f64 = 1.0;
/// Where tables are seeded at random, the farthest of a dozen runs were 0.7 percent apart.
const SEEDED_PERCENT: f64 = 2.5;
/// By another release of the compiler, which generates other code. Between 1.95 and a nightly of 1.97, cases of ours
/// moved by up to 0.6 percent, those of peers by 7.
const OTHER_COMPILER_PERCENT: f64 = 5.0;

/// What may be compared, and how closely.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Tolerance {
    SameCompiler,
    OtherCompiler,
}

impl Tolerance {
    /// `None` when nothing can be compared: instructions of another target are other instructions.
    pub(super) fn between(now: &Compiler, baseline: &Compiler) -> Option<Self> {
        match now.target == baseline.target {
            true if now.is_like(baseline) => Some(Self::SameCompiler),
            true => Some(Self::OtherCompiler),
            false => None,
        }
    }

    /// For cases that repeat exactly.
    pub(super) fn percent(self) -> f64 {
        match self {
            Self::SameCompiler => EXACT_PERCENT,
            Self::OtherCompiler => OTHER_COMPILER_PERCENT,
        }
    }

    /// For this case.
    pub(super) fn percent_of(self, case: &Case) -> f64 {
        if case.seeded { self.percent().max(SEEDED_PERCENT) } else { self.percent() }
    }

    /// What the table says of it.
    pub(super) fn describe(self) -> String {
        match self {
            Self::SameCompiler => {
                format!("{EXACT_PERCENT} percent, {SEEDED_PERCENT} where tables are seeded at random")
            }
            Self::OtherCompiler => format!("{OTHER_COMPILER_PERCENT} percent"),
        }
    }
}

/// Tells of a tolerance that is wider than it should be for long.
pub(super) fn notice_of_other_release(now: &Compiler, baseline: &Compiler) -> String {
    format!(
        "the baseline was made by rustc {}, this is {}: a tolerance of {OTHER_COMPILER_PERCENT} percent instead of \
         {EXACT_PERCENT}, until `cargo xtask counts --update` is run with this compiler and committed",
        baseline.rustc, now.rustc
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiler(rustc: &str, target: &str) -> Compiler {
        Compiler { rustc: rustc.into(), target: target.into() }
    }

    #[test]
    fn another_release_is_compared_less_closely_and_told_of() {
        let (base, patch, other) =
            (compiler("1.95.0", "x"), compiler("1.95.2", "x"), compiler("1.96.0", "x"));
        assert_eq!(Tolerance::between(&patch, &base), Some(Tolerance::SameCompiler));
        assert_eq!(Tolerance::between(&other, &base), Some(Tolerance::OtherCompiler));
        let notice = notice_of_other_release(&other, &base);
        assert!(notice.contains("1.95.0") && notice.contains("1.96.0"), "{notice}");
    }

    #[test]
    fn another_target_is_not_compared() {
        assert_eq!(Tolerance::between(&compiler("1.95.0", "y"), &compiler("1.95.0", "x")), None);
    }

    #[test]
    fn a_seeded_case_has_more_room_and_never_less() {
        let case = |seeded| Case { name: "map-get/optimized".into(), ours: true, seeded, items: 1 };
        let percents = |tolerance: Tolerance| [false, true].map(|seeded| tolerance.percent_of(&case(seeded)));
        assert_eq!(percents(Tolerance::SameCompiler), [EXACT_PERCENT, SEEDED_PERCENT]);
        assert_eq!(percents(Tolerance::OtherCompiler), [OTHER_COMPILER_PERCENT; 2]);
    }
}
