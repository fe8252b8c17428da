//! Stamps the binary with the commit it was built from, when there is one to be asked.

use std::path::Path;
use std::process::Command;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for moved in [".git/HEAD", ".git/logs/HEAD"] {
        // Cargo takes a missing path for a changed one and would build again each time.
        if root.join(moved).exists() {
            println!("cargo::rerun-if-changed=../{moved}");
        }
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=BATCHLINE_COMMIT");
    if let Some(commit) = std::env::var("BATCHLINE_COMMIT").ok().or_else(|| asked_of_git(&root)) {
        println!("cargo::rustc-env=BATCHLINE_COMMIT={commit}");
    }
}

fn asked_of_git(root: &Path) -> Option<String> {
    let out =
        Command::new("git").arg("-C").arg(root).args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    let commit = String::from_utf8(out.stdout).ok()?.trim().to_owned();
    (out.status.success() && !commit.is_empty()).then_some(commit)
}
