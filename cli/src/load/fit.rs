//! Turns a cell into the value its column takes, or says why it does not fit. Nothing is bent to fit.

use rusqlite::types::Value;

use super::cell::Cell;
use super::kind::Kind;
use super::number::Number;

/// The value to store.
pub(crate) fn fit(cell: Cell<'_>, kind: Kind) -> Result<Value, String> {
    match kind {
        _ if cell == Cell::Null => Ok(Value::Null),
        Kind::Integer => match cell.number() {
            Some(Number::Integer(integer)) => Ok(Value::Integer(integer)),
            _ => Err(format!("{} is no INTEGER", cell.shown())),
        },
        Kind::Real => match cell.number().filter(|_| !matches!(cell, Cell::Bool(_))) {
            None => Err(format!("{} is no REAL", cell.shown())),
            Some(number) => number
                .real()
                .map(Value::Real)
                .ok_or_else(|| format!("{} loses digits as a REAL", cell.shown())),
        },
        Kind::Text => Ok(Value::Text(text(cell))),
        Kind::Any => Ok(as_it_is(cell)),
    }
}

fn text(cell: Cell<'_>) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Field(text) | Cell::Text(text) => text.into_owned(),
        Cell::Number(text) | Cell::Nested(text) => text.to_owned(),
        Cell::Bool(flag) => flag.to_string(),
    }
}

/// Numbers as numbers, the rest as text; a CSV field is a text to which SQLite applies its own rules.
fn as_it_is(cell: Cell<'_>) -> Value {
    match (&cell, cell.number()) {
        (Cell::Number(_) | Cell::Bool(_), Some(Number::Integer(integer))) => Value::Integer(integer),
        (Cell::Number(_), Some(Number::Real(real))) => Value::Real(real),
        _ => Value::Text(text(cell)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits() {
        let field = |text: &'static str| Cell::Field(text.into());
        assert_eq!(fit(field("7"), Kind::Integer), Ok(Value::Integer(7)));
        assert_eq!(fit(field("7"), Kind::Real), Ok(Value::Real(7.0)));
        assert_eq!(fit(field("7"), Kind::Text), Ok(Value::Text("7".into())));
        assert_eq!(fit(Cell::Null, Kind::Integer), Ok(Value::Null));
        assert_eq!(fit(Cell::Bool(true), Kind::Integer), Ok(Value::Integer(1)));
        assert_eq!(fit(Cell::Nested("[1]"), Kind::Any), Ok(Value::Text("[1]".into())));
        assert_eq!(fit(Cell::Number("1.5"), Kind::Any), Ok(Value::Real(1.5)));
    }

    #[test]
    fn what_does_not() {
        let refused = |cell, kind| fit(cell, kind).unwrap_err();
        assert_eq!(refused(Cell::Field("abc".into()), Kind::Integer), "`abc` is no INTEGER");
        assert_eq!(refused(Cell::Number("1.5"), Kind::Integer), "`1.5` is no INTEGER");
        assert_eq!(refused(Cell::Field("x".into()), Kind::Real), "`x` is no REAL");
        assert!(refused(Cell::Number("9007199254740993"), Kind::Real).contains("loses digits"));
    }
}
