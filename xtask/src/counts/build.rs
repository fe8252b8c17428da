//! Builds the binary that is counted, and asks cargo where it put it.

use crate::workspace::root;
use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tinyjson::JsonValue;

/// The bench profile: one unit of code, linked with everything it calls, so that equal sources give equal code.
const BUILD: &[&str] = &[
    "build",
    "--profile=bench",
    "--package=batchline-benches",
    "--bin=counts",
    "--message-format=json-render-diagnostics",
];

/// What would make other code of the same sources.
const FOREIGN_SETTINGS: [&str; 3] = ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_INCREMENTAL"];

/// Builds with these features on top, and returns the path of the binary.
pub(super) fn build(features: &[&str]) -> Result<PathBuf> {
    let mut command = Command::new("cargo");
    command
        .current_dir(root())
        .args(BUILD)
        .args(features.iter().map(|feature| format!("--features={feature}")));
    for name in FOREIGN_SETTINGS {
        command.env_remove(name);
    }
    let output = command.stderr(Stdio::inherit()).output().context("cargo does not start")?;
    if !output.status.success() {
        bail!("the binary `counts` does not build; see above");
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    messages.lines().find_map(executable).context("cargo named no binary `counts`")
}

/// The path in cargo's message that the binary `counts` is there.
fn executable(message: &str) -> Option<PathBuf> {
    let value: JsonValue = message.parse().ok()?;
    let map: &HashMap<String, JsonValue> = value.get()?;
    let target: &HashMap<String, JsonValue> = map.get("target")?.get()?;
    let is_it = target.get("name")?.get::<String>()? == "counts";
    let path: &String = map.get("executable")?.get()?;
    is_it.then(|| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_is_found_among_the_messages() {
        let message =
            r#"{"reason":"compiler-artifact","target":{"name":"counts"},"executable":"/t/release/counts"}"#;
        assert_eq!(executable(message), Some(PathBuf::from("/t/release/counts")));
    }

    #[test]
    fn other_messages_name_none() {
        let others = [
            r#"{"reason":"compiler-artifact","target":{"name":"table"},"executable":"/t/release/table"}"#,
            r#"{"reason":"compiler-artifact","target":{"name":"counts"},"executable":null}"#,
            r#"{"reason":"build-finished","success":true}"#,
            "not JSON",
        ];
        others.iter().for_each(|message| assert_eq!(executable(message), None, "{message}"));
    }
}
