//! Which column each cell of a line belongs to.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::BufRead;

use anyhow::{Context, Result, bail};

use super::cell::{Cell, shortened};
use super::name::{fault, folded};
use super::records::{Record, Records};
use super::{csv_cells, json_cells};
use crate::args::Format;

/// The columns of the input, in order.
#[derive(Debug)]
pub(crate) struct Layout {
    format: Format,
    delimiter: u8,
    pub(crate) names: Vec<String>,
    /// By folded name, because SQLite's names ignore case.
    places: HashMap<String, usize>,
    /// Whether a new key still makes a column.
    open: bool,
}

impl Layout {
    /// Reads the header of a CSV; NDJSON has none, its columns come with the lines.
    pub(crate) fn read<R: BufRead>(records: &mut Records<R>, format: Format, delimiter: u8) -> Result<Self> {
        let open = format == Format::Ndjson;
        let mut layout = Self { format, delimiter, names: Vec::new(), places: HashMap::new(), open };
        if format == Format::Csv {
            let Some(header) = records.next().context("cannot read the input")? else {
                bail!("the input is empty: there is no header row");
            };
            layout.take_header(&header).map_err(|fault| {
                anyhow::anyhow!("the header row (line {}) can not be used: {fault}", header.line)
            })?;
        }
        Ok(layout)
    }

    /// Whether all columns are known.
    pub(crate) fn is_settled(&self) -> bool {
        !self.open
    }

    /// From here on, an unknown key is a fault of its line.
    pub(crate) fn close(&mut self) {
        self.open = false;
    }

    /// The cells of a record with the numbers of their columns.
    pub(crate) fn cells<'a>(&mut self, text: &'a str) -> Result<Vec<(usize, Cell<'a>)>, String> {
        match self.format {
            Format::Csv => self.csv(text),
            Format::Ndjson => self.ndjson(text),
        }
    }

    fn take_header(&mut self, header: &Record) -> Result<(), String> {
        if let Some(fault) = &header.fault {
            return Err(fault.clone());
        }
        let text = std::str::from_utf8(&header.bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        if text.contains('\r') {
            return Err("lines end with a carriage return alone: convert them to newlines first".into());
        }
        for (place, cell) in csv_cells::cells(text, self.delimiter)?.into_iter().enumerate() {
            let Cell::Field(name) = cell else { return Err(format!("column {} has no name", place + 1)) };
            if let Some(fault) = fault(&name) {
                return Err(format!("the name of column {} {fault}", place + 1));
            }
            if let Some(earlier) = self.places.insert(folded(&name), place) {
                let (first, second) = (earlier + 1, place + 1);
                return Err(format!("columns {first} and {second} are both named {}", shortened(&name)));
            }
            self.names.push(name.into_owned());
        }
        Ok(())
    }

    fn csv<'a>(&self, text: &'a str) -> Result<Vec<(usize, Cell<'a>)>, String> {
        let cells = csv_cells::cells(text, self.delimiter)?;
        match (cells.len(), self.names.len()) {
            (fields, columns) if fields == columns => Ok(cells.into_iter().enumerate().collect()),
            (fields, columns) => {
                Err(format!("it has {}, the header has {columns}", crate::count::of(fields as u64, "field")))
            }
        }
    }

    fn ndjson<'a>(&mut self, text: &'a str) -> Result<Vec<(usize, Cell<'a>)>, String> {
        let entries = json_cells::cells(text)?;
        let mut seen = HashMap::with_capacity(entries.len());
        for (place, (key, _)) in entries.iter().enumerate() {
            if let Some(fault) = fault(key) {
                return Err(format!("a key {fault}"));
            }
            if seen.insert(folded(key), place).is_some() {
                return Err(format!("the key {} appears twice", shortened(key)));
            }
        }
        // Only now, so that a line that is refused leaves no column behind.
        entries.into_iter().map(|(key, cell)| Ok((self.place(&key)?, cell))).collect()
    }

    fn place(&mut self, key: &str) -> Result<usize, String> {
        let next = self.names.len();
        match self.places.entry(folded(key)) {
            Entry::Occupied(known) => Ok(*known.get()),
            Entry::Vacant(_) if !self.open => Err(format!("the key {} is no column", shortened(key))),
            Entry::Vacant(new) => {
                self.names.push(key.to_owned());
                Ok(*new.insert(next))
            }
        }
    }
}
