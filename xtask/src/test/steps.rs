//! The list of test steps: those of cargo, cheapest first, then those of other languages.
//! The end-to-end test of the CLI is part of the first.

use super::cargo_tests::{CargoTests, Need};
use super::model::Model;
use super::step::{Step, Work};
use super::{dist, go, python};
use crate::packages::{
    ASAN, BINUTILS, CMAKE, GCC, GXX, LIBC, MAKE, PKG_CONFIG, PYTHON, UBSAN, VALGRIND, VENV,
};

/// The steps of this run.
pub(crate) fn plan(quick: bool) -> &'static [Step] {
    if quick { &STEPS[..1] } else { STEPS }
}

/// The names of the steps that do not run cargo's tests.
pub(crate) fn own_names() -> Vec<&'static str> {
    STEPS.iter().filter(|step| matches!(step.work, Work::Own(_))).map(|step| step.name).collect()
}

const STEPS: &[Step] = &[
    Step {
        name: "workspace",
        purpose: "unit, integration, doc and end-to-end tests, with every feature",
        // The tests of the C ABI compile programs and run them under sanitizers and valgrind.
        packages: &[GCC, LIBC, GXX, ASAN, UBSAN, VALGRIND],
        work: Work::Cargo(CargoTests::all(&["test", "--workspace", "--all-features"])),
    },
    Step {
        name: "features",
        purpose: "the core without features: they only add",
        packages: &[],
        work: Work::Cargo(CargoTests::all(&["test", "-p", "batchline", "--no-default-features"])),
    },
    Step {
        name: "loom",
        purpose: "each lock-free structure, over all orders of its atomic operations",
        packages: &[],
        work: Work::Cargo(CargoTests {
            selection: Some("models"),
            model: Some(Model {
                cfg: "batchline_loom",
                target_dir: "target-loom",
                // Three forced switches find nearly every bug; without a limit a model can take hours.
                default_env: &[("LOOM_MAX_PREEMPTIONS", "3")],
            }),
            ..CargoTests::all(&["test", "-p", "batchline", "--release", "--lib"])
        }),
    },
    Step {
        name: "shuttle",
        purpose: "whole paths, under random schedules",
        packages: &[],
        work: Work::Cargo(CargoTests {
            model: Some(Model { cfg: "batchline_shuttle", target_dir: "target-shuttle", default_env: &[] }),
            ..CargoTests::all(&[
                "test",
                "-p",
                "batchline",
                "--release",
                "--features",
                "dedup",
                "--test",
                "shuttle",
            ])
        }),
    },
    Step {
        name: "miri",
        purpose: "the small lock-free structures, for undefined behaviour",
        packages: &[],
        work: Work::Cargo(CargoTests {
            selection: Some("miri_"),
            // A nightly with Miri cannot be had on every machine and every day: its absence is shouted, not failed.
            needs: Some(Need {
                question: &["+nightly", "miri", "--version"],
                advice: "install it: rustup toolchain install nightly --component miri,rust-src",
            }),
            ..CargoTests::all(&[
                "+nightly",
                "miri",
                "test",
                "-p",
                "batchline",
                "-p",
                "batchline-ffi",
                "--features",
                "batchline/dedup",
                "--lib",
                "--test",
                "reservations",
                "--test",
                "slices",
            ])
        }),
    },
    Step {
        name: "dist",
        purpose: "the tree of the C library, moved elsewhere: what it exports, and every program of docs/guide/c.md",
        packages: &[GCC, LIBC, GXX, BINUTILS, PKG_CONFIG, CMAKE, MAKE, VALGRIND],
        work: Work::Own(dist::test),
    },
    Step {
        name: "go",
        purpose: "the Go package: format, vet, tests, race detector, and without cgo",
        packages: &[GCC, LIBC],
        work: Work::Own(go::test),
    },
    Step {
        name: "python",
        purpose: "the Python package: wheels, installed afresh; tests, doctests, examples, types",
        packages: &[GCC, LIBC, PYTHON, VENV],
        work: Work::Own(python::test),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn cargo_tests() -> impl Iterator<Item = (&'static str, &'static CargoTests)> {
        STEPS.iter().filter_map(|step| match &step.work {
            Work::Cargo(tests) => Some((step.name, tests)),
            Work::Own(_) => None,
        })
    }

    #[test]
    fn quick_is_the_workspace_alone() {
        assert_eq!(plan(true).iter().map(|step| step.name).collect::<Vec<_>>(), ["workspace"]);
    }

    #[test]
    fn steps_of_our_own_have_names_to_ask_for() {
        assert_eq!(own_names(), ["dist", "go", "python"]);
    }

    #[test]
    fn only_an_optional_tool_may_skip_a_cargo_step() {
        let may_skip: Vec<_> = cargo_tests().filter(|(_, tests)| tests.needs.is_some()).collect();
        assert_eq!(may_skip.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["miri"]);
    }

    #[test]
    fn models_do_not_share_a_folder() {
        let mut folders: Vec<_> =
            cargo_tests().filter_map(|(_, tests)| tests.model.as_ref()).map(|m| m.target_dir).collect();
        folders.dedup();
        assert_eq!(folders, ["target-loom", "target-shuttle"]);
    }

    #[test]
    fn what_the_c_tests_need_is_there_before_them() {
        let first = plan(true)[0].packages;
        assert!([GCC, GXX, ASAN, UBSAN, VALGRIND].iter().all(|package| first.contains(package)));
    }
}
