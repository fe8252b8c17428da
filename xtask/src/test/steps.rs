//! The list of test steps, cheapest first. The end-to-end test of the CLI is part of the first.

use super::model::Model;
use super::step::{Need, Step};

/// The steps of this run.
pub(crate) fn plan(quick: bool) -> &'static [Step] {
    if quick { &STEPS[..1] } else { STEPS }
}

const STEPS: &[Step] = &[
    Step {
        name: "workspace",
        purpose: "unit, integration, doc and end-to-end tests, with every feature",
        cargo: &["test", "--workspace", "--all-features"],
        selection: None,
        model: None,
        needs: None,
    },
    Step {
        name: "features",
        purpose: "the core without features: they only add",
        cargo: &["test", "-p", "batchline", "--no-default-features"],
        selection: None,
        model: None,
        needs: None,
    },
    Step {
        name: "loom",
        purpose: "each lock-free structure, over all orders of its atomic operations",
        cargo: &["test", "-p", "batchline", "--release", "--lib"],
        selection: Some("models"),
        model: Some(Model {
            cfg: "batchline_loom",
            target_dir: "target-loom",
            // Three forced switches find nearly every bug; without a limit a model can take hours.
            default_env: &[("LOOM_MAX_PREEMPTIONS", "3")],
        }),
        needs: None,
    },
    Step {
        name: "shuttle",
        purpose: "whole paths, under random schedules",
        cargo: &["test", "-p", "batchline", "--release", "--features", "dedup", "--test", "shuttle"],
        selection: None,
        model: Some(Model { cfg: "batchline_shuttle", target_dir: "target-shuttle", default_env: &[] }),
        needs: None,
    },
    Step {
        name: "miri",
        purpose: "the small lock-free structures, for undefined behaviour",
        cargo: &["+nightly", "miri", "test", "-p", "batchline", "--features", "dedup", "--lib"],
        selection: Some("miri_"),
        model: None,
        // A nightly with Miri cannot be had on every machine and every day: its absence is shouted, not failed.
        needs: Some(Need {
            question: &["+nightly", "miri", "--version"],
            advice: "install it: rustup toolchain install nightly --component miri,rust-src",
        }),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_is_the_workspace_alone() {
        assert_eq!(plan(true).iter().map(|step| step.name).collect::<Vec<_>>(), ["workspace"]);
    }

    #[test]
    fn only_an_optional_tool_may_skip_a_step() {
        let may_skip: Vec<_> = plan(false).iter().filter(|step| step.needs.is_some()).collect();
        assert_eq!(may_skip.iter().map(|step| step.name).collect::<Vec<_>>(), ["miri"]);
    }

    #[test]
    fn models_do_not_share_a_folder() {
        let mut folders: Vec<_> =
            STEPS.iter().filter_map(|step| step.model.as_ref()).map(|m| m.target_dir).collect();
        folders.dedup();
        assert_eq!(folders, ["target-loom", "target-shuttle"]);
    }
}
