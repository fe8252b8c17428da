//! What `go test -v` prints: which lines say how a test went, and which a person wants to see.

use crate::test::count::Count;

/// Counts the line, and says whether to show it: not when it tells only of the course of things.
pub(super) fn see(line: &str, count: &mut Count) -> bool {
    let is_quiet = line.starts_with("=== ") || line.trim_start().starts_with("--- PASS:");
    // Tests inside of tests are indented: only whole ones count.
    match line.split(':').next() {
        Some("--- PASS") => count.passed += 1,
        Some("--- FAIL") => count.failed += 1,
        Some("--- SKIP") => count.ignored += 1,
        _ => {}
    }
    !is_quiet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_tests_are_counted_and_their_course_is_hidden() {
        let mut count = Count::default();
        let output = [
            "=== RUN   TestPut",
            "=== RUN   TestPut/one",
            "    put_test.go:10: a word",
            "--- PASS: TestPut (0.00s)",
            "    --- PASS: TestPut/one (0.00s)",
            "--- FAIL: TestClose (0.00s)",
            "--- SKIP: TestLong (0.00s)",
            "ok  \tgithub.com/batchline/batchline/go\t0.010s",
        ];
        let shown: Vec<_> = output.into_iter().filter(|line| see(line, &mut count)).collect();
        assert_eq!(count, Count { passed: 1, failed: 1, ignored: 1 });
        assert_eq!(shown, [output[2], output[5], output[6], output[7]]);
    }
}
