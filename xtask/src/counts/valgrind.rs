//! Where valgrind comes from: it is there, or apt brings it where that is allowed.

use crate::packages::{self, Supply, VALGRIND};
use crate::program::output_of;
use anyhow::Result;

/// What the search ended with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Valgrind {
    /// Its version, as in `3.19.0`.
    Found(String),
    /// Why there is none, and what to do.
    Missing(String),
}

/// Finds valgrind, or installs it as root. In CI its absence is a failure.
pub(super) fn find_or_install() -> Result<Valgrind> {
    Ok(match packages::require(&[VALGRIND])? {
        Supply::Missing(why) => Valgrind::Missing(why),
        Supply::Complete => answered(output_of("valgrind", &["--version"])),
    })
}

fn answered(version: Option<String>) -> Valgrind {
    match version {
        Some(text) => Valgrind::Found(text.trim_start_matches("valgrind-").to_owned()),
        None => Valgrind::Missing("`valgrind --version` fails: mend the installation".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_a_bare_number() {
        assert_eq!(answered(Some("valgrind-3.19.0".into())), Valgrind::Found("3.19.0".into()));
        assert!(matches!(answered(None), Valgrind::Missing(why) if why.contains("--version")));
    }
}
