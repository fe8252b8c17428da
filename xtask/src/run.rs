//! `cargo xtask run`: the main job, from a fresh clone to results in `out/`.

use crate::workspace::{passed_on, shell};
use anyhow::{Result, bail};
use xshell::{Shell, cmd};

/// Builds the CLI in release and runs its demo with the given arguments.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let shell = shell()?;
    require_c_compiler(&shell)?;
    cmd!(shell, "cargo build --release -p batchline-cli").run()?;
    let args = passed_on(args);
    // `cargo run` finds the binary wherever CARGO_TARGET_DIR put it; --quiet keeps --json output clean.
    cmd!(shell, "cargo run --quiet --release -p batchline-cli -- demo {args...}").run()?;
    Ok(())
}

/// SQLite is compiled from C: say so in one line before the build says it in a hundred.
fn require_c_compiler(shell: &Shell) -> Result<()> {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let answer = cmd!(shell, "{compiler} --version").quiet().ignore_stdout().ignore_stderr().run();
    if answer.is_err() {
        bail!("no C compiler (`{compiler}`) for the bundled SQLite: on Debian, `apt-get install gcc`");
    }
    Ok(())
}
