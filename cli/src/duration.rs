//! Durations, as people write and read them.

use std::time::Duration;

/// Longer than any wait that is meant.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads `250us`, `5ms`, `1s`, `2min`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write it like 250us, 5ms or 1s"))?;
    if duration.is_zero() {
        return Err("must be longer than nothing; write it like 250us, 5ms or 1s".into());
    }
    if duration > LONGEST {
        return Err("must be at most one day".into());
    }
    Ok(duration)
}

/// `1_234_567` as `1.23 ms`.
pub(crate) fn human_ns(ns: u64) -> String {
    let (unit, size) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => ("µs", 1e3),
        1_000_000..1_000_000_000 => ("ms", 1e6),
        _ => ("s", 1e9),
    };
    let figure = ns as f64 / size;
    let decimals = if figure < 10.0 { 2 } else { usize::from(figure < 100.0) };
    format!("{figure:.decimals$} {unit}")
}

/// A span in the unit that suits it, hours and minutes included.
pub(crate) fn human(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..120 => human_ns(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)),
        120..7200 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_usual_units() {
        assert_eq!(parse("5ms"), Ok(Duration::from_millis(5)));
        assert_eq!(parse("250us"), Ok(Duration::from_micros(250)));
        assert_eq!(parse("1s"), Ok(Duration::from_secs(1)));
    }

    #[test]
    fn says_what_is_wrong() {
        for bad in ["", "5", "ms", "0s", "-1s", "2days", "5 parsecs"] {
            let told = parse(bad).unwrap_err();
            assert!(told.contains("like") || told.contains("at most"), "{bad}: {told}");
        }
    }

    #[test]
    fn writes_three_digits_and_a_unit() {
        for (ns, text) in
            [(7, "7 ns"), (1_500, "1.50 µs"), (12_340_000, "12.3 ms"), (2_000_000_000, "2.00 s")]
        {
            assert_eq!(human_ns(ns), text);
        }
        assert_eq!(human(Duration::from_secs(3700)), "61 min 40 s");
    }
}
