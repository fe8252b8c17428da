//! Ctrl-C, SIGTERM and SIGHUP: the first asks for an orderly end, the second ends at once.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

use crate::{console, exit::Outcome};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Starts to watch. Call it once, before the work begins.
pub(crate) fn watch() -> Result<()> {
    ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::Relaxed) {
            console::note("interrupted again: ending at once; nothing more is accounted for");
            std::process::exit(i32::from(Outcome::Interrupted.code()));
        }
        console::note("interrupted: finishing what was accepted (again to end at once)");
    })
    .context("cannot watch for Ctrl-C")
}

/// Whether an orderly end was asked for. Costs a plain load.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}
