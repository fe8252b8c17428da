//! The checks that cargo brings: formatting, lints, docs.

use xshell::{Cmd, Shell, cmd};

/// Runs them all and returns the names of those that failed.
pub(crate) fn run_all(shell: &Shell) -> Vec<&'static str> {
    let checks = [
        ("fmt", cmd!(shell, "cargo fmt --all --check")),
        ("clippy", cmd!(shell, "cargo clippy --workspace --all-targets --all-features -- -D warnings")),
        ("doc", doc(shell)),
    ];
    checks.into_iter().filter_map(|(name, check)| fails(name, check).then_some(name)).collect()
}

fn doc(shell: &Shell) -> Cmd<'_> {
    cmd!(shell, "cargo doc --no-deps --workspace --all-features").env("RUSTDOCFLAGS", "-D warnings")
}

fn fails(name: &str, check: Cmd<'_>) -> bool {
    println!("\n=== tidy {name}");
    check.run().inspect_err(|error| eprintln!("{error}")).is_err()
}
