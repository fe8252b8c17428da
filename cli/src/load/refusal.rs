//! What SQLite refuses: which errors are about a row, and all of them in clear words.

use rusqlite::ErrorCode;

/// Whether the row is at fault, so that other rows can still be loaded.
pub(crate) fn blames_row(error: &rusqlite::Error) -> bool {
    let faults = [ErrorCode::ConstraintViolation, ErrorCode::TypeMismatch, ErrorCode::TooBig];
    error.sqlite_error_code().is_some_and(|code| faults.contains(&code))
}

/// The error in SQLite's words, after a word of ours where theirs leave people guessing.
pub(crate) fn told(error: &rusqlite::Error) -> String {
    let hint = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process has it locked; wait for that one, or give a longer --busy-timeout"
        }
        Some(ErrorCode::DiskFull) => "no space is left on its disk",
        Some(ErrorCode::NotADatabase) => "the file is no SQLite database",
        Some(ErrorCode::ReadOnly) => "it can not be written to",
        Some(ErrorCode::CannotOpen) => "it is not there and can not be made, or may not be read",
        Some(ErrorCode::SystemIoFailure) => "its disk failed",
        _ => return error.to_string(),
    };
    format!("{hint} ({error})")
}
