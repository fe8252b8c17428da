//! The machine a figure was measured on.

use std::fs;
use std::path::Path;

use serde::Serialize;

/// What is worth knowing next to a figure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) cpu: String,
    pub(crate) system: String,
    /// The kind of file system the databases were on.
    pub(crate) filesystem: String,
}

impl Machine {
    pub(crate) fn with_files_in(folder: &Path) -> Self {
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            cpu: cpu_name().unwrap_or_else(|| "unknown processor".into()),
            system: system(),
            filesystem: filesystem(folder).unwrap_or_else(|| "unknown".into()),
        }
    }
}

fn cpu_name() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn system() -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} {} {}", std::env::consts::OS, kernel.trim(), std::env::consts::ARCH)
}

/// The type of the mount whose path is the longest that holds `folder`.
fn filesystem(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let holding = fields.filter(|mount| mount.len() > 2 && folder.starts_with(mount[1]));
    holding.max_by_key(|mount| mount[1].len()).map(|mount| mount[2].to_owned())
}
