//! Cuts the input into lines (NDJSON) or records (CSV), in bounded memory, with their line numbers.

use std::io::{self, BufRead};

use super::input::Input;
use super::scan::{Scan, Step};
use crate::args::Format;

/// How much of a record that is too long is kept for the reject file.
const KEPT_OF_TOO_LONG: usize = 4096;

/// One line or record, as it stands in the input, without its line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The number of its first line, from 1.
    pub(crate) line: u64,
    pub(crate) bytes: Vec<u8>,
    /// Its whole length; more than is kept when it is too long.
    pub(crate) length: u64,
    /// Why it can not be read at all, if so.
    pub(crate) fault: Option<String>,
}

/// The records of an input.
#[derive(Debug)]
pub(crate) struct Records<R = Input> {
    input: R,
    /// CSV lets line ends stand inside quotes.
    scan: Option<Scan>,
    bytes_max: u64,
    /// The line that is read next.
    line: u64,
}

impl<R: BufRead> Records<R> {
    pub(crate) fn of(input: R, format: Format, delimiter: u8, bytes_max: u64) -> Self {
        let scan = (format == Format::Csv).then(|| Scan::new(delimiter));
        Self { input, scan, bytes_max, line: 1 }
    }

    /// The number of lines that were read.
    pub(crate) fn lines(&self) -> u64 {
        self.line - 1
    }

    /// The next record that is not blank; none at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Record>> {
        loop {
            match self.next_or_blank()? {
                Some(record) if record.length == 0 => {}
                other => return Ok(other),
            }
        }
    }

    fn next_or_blank(&mut self) -> io::Result<Option<Record>> {
        let mut record = Record { line: self.line, bytes: Vec::new(), length: 0, fault: None };
        let mut any = false;
        loop {
            let chunk = self.input.fill_buf()?;
            if chunk.is_empty() {
                return Ok(any.then(|| self.ended_by_input(record)));
            }
            any = true;
            let end = end_in(self.scan.as_mut(), chunk);
            let used = &chunk[..end.unwrap_or(chunk.len())];
            record.take(used, self.bytes_max);
            self.line += used.iter().filter(|byte| **byte == b'\n').count() as u64;
            let used = used.len();
            self.input.consume(used);
            if end.is_some() {
                return Ok(Some(record.finished(self.bytes_max, true)));
            }
        }
    }

    fn ended_by_input(&mut self, record: Record) -> Record {
        let open = self.scan.as_ref().is_some_and(Scan::is_open);
        // Inside an open quote, a newline at the very end is the end of its line and no part of it.
        let newline = open && record.bytes.last() == Some(&b'\n');
        self.line += u64::from(!newline);
        let first = record.line;
        let mut record = record.finished(self.bytes_max, newline);
        if open && record.fault.is_none() {
            let last = self.line - 1;
            record.fault = Some(format!("a quote is never closed: lines {first} to {last} are one record"));
        }
        record
    }
}

/// The place after the line end of the record, if it is in this chunk.
fn end_in(scan: Option<&mut Scan>, chunk: &[u8]) -> Option<usize> {
    let place = match scan {
        Some(scan) => chunk.iter().position(|byte| scan.step(*byte) == Step::RecordEnd),
        None => chunk.iter().position(|byte| *byte == b'\n'),
    };
    place.map(|place| place + 1)
}

impl Record {
    fn take(&mut self, bytes: &[u8], bytes_max: u64) {
        self.length += bytes.len() as u64;
        // Two more than allowed, because the line end does not count.
        let room = (bytes_max as usize + 2).saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Takes the line end off, also when it is beyond what was kept.
    fn finished(mut self, bytes_max: u64, newline: bool) -> Self {
        let whole = self.length == self.bytes.len() as u64;
        self.length -= u64::from(newline);
        if whole && newline {
            self.bytes.pop();
        }
        if whole && self.bytes.last() == Some(&b'\r') {
            self.bytes.pop();
            self.length -= 1;
        }
        if self.length > bytes_max {
            self.fault =
                Some(format!("it has {} bytes, the limit is {bytes_max} (--line-bytes-max)", self.length));
            self.bytes.truncate(KEPT_OF_TOO_LONG.min(bytes_max as usize));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, format: Format, bytes_max: u64) -> Vec<Record> {
        // A tiny buffer, so that every record crosses its edges.
        let input = io::BufReader::with_capacity(3, text.as_bytes());
        let mut records = Records::of(input, format, b',', bytes_max);
        std::iter::from_fn(|| records.next().unwrap()).collect()
    }

    fn lines(text: &str, format: Format) -> Vec<(u64, String)> {
        let plain = |record: Record| (record.line, String::from_utf8(record.bytes).unwrap());
        read(text, format, 1000).into_iter().map(plain).collect()
    }

    #[test]
    fn line_ends_inside_quotes_belong_to_the_record() {
        let told = lines("a,b\r\n\"x\ny\",1\r\n\n2,\"\"\"\n\"\n3,4", Format::Csv);
        let wanted = [(1, "a,b"), (2, "\"x\ny\",1"), (5, "2,\"\"\"\n\""), (7, "3,4")];
        assert_eq!(told, wanted.map(|(line, text)| (line, text.to_owned())));
    }

    #[test]
    fn quotes_mean_nothing_to_ndjson() {
        assert_eq!(lines("\"\n\"\n", Format::Ndjson), [(1, "\"".into()), (2, "\"".into())]);
    }

    #[test]
    fn too_long_is_cut_and_told_and_the_next_is_read() {
        let told = read("12345\n123456\n1\n", Format::Ndjson, 5);
        assert_eq!((told[0].fault.as_deref(), told[0].length), (None, 5));
        assert!(told[1].fault.as_ref().unwrap().contains("limit is 5"));
        assert_eq!((told[1].line, told[1].bytes.as_slice(), told[1].length), (2, &b"12345"[..], 6));
        assert_eq!((told[2].line, told[2].bytes.as_slice()), (3, &b"1"[..]));
    }

    #[test]
    fn a_quote_that_is_never_closed_is_told_with_its_lines() {
        let told = read("a\n\"b\nc\n", Format::Csv, 1000);
        assert_eq!(told.len(), 2);
        assert!(told[1].fault.as_ref().unwrap().contains("lines 2 to 3"), "{:?}", told[1]);
    }
}
