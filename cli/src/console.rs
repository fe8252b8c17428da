//! The one place that writes to stdout and stderr.

use std::io::{self, ErrorKind, Write};

/// Writes the product of a command to stdout.
///
/// A reader that has left (`| head`) wants no more, which is no failure of the work that was done.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Tells the person at the terminal something. A closed stderr is no reason to stop.
pub(crate) fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Brings a report to its readers: JSON alone on stdout, the words then on stderr.
pub(crate) fn report(json: Option<&serde_json::Value>, words: &str) -> io::Result<()> {
    let Some(object) = json else { return print(words) };
    note(words.trim_end());
    print(&format!("{object}\n"))
}
