//! Reads docs/guide/c.md: its programs and its commands are the test, so what it says is true.
//!
//! A block of C or CMake code is a file, named in its first line. A block of `sh` is a script that must succeed, with
//! `$prefix` for the tree. Blocks of `text` are for reading.

use super::moved::Moved;
use crate::workspace::root;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;

/// A fenced block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Of its first fence, counted from one.
    pub(super) line: usize,
    language: String,
    text: String,
}

/// The blocks of the guide.
pub(super) fn read() -> Result<Vec<Block>> {
    let blocks = blocks(&fs::read_to_string(root().join("docs/guide/c.md"))?);
    for block in &blocks {
        block.require_use()?;
    }
    Ok(blocks)
}

/// Writes every file into the folder.
pub(super) fn write_files(blocks: &[Block], folder: &Path) -> Result<()> {
    for (name, block) in blocks.iter().filter_map(|block| Some((block.file_name()?, block))) {
        fs::write(folder.join(name), &block.text)?;
    }
    Ok(())
}

/// The names of the C programs.
pub(super) fn programs(blocks: &[Block]) -> impl Iterator<Item = &str> {
    blocks.iter().filter_map(Block::file_name).filter(|name| name.ends_with(".c"))
}

/// The scripts, in their order.
pub(super) fn commands(blocks: &[Block]) -> impl Iterator<Item = &Block> {
    blocks.iter().filter(|block| block.language == "sh")
}

/// Runs a script.
pub(super) fn run(block: &Block, moved: &Moved) -> Result<()> {
    moved.sh(&block.text)
}

impl Block {
    /// In the first line, after the mark of a comment: `// push.c: what it does`.
    fn file_name(&self) -> Option<&str> {
        let mark = match self.language.as_str() {
            "c" => "// ",
            "cmake" => "# ",
            _ => return None,
        };
        self.text.lines().next()?.strip_prefix(mark)?.split(':').next()
    }

    fn require_use(&self) -> Result<()> {
        match self.language.as_str() {
            "sh" | "text" => Ok(()),
            "c" | "cmake" => {
                let name = self.file_name().filter(|name| name.contains('.') && !name.contains(['/', ' ']));
                name.map(|_| ()).with_context(|| format!("c.md:{}: the first line names no file", self.line))
            }
            other => bail!("c.md:{}: nobody checks a block of `{other}`", self.line),
        }
    }
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for (index, line) in page.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if inside => inside = false,
            Some(language) => {
                inside = true;
                blocks.push(Block { line: index + 1, language: language.into(), text: String::new() });
            }
            None if inside => {
                blocks.last_mut().into_iter().for_each(|block| block.text += &format!("{line}\n"))
            }
            None => {}
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_scripts_are_told_apart() {
        let page = "# A\n```c\n// a.c: a program\nint a;\n```\ntext\n```sh\ncc a.c\n```\n";
        let found = blocks(page);
        assert_eq!(programs(&found).collect::<Vec<_>>(), ["a.c"]);
        assert_eq!(found[0].text, "// a.c: a program\nint a;\n");
        assert_eq!(
            commands(&found).map(|block| (block.line, block.text.as_str())).next(),
            Some((7, "cc a.c\n"))
        );
    }

    #[test]
    fn a_block_that_nobody_checks_is_refused() {
        let verdict = |page: &str| blocks(page)[0].require_use();
        assert!(verdict("```c\nint a;\n```").is_err());
        assert!(verdict("```python\n1\n```").is_err());
        assert!(verdict("```text\nanything\n```").is_ok());
    }

    #[test]
    fn the_guide_of_the_repository_has_programs_and_commands() {
        let guide = read().unwrap();
        assert!(programs(&guide).count() >= 3 && commands(&guide).count() >= 3);
    }
}
