//! The paragraph that says where and with what the numbers were made.

use super::{fill::fill, refusal::Missing};
use crate::page::{Report, saved::Conditions};

/// Writes it.
pub(super) fn write(report: &Report) -> Result<String, Missing> {
    let conditions = &report.conditions;
    let cores = conditions.cores.ok_or_else(|| Missing("the number of cores".to_owned()))?;
    let mode = fact("the mode", &conditions.mode)?;
    let cpu = fact("the processor", &conditions.cpu)?;
    // What follows is the name of a build, not a version.
    let kernel = until('-', fact("the kernel", &conditions.kernel)?);
    let rustc = until('(', fact("the compiler", &conditions.rustc)?);
    let commit = fact("the commit", &conditions.commit)?;
    let load = until(' ', fact("the load average", &conditions.load_average)?);
    let peers = peers(conditions)?;
    Ok(fill(&format!(
        "Printed by `cargo xtask bench --{mode}` on {cores} cores, {cpu}, Linux {kernel}, {rustc}, commit {commit}, \
         load average {load} at the start. Versions: {peers}."
    )))
}

fn fact<'a>(what: &str, value: &'a str) -> Result<&'a str, Missing> {
    if value.is_empty() { Err(Missing(what.to_owned())) } else { Ok(value) }
}

fn until(mark: char, text: &str) -> &str {
    text.split(mark).next().unwrap_or_default().trim()
}

/// The crates beside ours, whose version the commit tells.
fn peers(conditions: &Conditions) -> Result<String, Missing> {
    let others = conditions.peers.iter().filter(|(name, _)| *name != "batchline");
    let peers: Vec<String> = others.map(|(name, version)| format!("{name} {version}")).collect();
    if peers.is_empty() { Err(Missing("the versions of the peers".to_owned())) } else { Ok(peers.join(", ")) }
}
