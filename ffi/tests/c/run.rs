//! Runs a program to its end, but not for ever, and shows what it said if it failed.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a command that must succeed, and returns what it printed on both streams.
pub(crate) fn succeed(command: &mut Command, folder: &Path) -> String {
    let said = folder.join("said.txt");
    let out = File::create(&said).unwrap();
    command.stderr(out.try_clone().unwrap()).stdout(out);
    let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let status = end_of(child);
    let said = String::from_utf8_lossy(&std::fs::read(&said).unwrap()).into_owned();
    match status {
        Some(status) if status.success() => said,
        Some(status) => panic!("{command:?}: {status}\n{said}"),
        None => panic!("{command:?}: not done after {PATIENCE:?}\n{said}"),
    }
}

/// True if a command can be run and succeeds; what it prints is of no interest.
pub(crate) fn works(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn end_of(mut child: Child) -> Option<ExitStatus> {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}
