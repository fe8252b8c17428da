//! The default failure hook: a line on stderr, so that no failure goes unseen, and not so many that they drown
//! everything else.

use crate::failure::FailureReport;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Lines per second; what is over is counted and told with the next line.
const LINES_PER_SECOND: u32 = 10;

struct Window {
    since: Instant,
    lines: u32,
    untold: u64,
}

pub(crate) fn to_stderr() -> impl Fn(&FailureReport) + Send + Sync {
    let window = Mutex::new(Window { since: Instant::now(), lines: 0, untold: 0 });
    move |report| {
        let mut window = window.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(untold) = window.admit(Instant::now()) {
            write_line(report, untold);
        }
    }
}

impl Window {
    /// Whether a line may be written now, and how many were kept back before it.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            (self.since, self.lines) = (now, 0);
        }
        self.lines += 1;
        if self.lines > LINES_PER_SECOND {
            self.untold += 1;
            return None;
        }
        Some(std::mem::take(&mut self.untold))
    }
}

#[expect(clippy::print_stderr, reason = "the one place of the library that prints: nobody else was told")]
fn write_line(report: &FailureReport, untold: u64) {
    match untold {
        0 => eprintln!("{report}"),
        untold => eprintln!("{report} (and {untold} more reports since the last line)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_lines_a_second_and_the_rest_is_counted() {
        let start = Instant::now();
        let mut window = Window { since: start, lines: 0, untold: 0 };
        let told = (0..25).filter(|_| window.admit(start).is_some()).count();
        assert_eq!(told, 10);
        assert_eq!(window.admit(start + Duration::from_secs(1)), Some(15));
    }
}
