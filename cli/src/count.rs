//! Counts, as people write and read them.

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A rate or another large figure: no decimals from a hundred on.
pub(crate) fn rounded(figure: f64) -> String {
    if figure >= 100.0 { grouped(figure.round() as u64) } else { format!("{figure:.1}") }
}

/// `1` with `row` is `1 row`, `2,000` with `row` is `2,000 rows`.
pub(crate) fn of(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// Reads `1000000`, `1_000_000` and `1,000,000`.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let plain: String = text.chars().filter(|c| !matches!(c, '_' | ',')).collect();
    plain.parse().map_err(|_| format!("`{text}` is not a whole number such as 1000 or 1_000_000"))
}

/// Reads a count of at least one and at most `max`.
pub(crate) fn parse_within(text: &str, max: u64) -> Result<u64, String> {
    match parse(text)? {
        0 => Err("must be at least 1".into()),
        count if count > max => Err(format!("must be at most {}", grouped(max))),
        count => Ok(count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_three() {
        for (count, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(count), text);
            assert_eq!(parse(text), Ok(count));
        }
    }

    #[test]
    fn bounds_are_told() {
        assert_eq!(parse_within("5", 5), Ok(5));
        assert!(parse_within("0", 5).unwrap_err().contains("at least 1"));
        assert!(parse_within("6", 5).unwrap_err().contains("at most 5"));
        assert!(parse_within("six", 5).unwrap_err().contains("`six`"));
    }
}
