//! What pytest prints: how many tests passed, failed and were skipped.

use crate::test::count::Count;

/// Adds the numbers of pytest's last line, such as `3 passed, 1 skipped in 0.12s`.
pub(super) fn see(line: &str, count: &mut Count) -> bool {
    let text = line.trim().trim_matches('=').trim();
    let Some((results, time)) = text.split_once(" in ") else { return true };
    if !time.split(' ').next().is_some_and(|time| time.ends_with('s')) {
        return true;
    }
    for result in results.split(", ") {
        let Some((number, name)) = result.split_once(' ') else { continue };
        let Ok(number) = number.parse::<u64>() else { continue };
        match name {
            "passed" | "xfailed" => count.passed += number,
            "failed" | "error" | "errors" | "xpassed" => count.failed += number,
            "skipped" => count.ignored += number,
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_counted() {
        let mut count = Count::default();
        let lines = [
            "tests/test_put.py ....... [ 50%]",
            "2 passed in the morning",
            "==== 1 failed, 30 passed, 2 skipped, 1 error, 3 warnings in 4.20s ====",
            "5 passed in 61.00s (0:01:01)",
        ];
        lines.iter().for_each(|line| assert!(see(line, &mut count)));
        assert_eq!(count, Count { passed: 35, failed: 2, ignored: 2 });
    }
}
