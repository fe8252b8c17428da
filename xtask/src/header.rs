//! `cargo xtask header`: writes include/batchline.h anew from the sources of the C ABI, or only checks it.

use crate::workspace::shell;
use anyhow::{Result, bail};
use xshell::cmd;

/// Told to write by this variable, the test that compares the header replaces it first.
const WRITE: &str = "BATCHLINE_WRITE_HEADER";

/// Runs that test.
pub(crate) fn header(args: &[String]) -> Result<()> {
    let writes = writes(args)?;
    let shell = shell()?;
    let test = cmd!(shell, "cargo test --quiet -p batchline-ffi --test header");
    if writes {
        test.env(WRITE, "1").run()?
    } else {
        test.env_remove(WRITE).run()?
    }
    println!("include/batchline.h {}", if writes { "is written" } else { "is that of ffi/" });
    Ok(())
}

fn writes(args: &[String]) -> Result<bool> {
    match args {
        [] => Ok(true),
        [flag] if flag == "--check" => Ok(false),
        _ => bail!("`header` takes nothing, or --check"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_writes_nothing() {
        assert!(writes(&[]).unwrap());
        assert!(!writes(&["--check".into()]).unwrap());
        assert!(writes(&["--chek".into()]).is_err());
    }
}
