//! One step of the test run: what must be installed, and the work.

use super::asked::Asked;
use super::cargo_tests::CargoTests;
use super::outcome::Outcome;
use crate::packages::{self, Package, Supply};

/// A step, as data: steps.rs is the list.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) purpose: &'static str,
    /// Installed first, where that is allowed.
    pub(crate) packages: &'static [Package],
    pub(crate) work: Work,
}

/// What a step does.
#[derive(Debug)]
pub(crate) enum Work {
    /// Tests that cargo builds and runs.
    Cargo(CargoTests),
    /// A function of ours. In a filtered run, only if the step's name is asked for.
    Own(fn() -> Outcome),
}

impl Step {
    /// Runs the step, or says why not.
    pub(crate) fn run(&self, asked: &Asked) -> Outcome {
        if !self.is_wanted(asked) {
            return Outcome::Unmatched;
        }
        match packages::require(self.packages) {
            Ok(supply) => self.work(supply, &asked.filters),
            Err(error) => Outcome::judge_error(&error),
        }
    }

    fn is_wanted(&self, asked: &Asked) -> bool {
        match self.work {
            Work::Cargo(_) => asked.is_all() || !asked.filters.is_empty(),
            Work::Own(_) => asked.is_all() || asked.steps.iter().any(|name| name == self.name),
        }
    }

    /// Most of cargo's tests need nothing, so they run anyway, and those that need what is missing say so; a step of
    /// our own needs all of it.
    fn work(&self, supply: Supply, filters: &[String]) -> Outcome {
        match (&self.work, supply) {
            (Work::Own(_), Supply::Missing(why)) => Outcome::Skipped(why),
            (Work::Own(run), Supply::Complete) => run(),
            (Work::Cargo(tests), supply) => {
                if let Supply::Missing(why) = supply {
                    eprintln!(
                        "\n!!!!!!!!\n!!!!!!!! {}: some of its tests cannot run; {why}\n!!!!!!!!",
                        self.name
                    );
                }
                tests.run(filters)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::count::Count;

    const ONE: Count = Count { passed: 1, failed: 0, ignored: 0 };
    const OWN: Step =
        Step { name: "own", purpose: "p", packages: &[], work: Work::Own(|| Outcome::Passed(ONE)) };

    fn asked(words: &[&str]) -> Asked {
        Asked::of(words.iter().map(ToString::to_string).collect(), &["own", "other"])
    }

    #[test]
    fn a_step_of_our_own_runs_when_nothing_or_its_name_is_asked_for() {
        assert_eq!(OWN.run(&asked(&[])), Outcome::Passed(ONE));
        assert_eq!(OWN.run(&asked(&["slab", "own"])), Outcome::Passed(ONE));
        assert_eq!(OWN.run(&asked(&["slab", "crown"])), Outcome::Unmatched);
    }

    #[test]
    fn cargo_is_left_out_when_only_other_steps_are_asked_for() {
        let cargo = Step { work: Work::Cargo(CargoTests::all(&["test"])), ..OWN };
        assert!(cargo.is_wanted(&asked(&[])) && cargo.is_wanted(&asked(&["own", "slab"])));
        assert!(!cargo.is_wanted(&asked(&["own"])));
    }

    #[test]
    fn a_step_of_our_own_is_skipped_when_something_is_missing() {
        assert_eq!(OWN.work(Supply::Missing("cmake".into()), &[]), Outcome::Skipped("cmake".into()));
    }
}
