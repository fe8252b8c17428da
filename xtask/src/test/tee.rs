//! Runs a command, shows its output as it comes, and counts the tests in it.

use super::count::Count;
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

/// True for a command that succeeded, and the tests it ran.
pub(crate) fn run_and_count(command: Command) -> Result<(bool, Count)> {
    let mut count = Count::default();
    let success = run_and_see(command, |line| {
        count.add_line(line);
        true
    })?;
    Ok((success, count))
}

/// True for a command that succeeded. `see` is told every line of its output, and says whether to show it.
pub(crate) fn run_and_see(mut command: Command, see: impl FnMut(&str) -> bool) -> Result<bool> {
    let program = command.get_program().to_string_lossy().into_owned();
    let child = command.stdout(Stdio::piped()).spawn();
    let mut child = child.with_context(|| format!("{program} does not start"))?;
    let output = child.stdout.take().context("the output of the command is not piped")?;
    copy_lines(output, std::io::stdout(), see)?;
    Ok(child.wait()?.success())
}

/// Line by line, so that a hanging test shows its name before it hangs; bytes, because a test may print any.
fn copy_lines(from: impl Read, mut to: impl Write, mut see: impl FnMut(&str) -> bool) -> Result<()> {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        if see(&String::from_utf8_lossy(&line)) {
            to.write_all(&line)?;
            to.flush()?;
        }
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_seen_and_copied_as_it_is() {
        let output = b"running\n\xff\xfe\ntest result: ok. 4 passed; 0 failed; 0 ignored\nlast".as_slice();
        let (mut shown, mut count) = (Vec::new(), Count::default());
        let see = |line: &str| {
            count.add_line(line);
            true
        };
        copy_lines(output, &mut shown, see).unwrap();
        assert_eq!(shown, output);
        assert_eq!(count.passed, 4);
    }

    #[test]
    fn lines_may_be_hidden() {
        let mut shown = Vec::new();
        copy_lines(b"a\nb\na\n".as_slice(), &mut shown, |line| line == "b\n").unwrap();
        assert_eq!(shown, b"b\n");
    }
}
