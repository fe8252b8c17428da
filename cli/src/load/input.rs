//! The input as a stream of bytes: a file, a pipe or stdin.
//!
//! A thread of its own reads, so that Ctrl-C is heard while a pipe is silent, and so that the disk is
//! read while lines are parsed.

use std::fs::{self, File};
use std::io::{self, BufRead, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;

use crate::args::{Format, LoadArgs};
use crate::exit::Usage;
use crate::{interrupt, progress};

const CHUNK_BYTES: usize = 256 << 10;
const CHUNKS_AHEAD: usize = 4;
/// How long a silent pipe may keep us from noticing Ctrl-C.
const HEAR_INTERRUPTS: Duration = Duration::from_millis(100);

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// What to read, and how.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    path: PathBuf,
    pub(crate) format: Format,
    pub(crate) delimiter: u8,
}

impl Source {
    /// The format is asked for, or told by the extension.
    pub(crate) fn of(args: &LoadArgs) -> Result<Self> {
        let extension = args.input.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        let told = match extension.as_deref() {
            Some("csv" | "tsv") => Some(Format::Csv),
            Some("ndjson" | "jsonl") => Some(Format::Ndjson),
            _ => None,
        };
        let Some(format) = args.format.or(told) else {
            let shown = args.input.display();
            return Err(Usage(format!(
                "cannot tell the format of {shown}: give --format csv or --format ndjson"
            ))
            .into());
        };
        if format == Format::Ndjson && args.delimiter.is_some() {
            return Err(Usage("--delimiter is for CSV; the input is NDJSON".into()).into());
        }
        let usual = if extension.as_deref() == Some("tsv") { b'\t' } else { b',' };
        Ok(Self { path: args.input.clone(), format, delimiter: args.delimiter.unwrap_or(usual) })
    }
}

/// The bytes, without a byte order mark.
#[derive(Debug)]
pub(crate) struct Input {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    used: usize,
    bar: ProgressBar,
}

impl Input {
    /// Opens and begins to read. Fails early and clearly on what can not be read.
    pub(crate) fn open(source: &Source) -> Result<Self> {
        if source.path == Path::new("-") {
            return Ok(Self::from(io::stdin(), None));
        }
        let shown = source.path.display();
        let about = fs::metadata(&source.path).with_context(|| format!("cannot read {shown}"))?;
        if about.is_dir() {
            bail!("cannot read {shown}: it is a folder");
        }
        let file = File::open(&source.path).with_context(|| format!("cannot read {shown}"))?;
        Ok(Self::from(file, about.is_file().then_some(about.len())))
    }

    /// Reads from anything, in a thread that ends with the input or when nobody listens.
    pub(crate) fn from(reader: impl Read + Send + 'static, total: Option<u64>) -> Self {
        let (to, chunks) = sync_channel(CHUNKS_AHEAD);
        thread::spawn(move || pump(reader, &to));
        Self { chunks, chunk: Vec::new(), used: 0, bar: progress::bytes("load", total) }
    }

    fn next_chunk(&self) -> io::Result<Vec<u8>> {
        loop {
            if interrupt::requested() {
                return Err(ErrorKind::Interrupted.into());
            }
            match self.chunks.recv_timeout(HEAR_INTERRUPTS) {
                Ok(chunk) => return chunk,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
            }
        }
    }
}

// The bar goes with the input, so that the receipt begins on a line of its own.
impl Drop for Input {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Read for Input {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let taken = self.fill_buf()?.read(out)?;
        self.consume(taken);
        Ok(taken)
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used == self.chunk.len() {
            self.chunk = self.next_chunk()?;
            self.used = 0;
            self.bar.inc(self.chunk.len() as u64);
        }
        Ok(&self.chunk[self.used..])
    }

    fn consume(&mut self, bytes: usize) {
        self.used += bytes;
    }
}

fn pump(mut reader: impl Read, to: &SyncSender<io::Result<Vec<u8>>>) {
    let mut first = true;
    loop {
        // The first chunk must be long enough to hold a byte order mark.
        let least = if std::mem::take(&mut first) { UTF8_MARK.len() } else { 0 };
        let read =
            chunk(&mut reader, least).and_then(|chunk| if least > 0 { unmarked(chunk) } else { Ok(chunk) });
        let last = !matches!(&read, Ok((_, false)));
        // An empty chunk would be taken for the end; a byte order mark alone leaves one.
        let empty = matches!(&read, Ok((bytes, _)) if bytes.is_empty());
        let gone = !empty && to.send(read.map(|(bytes, _)| bytes)).is_err();
        if last || gone {
            return;
        }
    }
}

/// Some bytes, at least `least` of them before the end; and whether this is the end.
fn chunk(reader: &mut impl Read, least: usize) -> io::Result<(Vec<u8>, bool)> {
    let mut bytes = vec![0; CHUNK_BYTES];
    let mut filled = 0;
    loop {
        match reader.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if filled >= least.max(1) {
            bytes.truncate(filled);
            return Ok((bytes, false));
        }
    }
    bytes.truncate(filled);
    Ok((bytes, true))
}

fn unmarked((mut bytes, end): (Vec<u8>, bool)) -> io::Result<(Vec<u8>, bool)> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(io::Error::new(ErrorKind::InvalidData, "it is UTF-16: convert it to UTF-8 first"));
    }
    if bytes.starts_with(UTF8_MARK) {
        bytes.drain(..UTF8_MARK.len());
    }
    Ok((bytes, end))
}
