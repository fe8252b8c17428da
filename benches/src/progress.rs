//! Plain lines on standard error while tables are measured, so that nobody stares at silence.
#![allow(clippy::print_stderr, reason = "this is the file that reports progress")]

use std::time::{Duration, Instant};

/// The longest silence.
const SILENCE: Duration = Duration::from_secs(5);

/// How many runs there are, how many are done, and when that was last said.
#[derive(Debug)]
pub struct Progress {
    started: Instant,
    said: Instant,
    runs: usize,
    runs_done: usize,
    table: String,
}

impl Progress {
    /// Nothing is done yet.
    pub fn new(runs: usize) -> Self {
        let now = Instant::now();
        Self { started: now, said: now, runs, runs_done: 0, table: String::new() }
    }

    /// A table begins.
    pub fn begin(&mut self, table: &str) {
        table.clone_into(&mut self.table);
        self.say();
    }

    /// One more run is done.
    pub fn ran(&mut self) {
        self.runs_done += 1;
        if self.said.elapsed() >= SILENCE {
            self.say();
        }
    }

    /// Seconds since the beginning.
    pub fn seconds(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    fn say(&mut self) {
        self.said = Instant::now();
        eprintln!("bench: {} of {} runs, {} s, {}", self.runs_done, self.runs, self.seconds(), self.table);
    }
}

/// Says that a part is left out, and why.
pub fn left_out(part: &str, why: &str) {
    eprintln!("bench: {part} left out: {why}");
}

#[cfg(test)]
mod tests {
    use super::Progress;

    #[test]
    fn runs_are_counted() {
        let mut progress = Progress::new(3);
        progress.begin("put/light");
        (0..2).for_each(|_| progress.ran());
        assert_eq!((progress.runs_done, progress.table.as_str()), (2, "put/light"));
    }
}
