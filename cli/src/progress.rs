//! Progress bars, for people only: hidden unless stderr is a terminal.

use std::fmt::Write;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::count::rounded;

const ROWS: &str = "{msg:<8} [{bar:40}] {human_pos}/{human_len} rows  {rows_per_s}  {eta}";
const BYTES: &str = "{msg:<8} [{bar:40}] {bytes}/{total_bytes}  {bytes_per_sec}  {eta}";
const UNKNOWN: &str = "{msg:<8} {spinner} {bytes}  {bytes_per_sec}";

/// A bar over a known number of rows.
pub(crate) fn rows(label: &'static str, rows: u64) -> ProgressBar {
    dressed(ProgressBar::new(rows), ROWS, label)
}

/// A bar over bytes, or a counter when nobody knows how many there will be.
pub(crate) fn bytes(label: &'static str, total: Option<u64>) -> ProgressBar {
    match total {
        Some(bytes) => dressed(ProgressBar::new(bytes), BYTES, label),
        None => dressed(ProgressBar::no_length(), UNKNOWN, label),
    }
}

// indicatif draws to stderr, and draws nothing when that is no terminal.
fn dressed(bar: ProgressBar, template: &str, label: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let style = style.with_key("rows_per_s", |state: &ProgressState, out: &mut dyn Write| {
        // There is nobody to tell when a bar can not be drawn.
        let _ = write!(out, "{} rows/s", rounded(state.per_sec()));
    });
    bar.with_style(style.progress_chars("=> ")).with_message(label)
}
