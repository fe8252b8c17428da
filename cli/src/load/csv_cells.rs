//! Reads the fields of one CSV record.

use std::borrow::Cow;

use super::cell::Cell;
use super::scan::{Scan, Step};

/// The fields in order. An empty field is NULL; a quoted empty field is an empty text.
pub(crate) fn cells(record: &str, delimiter: u8) -> Result<Vec<Cell<'_>>, String> {
    if record.contains('"') {
        return unquoted(record, delimiter);
    }
    let plain = |field| if str::is_empty(field) { Cell::Null } else { Cell::Field(Cow::Borrowed(field)) };
    Ok(record.split(char::from(delimiter)).map(plain).collect())
}

fn unquoted(record: &str, delimiter: u8) -> Result<Vec<Cell<'_>>, String> {
    let mut scan = Scan::new(delimiter);
    let (mut cells, mut field, mut quoted) = (Vec::new(), Vec::new(), false);
    for byte in record.bytes() {
        match scan.step(byte) {
            Step::Byte => field.push(byte),
            Step::Open => quoted = true,
            Step::Skip => {}
            Step::FieldEnd => cells.push(cell(std::mem::take(&mut field), std::mem::take(&mut quoted))?),
            Step::Stray | Step::RecordEnd => {
                return Err(format!("text follows the closing quote of field {}", cells.len() + 1));
            }
        }
    }
    cells.push(cell(field, quoted)?);
    Ok(cells)
}

fn cell(field: Vec<u8>, quoted: bool) -> Result<Cell<'static>, String> {
    if field.is_empty() && !quoted {
        return Ok(Cell::Null);
    }
    // Cut at ASCII bytes out of valid text, so it is valid; the check costs less than a doubt.
    let text = String::from_utf8(field).map_err(|error| error.to_string())?;
    Ok(Cell::Field(Cow::Owned(text)))
}

#[cfg(test)]
mod tests {
    use super::super::records::Records;
    use super::*;
    use crate::args::Format;

    fn texts(record: &str) -> Vec<String> {
        let plain = |cell: Cell<'_>| match cell {
            Cell::Field(text) => text.into_owned(),
            _ => String::new(),
        };
        cells(record, b',').unwrap().into_iter().map(plain).collect()
    }

    #[test]
    fn empty_is_null_and_quoted_empty_is_text() {
        let wanted = vec![Cell::Null, Cell::Field("".into()), Cell::Field("a".into()), Cell::Null];
        assert_eq!(cells(",\"\",a,", b','), Ok(wanted));
    }

    #[test]
    fn text_after_a_closing_quote_is_refused() {
        assert!(cells("a,\"b\"c", b',').unwrap_err().contains("field 2"));
    }

    #[test]
    fn agrees_with_the_crate() {
        let records =
            ["a,b,c", "\"a,b\",c", "\"a\"\"b\",\"\n\"", "5\" pipe,x", ",,", "é,\"ü\r\nö\"", "\"\",x"];
        for record in records {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(record.as_bytes());
            let wanted: Vec<String> =
                reader.records().next().unwrap().unwrap().iter().map(str::to_owned).collect();
            assert_eq!(texts(record), wanted, "{record}");
        }
    }

    /// Files of random tokens, the same in each run.
    fn random_file(seed: u64) -> String {
        let tokens = ["a", "b", "\"", "\"", ",", ",", "\n", "\r\n", "é", " "];
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize
        };
        (0..next() % 40).map(|_| tokens[next() % tokens.len()]).collect()
    }

    /// The records as we read them; none when we find a fault that the crate does not look for.
    fn ours(file: &str) -> Option<Vec<Vec<String>>> {
        let mut records = Records::of(file.as_bytes(), Format::Csv, b',', 1000);
        let mut read = Vec::new();
        while let Some(record) = records.next().unwrap() {
            let text = String::from_utf8(record.bytes).unwrap();
            let sound = record.fault.is_none() && cells(&text, b',').is_ok();
            read.push(sound.then(|| texts(&text))?);
        }
        Some(read)
    }

    #[test]
    fn agrees_with_the_crate_on_random_files() {
        let mut compared = 0;
        for seed in 0..20_000 {
            let file = random_file(seed);
            let Some(ours) = ours(&file) else { continue };
            let mut reader = csv::ReaderBuilder::new();
            let mut reader = reader.has_headers(false).flexible(true).from_reader(file.as_bytes());
            let record =
                |record: Result<csv::StringRecord, _>| record.unwrap().iter().map(str::to_owned).collect();
            let theirs: Vec<Vec<String>> = reader.records().map(record).collect();
            assert_eq!(ours, theirs, "seed {seed}: {file:?}");
            compared += 1;
        }
        assert!(compared > 5_000, "{compared}");
    }
}
