//! Which Go: one that is there, and new enough for the package.

use crate::program::{can_run, find as find_program};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Go's own installer puts it, for those who have not set PATH.
const USUAL: &str = "/usr/local/go/bin/go";

/// A Go for the package, or the reason why there is none.
pub(super) fn find(package: &Path) -> Result<PathBuf> {
    let usual = Some(PathBuf::from(USUAL)).filter(|path| can_run(path));
    let go = find_program("go").or(usual).context("there is no Go; https://go.dev/dl has it")?;
    let wanted =
        wanted(&fs::read_to_string(package.join("go.mod"))?).context("go.mod names no Go version")?;
    let answer = command(&go, package, &["env", "GOVERSION"]).output()?;
    let text = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    let found =
        version(text.trim_start_matches("go")).with_context(|| format!("`{text}` is no Go version"))?;
    if found < wanted {
        bail!("Go {}.{} is too old: go.mod asks for {}.{}", found.0, found.1, wanted.0, wanted.1);
    }
    Ok(go)
}

/// A command in the folder of the package. It must not fetch another Go: the one that is there is the one tested.
pub(super) fn command(go: &Path, package: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(go);
    command.args(args).current_dir(package);
    if std::env::var_os("GOTOOLCHAIN").is_none() {
        command.env("GOTOOLCHAIN", "local");
    }
    command
}

fn wanted(go_mod: &str) -> Option<(u32, u32)> {
    version(go_mod.lines().find_map(|line| line.strip_prefix("go "))?)
}

/// `1.27` of `1.27.3` or `1.27rc1`.
fn version(text: &str) -> Option<(u32, u32)> {
    let (major, rest) = text.trim().split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert_eq!(version("1.27.3"), Some((1, 27)));
        assert_eq!(version("1.9rc1"), Some((1, 9)));
        assert!(version("1.9") < version("1.24"));
        assert_eq!(version("devel"), None);
    }

    #[test]
    fn the_module_says_what_it_wants() {
        assert_eq!(wanted("module example.com/a\n\ngo 1.24\n"), Some((1, 24)));
        assert_eq!(wanted("module example.com/a\n"), None);
    }
}
