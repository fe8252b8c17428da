//! The files of the repository: what git tracks, and what it would if asked to add everything.

use super::source::Source;
use crate::workspace::root;
use anyhow::Result;
use std::collections::BTreeSet;
use std::path::Path;
use xshell::{Shell, cmd};

/// All files by name, and the text of those that are text.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) paths: BTreeSet<String>,
    pub(crate) sources: Vec<Source>,
}

impl Tree {
    /// Reads the repository.
    pub(crate) fn read(shell: &Shell) -> Result<Tree> {
        let listing = cmd!(shell, "git ls-files -co -z --exclude-standard").quiet().read()?;
        let root = root();
        // A deleted file is listed until its removal is committed.
        let there = listing.split('\0').filter(|path| !path.is_empty() && root.join(path).is_file());
        let paths: BTreeSet<String> = there.map(String::from).collect();
        let sources = paths.iter().filter_map(|path| read_text(&root, path)).collect();
        Ok(Tree { paths, sources })
    }

    /// A repository made up by a test.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Tree {
        let paths = files.iter().map(|(path, _)| path.to_string()).collect();
        let sources = files.iter().map(|(path, text)| Source::new(*path, *text)).collect();
        Tree { paths, sources }
    }

    pub(crate) fn source(&self, path: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.path == path)
    }

    /// True for a file, and for a folder that holds one.
    pub(crate) fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty()
            || self.paths.contains(path)
            || self.paths.iter().any(|file| file.starts_with(&folder))
    }

    pub(crate) fn rust(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| source.is_rust())
    }
}

fn read_text(root: &Path, path: &str) -> Option<Source> {
    let text = std::fs::read_to_string(root.join(path)).ok()?;
    (!text.contains('\0')).then(|| Source::new(path, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_exist_through_their_files() {
        let tree = Tree::of(&[("docs/guide/start.md", "")]);
        assert!(["", "docs", "docs/guide", "docs/guide/start.md"].iter().all(|path| tree.has(path)));
        assert!(!tree.has("docs/gui"));
    }
}
