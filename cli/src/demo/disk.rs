//! What one wait for the disk costs here: the price that batching divides.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

const PROBES: usize = 33;

/// The median time of writing four kibibytes at the end of a file and waiting for the disk.
pub(crate) fn fsync_median(folder: &Path) -> Result<Duration> {
    let path = folder.join(format!(".batchline-fsync-{}", std::process::id()));
    let times = times(&path).with_context(|| format!("cannot write into {}", folder.display()));
    // It is ours, and when it can not be removed the demo's own files will say why.
    let _ = fs::remove_file(&path);
    let mut times = times?;
    times.sort_unstable();
    Ok(times[PROBES / 2])
}

fn times(path: &Path) -> std::io::Result<Vec<Duration>> {
    let mut file = File::create(path)?;
    let page = [0x5a_u8; 4096];
    let mut once = || {
        let start = Instant::now();
        file.write_all(&page).and_then(|()| file.sync_data()).map(|()| start.elapsed())
    };
    (0..PROBES).map(|_| once()).collect()
}
