//! `cargo xtask tidy`: the style guide as a check. Cargo's own checks first, then a scan of the files.

mod allow;
mod allowed_once;
mod cargo_checks;
mod changelog;
mod complaint;
mod file_names;
mod functions;
mod layout;
mod links;
mod machine_paths;
mod markdown;
mod marks;
mod module_doc;
mod prints;
mod scan;
mod source;
mod statistics;
mod tree;
mod unsafe_code;
mod words;

use crate::workspace::shell;
use anyhow::{Result, bail};

/// Runs everything and then fails if anything complained, so that one run shows all there is to do.
pub(crate) fn tidy(args: &[String]) -> Result<()> {
    let shell = shell()?;
    let mut failed = match args {
        [] => cargo_checks::run_all(&shell),
        [flag] if flag == "--scan" => Vec::new(),
        _ => bail!("`tidy` takes no argument but --scan"),
    };
    if scan::run(&shell)? > 0 {
        failed.push("scan");
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("not tidy: {}", failed.join(", "))
}
