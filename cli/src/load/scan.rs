//! The grammar of CSV, byte by byte: where fields and records end.
//!
//! The crate `csv` reads records well but keeps neither their text nor a bound on their length, and a
//! reject needs the first while a stray quote needs the second. So the grammar is here, in one state
//! machine that serves both the cutting into records and the reading of fields; a test holds it
//! against the crate.

/// Where in a record we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    FieldStart,
    Plain,
    Quoted,
    /// After a quote inside quotes: the first of two, or the closing one.
    QuoteSeen,
    /// After a carriage return behind a closing quote: a line end is due.
    ReturnSeen,
}

/// What a byte means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A byte of the field.
    Byte,
    /// Punctuation that is no part of the field.
    Skip,
    /// The quote that opens a field.
    Open,
    FieldEnd,
    RecordEnd,
    /// Text after a closing quote, which no grammar of CSV allows.
    Stray,
}

/// Reads one byte after another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scan {
    delimiter: u8,
    state: State,
}

impl Scan {
    pub(crate) fn new(delimiter: u8) -> Self {
        Self { delimiter, state: State::default() }
    }

    /// Whether a quote was opened that is not closed yet.
    pub(crate) fn is_open(&self) -> bool {
        self.state == State::Quoted
    }

    pub(crate) fn step(&mut self, byte: u8) -> Step {
        let (state, step) = match (self.state, byte) {
            (State::Quoted, b'"') => (State::QuoteSeen, Step::Skip),
            (State::Quoted, _) => (State::Quoted, Step::Byte),
            (State::QuoteSeen, b'"') => (State::Quoted, Step::Byte),
            (_, b'\n') => (State::FieldStart, Step::RecordEnd),
            (State::QuoteSeen, b'\r') => (State::ReturnSeen, Step::Skip),
            (State::ReturnSeen, _) => (State::Plain, Step::Stray),
            (_, byte) if byte == self.delimiter => (State::FieldStart, Step::FieldEnd),
            (State::QuoteSeen, _) => (State::Plain, Step::Stray),
            (State::FieldStart, b'"') => (State::Quoted, Step::Open),
            (State::FieldStart | State::Plain, _) => (State::Plain, Step::Byte),
        };
        self.state = state;
        step
    }
}
