//! Differences between the conditions of two runs that make a comparison doubtful.

use crate::page::saved::Conditions;

/// One sentence per difference.
pub(super) fn of(before: &Conditions, after: &Conditions) -> Vec<String> {
    let cores = |conditions: &Conditions| {
        conditions.cores.map_or_else(|| "unknown".to_owned(), |cores| cores.to_string())
    };
    let differences = [
        ("another processor", before.cpu.clone(), after.cpu.clone()),
        ("another number of cores", cores(before), cores(after)),
        ("another compiler", before.rustc.clone(), after.rustc.clone()),
        ("another mode", before.mode.clone(), after.mode.clone()),
    ];
    let differences = differences.into_iter().filter(|(_, before, after)| before != after);
    let mut warnings: Vec<String> =
        differences.map(|(what, before, after)| format!("{what}: \"{before}\", then \"{after}\"")).collect();
    warnings.extend(changed_peers(before, after));
    warnings
}

/// A peer of another version is a control no longer.
fn changed_peers(before: &Conditions, after: &Conditions) -> Option<String> {
    let is_peer = |name: &str| name != "batchline";
    let changed = before.peers.iter().filter_map(|(name, old)| {
        let new = after.peers.get(name).filter(|new| *new != old && is_peer(name))?;
        Some(format!("{name} {old} -> {new}"))
    });
    let changed: Vec<String> = changed.collect();
    (!changed.is_empty()).then(|| format!("other versions: {}", changed.join(", ")))
}
