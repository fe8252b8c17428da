//! Reads the keys and values of one NDJSON line.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::cell::Cell;

/// Keys and cells in the order of the line. Numbers keep their digits, nested values their text.
pub(crate) fn cells(line: &str) -> Result<Vec<(Cow<'_, str>, Cell<'_>)>, String> {
    let mut json = serde_json::Deserializer::from_str(line);
    let entries = json.deserialize_map(Entries).and_then(|entries| json.end().map(|()| entries));
    let entries = entries.map_err(|error| broken(&error))?;
    entries.into_iter().map(|(Text(key), value)| Ok((key, cell(value)?))).collect()
}

fn cell(value: &RawValue) -> Result<Cell<'_>, String> {
    let text = value.get();
    Ok(match text.as_bytes().first() {
        Some(b'n') => Cell::Null,
        Some(b't') => Cell::Bool(true),
        Some(b'f') => Cell::Bool(false),
        Some(b'{' | b'[') => Cell::Nested(text),
        Some(b'"') => Cell::Text(serde_json::from_str::<Text<'_>>(text).map_err(|error| broken(&error))?.0),
        _ => Cell::Number(text),
    })
}

fn broken(error: &serde_json::Error) -> String {
    let told = error.to_string();
    // The error knows its place in the line, which we read as a document of its own.
    let told = told.split(" at line ").next().unwrap_or_default();
    match error.column() {
        0 => format!("not a JSON object: {told}"),
        column => format!("not a JSON object: {told} at column {column}"),
    }
}

/// A JSON string, borrowed when nothing in it is escaped.
#[derive(Debug, serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<(Text<'de>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_what_they_were() {
        let line = r#"{"a":1.50,"b":"x\n","c":null,"d":[1, 2],"e":true,"f":123456789012345678901}"#;
        let cells: Vec<_> = cells(line).unwrap().into_iter().map(|(_, cell)| cell).collect();
        let wanted = [
            Cell::Number("1.50"),
            Cell::Text("x\n".into()),
            Cell::Null,
            Cell::Nested("[1, 2]"),
            Cell::Bool(true),
            Cell::Number("123456789012345678901"),
        ];
        assert_eq!(cells, wanted);
    }

    #[test]
    fn the_rest_is_refused_with_its_place() {
        for (line, told) in [
            ("[1]", "expected an object"),
            ("{\"a\":1", "EOF"),
            ("{\"a\":1} x", "trailing characters at column 9"),
            ("{\"a\":01}", "invalid number"),
            ("{\"a\":\"\\ud800\"}", "not a JSON object"),
            ("7", "expected an object"),
        ] {
            let reason = cells(line).unwrap_err();
            assert!(reason.contains(told), "{line}: {reason}");
        }
    }
}
