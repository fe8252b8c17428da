//! Where the repository is, and a shell that stands in it.

use anyhow::Result;
use std::path::PathBuf;
use xshell::Shell;

/// The root of the repository: the folder above this crate.
///
/// Asked of cargo at run time, because a copied or moved checkout may reuse an older binary.
pub(crate) fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let mut root = PathBuf::from(own);
    root.pop();
    root
}

/// A shell at the root, so that commands mean the same from any folder.
pub(crate) fn shell() -> Result<Shell> {
    let shell = Shell::new()?;
    shell.change_dir(root());
    Ok(shell)
}

/// What a command passes on: its arguments without the `--` that set them apart.
pub(crate) fn passed_on(args: &[String]) -> &[String] {
    match args.split_first() {
        Some((first, rest)) if first == "--" => rest,
        _ => args,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().join("Cargo.lock").exists());
    }

    #[test]
    fn only_the_first_separator_is_dropped() {
        let args: Vec<String> = ["--", "a", "--"].map(String::from).to_vec();
        assert_eq!(passed_on(&args), ["a", "--"]);
        assert_eq!(passed_on(&args[1..]), ["a", "--"]);
    }
}
