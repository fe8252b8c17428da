//! How numbers are written: three significant digits, times in the unit that fits.

/// What stands where nothing was measured.
pub(super) const MISSING: &str = "–";

/// Three significant digits, but never fewer than the whole part; long whole parts in groups of three.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !size.is_finite() => MISSING.to_owned(),
        0.0 => "0".to_owned(),
        0.0..0.001 => format!("{value:.1e}"),
        0.001..0.9995 => format!("{value:.3}"),
        0.9995..9.995 => format!("{value:.2}"),
        9.995..99.95 => format!("{value:.1}"),
        _ => in_thousands(value),
    }
}

/// A number, or the mark for a missing one.
pub(super) fn maybe(value: Option<f64>) -> String {
    value.map_or_else(|| MISSING.to_owned(), number)
}

/// A number of things, of which the last digits below a thousandth do not matter.
pub(super) fn maybe_few(value: Option<f64>) -> String {
    match value {
        Some(few) if few > 0.0 && few < 0.001 => "<0.001".to_owned(),
        value => maybe(value),
    }
}

/// A time in ns, µs, ms or s.
pub(crate) fn duration(ns: f64) -> String {
    let (unit_ns, unit) = match ns.abs() {
        0.0..999.5 => (1.0, "ns"),
        0.0..999.5e3 => (1e3, "µs"),
        0.0..999.5e6 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    format!("{} {unit}", number(ns / unit_ns))
}

/// A time, or the mark for a missing one.
pub(super) fn maybe_duration(ns: Option<f64>) -> String {
    ns.map_or_else(|| MISSING.to_owned(), duration)
}

/// A whole number.
pub(super) fn count(value: f64) -> String {
    if value < 1e4 { format!("{value:.0}") } else { in_thousands(value) }
}

/// The time of a tick: round, so that no digits are needed behind the point unless there are some.
pub(super) fn tick_duration(ns: f64) -> String {
    let (unit_ns, unit) = match ns {
        _ if ns < 1e3 => (1.0, "ns"),
        _ if ns < 1e6 => (1e3, "µs"),
        _ if ns < 1e9 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    format!("{} {unit}", plain(ns / unit_ns))
}

/// As somebody wrote it, without the digits that floating point adds behind a round number.
pub(super) fn plain(value: f64) -> String {
    format!("{}", (value * 1e6).round() / 1e6)
}

/// A ratio, as in 5.21x.
pub(super) fn ratio(value: Option<f64>) -> String {
    value.map_or_else(|| MISSING.to_owned(), |value| format!("{}×", number(value)))
}

fn in_thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits are ASCII"))
        .collect();
    let sign = if value < 0.0 { "-" } else { "" };
    // A narrow space that does not break.
    format!("{sign}{}", groups.join("\u{202f}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_or_all_of_the_whole_part() {
        let written = [0.0, 0.0123, 0.5, 4.256, 42.56, 425.6, 1_234_567.0, f64::NAN].map(number);
        assert_eq!(written, ["0", "0.012", "0.500", "4.26", "42.6", "426", "1\u{202f}234\u{202f}567", "–"]);
        assert_eq!([9.996, 99.96, 999.6].map(number), ["10.0", "100", "1\u{202f}000"]);
    }

    #[test]
    fn times_choose_their_unit() {
        let written = [4.2, 999.9, 1_500.0, 2.5e6, 3e9].map(duration);
        assert_eq!(written, ["4.20 ns", "1.00 µs", "1.50 µs", "2.50 ms", "3.00 s"]);
        assert_eq!([0.2, 20.0, 5e4].map(tick_duration), ["0.2 ns", "20 ns", "50 µs"]);
    }
}
