//! Runs a command, shows its output as it comes, and counts the tests in it.

use super::count::Count;
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

/// True for a command that succeeded, and the tests it ran.
pub(crate) fn run_and_count(mut command: Command) -> Result<(bool, Count)> {
    let mut child = command.stdout(Stdio::piped()).spawn().context("cargo does not start")?;
    let output = child.stdout.take().context("the output of cargo is not piped")?;
    let count = copy_and_count(output, std::io::stdout())?;
    Ok((child.wait()?.success(), count))
}

/// Line by line, so that a hanging test shows its name before it hangs; bytes, because a test may print any.
fn copy_and_count(from: impl Read, mut to: impl Write) -> Result<Count> {
    let mut count = Count::default();
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        to.flush()?;
        count.add_line(&String::from_utf8_lossy(&line));
        line.clear();
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_copied_as_it_is_and_counted() {
        let output = b"running\n\xff\xfe\ntest result: ok. 4 passed; 0 failed; 0 ignored\nlast".as_slice();
        let mut shown = Vec::new();
        let count = copy_and_count(output, &mut shown).unwrap();
        assert_eq!(shown, output);
        assert_eq!(count.passed, 4);
    }
}
