//! A build of the core against a model checker's atomics instead of std's.

use crate::workspace::root;
use std::process::Command;

/// What turns a test command into one of a model checker.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) cfg: &'static str,
    /// Own folder: other flags in the same one would rebuild the world at each change of step.
    pub(crate) target_dir: &'static str,
    /// Environment that the person may set; this value counts if not.
    pub(crate) default_env: &'static [(&'static str, &'static str)],
}

impl Model {
    /// Sets the environment of the command.
    pub(crate) fn apply(&self, command: &mut Command) {
        let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
        command.env("RUSTFLAGS", format!("{flags} --cfg {}", self.cfg).trim());
        command.env("CARGO_TARGET_DIR", root().join(self.target_dir));
        for (name, value) in self.default_env {
            if std::env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_its_cfg_its_own_folder_and_its_limits() {
        let mut command = Command::new("cargo");
        let default_env = &[("XTASK_SURELY_UNSET", "3"), ("PATH", "not this")];
        Model { cfg: "some_cfg", target_dir: "target-some", default_env }.apply(&mut command);
        let env = |name: &str| command.get_envs().find(|(key, _)| *key == name)?.1?.to_str();
        assert!(env("RUSTFLAGS").unwrap().ends_with("--cfg some_cfg"));
        assert!(env("CARGO_TARGET_DIR").unwrap().ends_with("target-some"));
        assert_eq!((env("XTASK_SURELY_UNSET"), env("PATH")), (Some("3"), None));
    }
}
