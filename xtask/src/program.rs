//! Where a program is: what the shell would run.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The path of a program, searched in PATH.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| can_run(path))
}

/// True for a file that may be executed.
pub(crate) fn can_run(path: &Path) -> bool {
    path.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

/// What a program writes to its standard output, if it succeeds.
pub(crate) fn output_of(name: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(name).args(args).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_name_and_a_folder_is_none() {
        assert!(find("sh").is_some_and(|path| path.ends_with("sh")));
        assert_eq!(find("xtask-surely-no-such-program"), None);
        assert!(!can_run(Path::new("/")));
    }

    #[test]
    fn a_failure_has_no_output() {
        assert_eq!(output_of("echo", &["word"]).as_deref(), Some("word"));
        assert_eq!(output_of("false", &[]), None);
        assert_eq!(output_of("xtask-surely-no-such-program", &[]), None);
    }
}
