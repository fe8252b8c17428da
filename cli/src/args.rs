//! The command line: what each subcommand takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::load::target::Target;
use crate::{commit, count, duration, exit};

/// Turns many small operations into few large ones: on real rows, and for your files.
#[derive(Debug, Parser)]
#[command(name = "batchline", version = commit::described(), after_help = exit::CODES)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Writes real rows into SQLite, one by one and in batches, and checks that each arrived once
    Demo(DemoArgs),
    /// Loads CSV or NDJSON into a table; bad lines go to a reject file, never lost, never in the way
    Load(LoadArgs),
    /// Prints the completion script of a shell
    Completions(CompletionsArgs),
}

impl Command {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Demo(_) => "demo",
            Self::Load(_) => "load",
            Self::Completions(_) => "completions",
        }
    }

    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::Demo(args) => args.json,
            Self::Load(args) => args.json,
            Self::Completions(_) => false,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = exit::CODES)]
pub(crate) struct DemoArgs {
    /// Rows to write; the embedded data set is replayed until there are so many
    #[arg(long, default_value = "1_000_000", value_parser = rows)]
    pub(crate) rows: u64,
    /// Threads that put rows into the batcher
    #[arg(long, default_value = "2", value_name = "N", value_parser = threads)]
    pub(crate) producers: u64,
    /// The longest a row may wait for its batch to fill
    #[arg(long, default_value = "5ms", value_name = "TIME", value_parser = duration::parse)]
    pub(crate) linger: Duration,
    /// The most rows in one batch, which is one transaction
    #[arg(long, default_value = "1000", value_name = "N", value_parser = batch)]
    pub(crate) batch: u64,
    /// Rows to write one by one [default: for 3 seconds, at most 20,000]
    #[arg(long, value_name = "N", value_parser = rows)]
    pub(crate) naive_rows: Option<u64>,
    /// Folder for the page with the plots, and for the databases
    #[arg(long, default_value = "out", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Database file of the batched side [default: demo.db in the folder of --out]
    #[arg(long, value_name = "PATH")]
    pub(crate) db: Option<PathBuf>,
    /// Keep the databases
    #[arg(long)]
    pub(crate) keep: bool,
    /// Print one JSON object on stdout, and the report on stderr
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = exit::CODES, after_long_help = load_help())]
pub(crate) struct LoadArgs {
    /// File to read, or - for stdin
    #[arg(value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Database to write to: sqlite:PATH
    #[arg(long, value_name = "sqlite:PATH")]
    pub(crate) into: Target,
    /// Table to write to
    #[arg(long, value_name = "NAME")]
    pub(crate) table: String,
    /// Format of the input [default: by the file's extension]
    #[arg(long)]
    pub(crate) format: Option<Format>,
    /// File for rejected lines, as NDJSON [default: TABLE.rejects.ndjson, here]
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Exit with 0 although lines were rejected, up to N of them when N is given
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, value_parser = count::parse)]
    pub(crate) allow_rejects: Option<Option<u64>>,
    /// Add to a table that has rows already
    #[arg(long)]
    pub(crate) append: bool,
    /// Insist on creating the table
    #[arg(long, conflicts_with_all = ["no_create", "append"])]
    pub(crate) create: bool,
    /// Insist on the table being there
    #[arg(long)]
    pub(crate) no_create: bool,
    /// Character between CSV fields; `\t` or `tab` for a tab [default: a comma, in .tsv files a tab]
    #[arg(long, value_name = "C", value_parser = delimiter)]
    pub(crate) delimiter: Option<u8>,
    /// The most rows in one batch, which is one transaction
    #[arg(long, default_value = "1000", value_name = "N", value_parser = batch)]
    pub(crate) batch: u64,
    /// The longest a row may wait for its batch to fill
    #[arg(long, default_value = "50ms", value_name = "TIME", value_parser = duration::parse)]
    pub(crate) linger: Duration,
    /// The longest line (or CSV record) to take, in bytes
    #[arg(long, default_value = "16_777_216", value_name = "N", value_parser = line_bytes)]
    pub(crate) line_bytes_max: u64,
    /// How long to wait for a database that another process has locked
    #[arg(long, default_value = "5s", value_name = "TIME", value_parser = duration::parse)]
    pub(crate) busy_timeout: Duration,
    /// Print one JSON object on stdout, and the receipt on stderr
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Csv,
    Ndjson,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Shell to print for
    pub(crate) shell: clap_complete::Shell,
}

const LOAD_RULES: &str = "\
Rules:
  Columns  CSV: the header row. NDJSON: all keys of the first 1,000 good rows.
  Types    Of a new table: INTEGER, REAL or TEXT, from the first 1,000 good
           rows. What would lose digits or leading zeros as a number is TEXT.
           A later value that does not fit its column is a reject. In a table
           that is there, its declared types count.
  Nulls    An empty CSV field is NULL, a quoted empty field is an empty text;
           a missing key is NULL.
  Rejects  {\"line\":…,\"reason\":…,\"raw\":…}, one per line, with the line number
           in the input. The file is made when something is rejected; an
           earlier one is never overwritten.
  Keys     Foreign keys are enforced, as all other constraints are.
  Append   A table that has rows is left alone unless --append is given.
           Nothing is resumed.";

fn load_help() -> String {
    format!("{LOAD_RULES}\n\n{}", exit::CODES)
}

fn rows(text: &str) -> Result<u64, String> {
    count::parse_within(text, 10_000_000_000)
}

fn threads(text: &str) -> Result<u64, String> {
    count::parse_within(text, 256)
}

fn batch(text: &str) -> Result<u64, String> {
    count::parse_within(text, 100_000)
}

fn line_bytes(text: &str) -> Result<u64, String> {
    count::parse_within(text, 1 << 30)
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "\\t" | "tab" => Ok(b'\t'),
        "\"" | "\n" | "\r" => Err("can be neither a quote nor a line end".into()),
        _ => match text.as_bytes() {
            [byte] if byte.is_ascii() => Ok(*byte),
            _ => Err("must be one ASCII character, or `\\t` for a tab".into()),
        },
    }
}
