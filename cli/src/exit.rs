//! How a run ends: the exit codes, and what is said on the way out.

use std::process::ExitCode;
use std::{fmt, io};

use serde_json::json;

use crate::console;

/// The exit codes, as `--help` lists them.
pub(crate) const CODES: &str = "\
Exit codes:
    0  done, everything adds up
    1  failed: the message says at what
    2  loaded, but lines were rejected beyond what --allow-rejects allows
    3  the numbers do not add up (a defect: please report it)
   64  wrong usage
  130  interrupted (Ctrl-C, SIGTERM); what was accepted is accounted for";

const USAGE: u8 = 64;

/// How a command that ran to its end came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Failed,
    Rejected,
    Unbalanced,
    Interrupted,
}

impl Outcome {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Rejected => 2,
            Self::Unbalanced => 3,
            Self::Interrupted => 130,
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome.code())
    }
}

/// Wrong usage that only shows when the arguments are seen together.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Help and version are answers; anything else clap says is a usage error.
pub(crate) fn after_parsing(answer: &clap::Error) -> ExitCode {
    // Nothing better can be done when the answer itself can not be written.
    let _ = answer.print();
    if answer.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
}

/// Says what failed: to people on stderr, and with `--json` to programs on stdout as well.
pub(crate) fn after_failure(command: &str, json: bool, error: &anyhow::Error) -> ExitCode {
    let (code, told) = match error {
        _ if interrupted(error) => {
            (Outcome::Interrupted.code(), "interrupted before anything was written".into())
        }
        _ if error.is::<Usage>() => (USAGE, format!("{error:#}")),
        _ => (Outcome::Failed.code(), format!("{error:#}")),
    };
    console::note(&format!("error: {told}"));
    if json {
        let object = json!({ "command": command, "ok": false, "exit_code": code, "error": told });
        // The exit code still tells when stdout is gone.
        let _ = console::print(&format!("{object}\n"));
    }
    code.into()
}

/// Whether Ctrl-C ended the reading of the input; other interrupted calls are tried again below us.
fn interrupted(error: &anyhow::Error) -> bool {
    let input = error.downcast_ref::<io::Error>();
    input.is_some_and(|error| error.kind() == io::ErrorKind::Interrupted)
}
