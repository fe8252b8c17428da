//! Where and with what the numbers were made: machine, kernel, compiler, versions of the peers, commit, load.

use std::{fs, process::Command, thread};

use crate::clock_cost;

/// The lock file this binary was built with.
const CARGO_LOCK: &str = include_str!("../../Cargo.lock");

/// The crates that contend, or decide how contenders do.
const PEERS: [&str; 12] = [
    "batchline",
    "batch-aint-one",
    "crossbeam-channel",
    "crossfire",
    "disruptor",
    "flume",
    "kanal",
    "mimalloc",
    "oneshot",
    "tokio",
    "tokio-stream",
    "ultra-batch",
];

/// The conditions of a run.
#[derive(Debug)]
pub struct Machine {
    /// Cores this process may use.
    pub cores: usize,
    /// The processor, as it calls itself.
    pub cpu: String,
    /// The kernel's release.
    pub kernel: String,
    /// The compiler that built this binary.
    pub rustc: &'static str,
    /// The commit that is checked out, with `+` when there are changes on top.
    pub commit: String,
    /// Load average over 1, 5 and 15 minutes, before the run.
    pub load_average: String,
    /// What reading the clock costs: a part of every latency.
    pub clock_read_ns: f64,
    /// Name and version of each peer.
    pub peers: Vec<(&'static str, String)>,
}

impl Machine {
    /// Looks around.
    pub fn inspect() -> Self {
        Self {
            cores: thread::available_parallelism().map_or(0, usize::from),
            cpu: cpu_name().unwrap_or_else(unknown),
            kernel: first_line("/proc/sys/kernel/osrelease").unwrap_or_else(unknown),
            rustc: env!("BENCH_RUSTC_VERSION"),
            commit: commit().unwrap_or_else(unknown),
            load_average: load_average().unwrap_or_else(unknown),
            clock_read_ns: clock_cost::measure_ns(),
            peers: PEERS.map(|name| (name, locked_version(name).unwrap_or_else(unknown))).into(),
        }
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn first_line(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.lines().next()?.trim().to_owned())
}

fn cpu_name() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn load_average() -> Option<String> {
    let line = first_line("/proc/loadavg")?;
    Some(line.split(' ').take(3).collect::<Vec<_>>().join(" "))
}

fn commit() -> Option<String> {
    let hash = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changes = git(&["status", "--porcelain"])?;
    Some(if changes.is_empty() { hash } else { hash + "+" })
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The version in the lock file; two versions of one crate are both named.
fn locked_version(name: &str) -> Option<String> {
    let heading = format!("name = \"{name}\"");
    let mut versions = Vec::new();
    let mut lines = CARGO_LOCK.lines();
    while let Some(line) = lines.next() {
        if line == heading {
            let version = lines.next()?.strip_prefix("version = ")?;
            versions.push(version.trim_matches('"'));
        }
    }
    (!versions.is_empty()).then(|| versions.join(", "))
}

#[cfg(test)]
mod tests {
    use super::locked_version;

    #[test]
    fn reads_the_lock_file() {
        assert!(locked_version("crossfire").is_some());
        assert!(locked_version("no-such-crate").is_none());
    }
}
