//! How many tests ran, read from the `test result:` lines that cargo's test programs print.

use std::ops::AddAssign;

/// Sums over all test programs of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Count {
    /// Tests that really ran: an ignored one proves nothing.
    pub(crate) fn executed(&self) -> u64 {
        self.passed + self.failed
    }

    /// Adds the numbers of this line, if it is a result line.
    pub(crate) fn add_line(&mut self, line: &str) {
        if let Some(fields) = line.strip_prefix("test result:") {
            fields.split(';').for_each(|field| self.add_field(field));
        }
    }

    /// A field ends in a number and its name; what comes before (`ok.`, perhaps in colour) does not matter.
    fn add_field(&mut self, field: &str) {
        let mut from_the_end = field.split_whitespace().rev();
        let name = from_the_end.next();
        let number = from_the_end.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        match name {
            Some("passed") => self.passed += number,
            Some("failed") => self.failed += number,
            Some("ignored") => self.ignored += number,
            _ => {}
        }
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(lines: &[&str]) -> Count {
        let mut count = Count::default();
        lines.iter().for_each(|line| count.add_line(line));
        count
    }

    #[test]
    fn programs_add_up() {
        let lines = [
            "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.00s",
            "test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        ];
        assert_eq!(count(&lines), Count { passed: 7, failed: 4, ignored: 1 });
    }

    #[test]
    fn colour_does_not_hide_the_number() {
        let line =
            "test result: \u{1b}[32mok\u{1b}[0m. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(count(&[line]).executed(), 12);
    }

    #[test]
    fn other_lines_do_not_count() {
        let lines = ["running 3 tests", "say: test result: ok. 9 passed;", "test a::b ... ok", ""];
        assert_eq!(count(&lines), Count::default());
    }

    #[test]
    fn an_ignored_test_has_not_been_executed() {
        assert_eq!(count(&["test result: ok. 0 passed; 0 failed; 8 ignored; 0 measured"]).executed(), 0);
    }
}
