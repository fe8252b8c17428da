//! How a step of the test run ended.

use super::count::Count;

/// The end of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed(Count),
    /// The filters left nothing to do: nobody needs to worry.
    Unmatched,
    /// Something is missing on this machine: somebody should know.
    Skipped(String),
    Failed(Count, String),
}

impl Outcome {
    /// A step that ran nothing proves nothing: green with zero tests is a failure, unless a filter explains it.
    pub(crate) fn judge(success: bool, count: Count, filtered: bool) -> Outcome {
        match (success, count.executed()) {
            (true, 0) if filtered => Outcome::Unmatched,
            (true, 0) => {
                Outcome::Failed(count, "no test ran: were the tests renamed or compiled out?".into())
            }
            (true, _) => Outcome::Passed(count),
            (false, _) if count.failed > 0 => {
                Outcome::Failed(count, format!("{} failing, named above", count.failed))
            }
            (false, _) => {
                Outcome::Failed(count, "it did not build, or a test program died; see above".into())
            }
        }
    }

    /// Nothing could be judged, for this reason.
    pub(crate) fn judge_error(error: &anyhow::Error) -> Outcome {
        Outcome::Failed(Count::default(), format!("{error:#}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_tests_fail_unless_a_filter_explains_it() {
        assert!(matches!(Outcome::judge(true, Count::default(), false), Outcome::Failed(..)));
        assert_eq!(Outcome::judge(true, Count::default(), true), Outcome::Unmatched);
    }

    #[test]
    fn a_failed_command_fails_whatever_it_counted() {
        let count = Count { passed: 9, failed: 0, ignored: 0 };
        assert!(matches!(Outcome::judge(false, count, false), Outcome::Failed(..)));
        assert_eq!(Outcome::judge(true, count, false), Outcome::Passed(count));
    }
}
