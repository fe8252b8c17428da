//! Which build this is.

/// Release and commit, as `--version` shows them.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit the binary was built from, when the build could tell.
pub(crate) const COMMIT: Option<&str> = option_env!("BATCHLINE_COMMIT");

/// The line behind `batchline --version`.
pub(crate) fn described() -> String {
    let commit = COMMIT.map(|commit| format!(" ({commit})")).unwrap_or_default();
    format!("{VERSION}{commit}, SQLite {}", rusqlite::version())
}
