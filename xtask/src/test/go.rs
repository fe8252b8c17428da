//! The step `go`: the Go package, where there is Go.

mod lines;
mod toolchain;

use super::count::Count;
use super::outcome::Outcome;
use super::tee::run_and_see;
use crate::dist::bundle_for_go;
use crate::workspace::root;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// Each run of the tests.
const RUNS: [Run; 5] = [
    Run { flags: &[], cgo: None, packages: "./..." },
    Run { flags: &["-race"], cgo: None, packages: "./..." },
    Run { flags: &[], cgo: Some("0"), packages: "./..." },
    Run { flags: &[NATIVE], cgo: None, packages: "./native/..." },
    Run { flags: &[NATIVE, "-race"], cgo: None, packages: "./native/..." },
];

/// Links the archive of `cargo xtask dist --go`.
const NATIVE: &str = "-tags=batchline_native";

/// A run takes seconds; one that hangs dies, and names the test that hung.
const TIME_LIMIT: &str = "-timeout=5m";

/// What `go test` is told.
struct Run {
    flags: &'static [&'static str],
    /// The value of CGO_ENABLED; None for Go's own choice.
    cgo: Option<&'static str>,
    packages: &'static str,
}

/// Runs everything, or says why not.
pub(crate) fn test() -> Outcome {
    let package = root().join("go");
    if !package.is_dir() {
        return Outcome::Skipped("there is no folder go/ yet".into());
    }
    match toolchain::find(&package) {
        Ok(go) => Go { go, package }.run(),
        Err(why) => Outcome::Skipped(format!("{why:#}")),
    }
}

struct Go {
    go: PathBuf,
    package: PathBuf,
}

impl Go {
    fn run(&self) -> Outcome {
        let prepared = bundle_for_go().and_then(|()| self.format()).and_then(|()| self.vet());
        if let Err(error) = prepared {
            return Outcome::judge_error(&error);
        }
        let mut count = Count::default();
        for run in RUNS {
            match self.tests(&run, &mut count) {
                Ok(true) => {}
                Ok(false) => return Outcome::judge(false, count, false),
                Err(error) => return Outcome::judge_error(&error),
            }
        }
        Outcome::judge(true, count, false)
    }

    fn format(&self) -> Result<()> {
        let gofmt = self.go.with_file_name("gofmt");
        println!("$ gofmt -l .");
        let output = Command::new(&gofmt).args(["-l", "."]).current_dir(&self.package).output();
        let output = output.with_context(|| format!("{} does not start", gofmt.display()))?;
        let files = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || !files.is_empty() {
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            bail!("`gofmt -w` would change: {}", files.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        Ok(())
    }

    fn vet(&self) -> Result<()> {
        for args in [["vet", "./..."].as_slice(), &["vet", NATIVE, "./native/..."]] {
            println!("$ go {}", args.join(" "));
            if !self.command(args).status()?.success() {
                bail!("go vet complains; see above");
            }
        }
        Ok(())
    }

    /// True if all tests of this run passed.
    fn tests(&self, run: &Run, count: &mut Count) -> Result<bool> {
        let mut args = vec!["test", "-v", TIME_LIMIT];
        args.extend(run.flags);
        args.push(run.packages);
        let mut command = self.command(&args);
        command.envs(run.cgo.map(|value| ("CGO_ENABLED", value)));
        println!(
            "$ {}go {}",
            run.cgo.map_or(String::new(), |value| format!("CGO_ENABLED={value} ")),
            args.join(" ")
        );
        run_and_see(command, |line| lines::see(line, count))
    }

    fn command(&self, args: &[&str]) -> Command {
        toolchain::command(&self.go, &self.package, args)
    }
}
