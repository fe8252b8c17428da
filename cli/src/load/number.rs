//! Which texts are numbers: only those that can be written back as they were.

/// A number, by what SQLite can do with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Integer(i64),
    Real(f64),
    /// An integer of more than 64 bits; as a REAL it would lose digits.
    TooLong,
}

/// The largest integers of which a REAL holds every one.
const REAL_HOLDS: u64 = 1 << 53;

impl Number {
    /// The number as a REAL, if nothing is lost.
    pub(crate) fn real(self) -> Option<f64> {
        match self {
            Self::Real(real) => Some(real),
            Self::Integer(integer) if integer.unsigned_abs() <= REAL_HOLDS => Some(integer as f64),
            Self::Integer(_) | Self::TooLong => None,
        }
    }
}

/// Reads a plain number. No number are `007`, `+1`, ` 1`, `1,5`, `0x10`, `nan`, `inf` and `1e999`:
/// leading zeros and signs mean codes more often than numbers, and the others are not finite decimals.
pub(crate) fn read(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let first = *digits.as_bytes().first()?;
    let zero_led = first == b'0' && digits.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    // A minus before zero is lost in an INTEGER.
    if zero_led || text == "-0" || !(first.is_ascii_digit() || first == b'.') {
        return None;
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().map_or(Number::TooLong, Number::Integer));
    }
    let decimal =
        digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    let real = decimal.then(|| text.parse::<f64>().ok()).flatten()?;
    real.is_finite().then_some(Number::Real(real))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(read("0"), Some(Number::Integer(0)));
        assert_eq!(read("-42"), Some(Number::Integer(-42)));
        assert_eq!(read("-9223372036854775808"), Some(Number::Integer(i64::MIN)));
        assert_eq!(read("9223372036854775808"), Some(Number::TooLong));
        assert_eq!(read("0.5"), Some(Number::Real(0.5)));
        assert_eq!(read(".5"), Some(Number::Real(0.5)));
        assert_eq!(read("-1e-3"), Some(Number::Real(-0.001)));
    }

    #[test]
    fn no_numbers() {
        for text in [
            "", "-", ".", "007", "-01", "-0", "+1", " 1", "1 ", "1,5", "0x10", "nan", "inf", "1e999", "1e",
            "١",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_real_holds_what_it_can() {
        assert_eq!(Number::Integer(1 << 53).real(), Some(9_007_199_254_740_992.0));
        assert_eq!(Number::Integer((1 << 53) + 1).real(), None);
        assert_eq!(Number::TooLong.real(), None);
    }
}
