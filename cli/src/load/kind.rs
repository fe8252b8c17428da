//! The type of a column: guessed from cells for a new table, read from the declaration of an old one.

use super::cell::Cell;
use super::number::Number;

/// What a column takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    Real,
    Text,
    /// SQLite decides: columns declared NUMERIC, DATE, BLOB, or without a type.
    Any,
}

impl Kind {
    /// SQLite's own rules for the declared type of a column, in its own order.
    pub(crate) fn declared(declaration: &str) -> Self {
        let upper = declaration.to_ascii_uppercase();
        let says = |words: &[&str]| words.iter().any(|word| upper.contains(word));
        if says(&["INT"]) {
            Self::Integer
        } else if says(&["CHAR", "CLOB", "TEXT"]) {
            Self::Text
        } else if !says(&["BLOB"]) && says(&["REAL", "FLOA", "DOUB"]) {
            Self::Real
        } else {
            Self::Any
        }
    }

    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Integer => "INTEGER",
            Self::Real => "REAL",
            Self::Text => "TEXT",
            Self::Any => "",
        }
    }
}

/// What was seen in a column so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Guess {
    seen: bool,
    /// Something that is no number.
    text: bool,
    /// A number with a point or an exponent.
    real: bool,
    /// An integer that a REAL does not hold.
    long: bool,
    /// An integer that no column holds.
    too_long: bool,
}

impl Guess {
    pub(crate) fn see(&mut self, cell: &Cell<'_>) {
        if matches!(cell, Cell::Null) {
            return;
        }
        self.seen = true;
        let number = if matches!(cell, Cell::Text(_)) { None } else { cell.number() };
        match number {
            None => self.text = true,
            Some(Number::Real(_)) => self.real = true,
            Some(Number::TooLong) => self.too_long = true,
            Some(integer) => self.long |= integer.real().is_none(),
        }
    }

    /// The narrowest type that holds all of it unchanged.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self { seen: false, .. } | Self { text: true, .. } | Self { too_long: true, .. } => Kind::Text,
            Self { real: true, long: true, .. } => Kind::Text,
            Self { real: true, .. } => Kind::Real,
            _ => Kind::Integer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guessed(fields: &[&str]) -> Kind {
        let mut guess = Guess::default();
        fields.iter().for_each(|field| guess.see(&Cell::Field((*field).into())));
        guess.kind()
    }

    #[test]
    fn guesses_lose_nothing() {
        assert_eq!(guessed(&["1", "-2"]), Kind::Integer);
        assert_eq!(guessed(&["1", "2.5"]), Kind::Real);
        assert_eq!(guessed(&["1", "x"]), Kind::Text);
        assert_eq!(guessed(&["01234"]), Kind::Text);
        assert_eq!(guessed(&["9007199254740993", "0.5"]), Kind::Text);
        assert_eq!(guessed(&["9007199254740993"]), Kind::Integer);
        assert_eq!(guessed(&["99999999999999999999"]), Kind::Text);
        assert_eq!(guessed(&[]), Kind::Text);
    }

    #[test]
    fn json_strings_stay_texts() {
        let mut guess = Guess::default();
        guess.see(&Cell::Text("5".into()));
        assert_eq!(guess.kind(), Kind::Text);
    }

    #[test]
    fn declarations_follow_sqlite() {
        for (declared, kind) in [
            ("BIGINT", Kind::Integer),
            ("varchar(10)", Kind::Text),
            ("double precision", Kind::Real),
            ("DECIMAL(10,2)", Kind::Any),
            ("BLOB", Kind::Any),
            ("", Kind::Any),
            ("CHARINT", Kind::Integer),
        ] {
            assert_eq!(Kind::declared(declared), kind, "{declared}");
        }
    }
}
