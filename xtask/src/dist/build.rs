//! Builds the two libraries in release, and learns from cargo where they are and what they need.

use crate::workspace::root;
use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tinyjson::JsonValue;

/// Without the rlib, which only our own tests link to: code is then generated once, at the end.
const BUILD: &[&str] = &[
    "rustc",
    "--release",
    "--package=batchline-ffi",
    "--lib",
    "--crate-type=cdylib,staticlib",
    "--message-format=json",
    "--",
    "--print=native-static-libs",
];

/// What cargo made.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Built {
    pub(super) shared: PathBuf,
    pub(super) archive: PathBuf,
    /// What a program that links to the archive links to besides, as flags.
    pub(super) native_libs: Vec<String>,
}

/// Builds, and shows what the compiler has to say.
pub(super) fn build() -> Result<Built> {
    let mut command = Command::new("cargo");
    command.current_dir(root()).args(BUILD).stderr(Stdio::inherit());
    let output = command.output().context("cargo does not start")?;
    let mut built = Built::default();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if let Some(remark) = built.read(line) {
            eprint!("{remark}");
        }
    }
    if !output.status.success() {
        bail!("the C library does not build; see above");
    }
    built.require_all()
}

impl Built {
    /// The folder that cargo builds in: the libraries are in its `release`.
    pub(super) fn target_dir(&self) -> Result<PathBuf> {
        let above = self.shared.ancestors().nth(2).filter(|path| *path != Path::new(""));
        Ok(above.context("cargo named a library without a folder")?.to_owned())
    }

    /// Takes what is to know from one message of cargo, and returns what a person should see of it.
    fn read(&mut self, message: &str) -> Option<String> {
        let value: JsonValue = message.parse().ok()?;
        let map: &HashMap<String, JsonValue> = value.get()?;
        match map.get("reason")?.get::<String>()?.as_str() {
            "compiler-artifact" => self.read_artifact(map),
            "compiler-message" => self.read_diagnostic(map),
            _ => None,
        }
    }

    fn read_artifact(&mut self, map: &HashMap<String, JsonValue>) -> Option<String> {
        let target: &HashMap<String, JsonValue> = map.get("target")?.get()?;
        if target.get("name")?.get::<String>()? != "batchline_ffi" {
            return None;
        }
        let files: &Vec<JsonValue> = map.get("filenames")?.get()?;
        for file in files.iter().filter_map(|file| file.get::<String>()).map(PathBuf::from) {
            match file.extension().and_then(|extension| extension.to_str()) {
                Some("so") => self.shared = file,
                Some("a") => self.archive = file,
                _ => {}
            }
        }
        None
    }

    fn read_diagnostic(&mut self, map: &HashMap<String, JsonValue>) -> Option<String> {
        let about: &HashMap<String, JsonValue> = map.get("message")?.get()?;
        let text: &String = about.get("message")?.get()?;
        if let Some(flags) = text.strip_prefix("native-static-libs:") {
            self.native_libs = needed(flags);
            return None;
        }
        let is_lead = text.starts_with("link against the following native artifacts");
        (!is_lead).then(|| about.get("rendered")?.get::<String>().cloned()).flatten()
    }

    fn require_all(self) -> Result<Built> {
        let named = [&self.shared, &self.archive].iter().all(|path| path.is_file());
        if !named || self.native_libs.is_empty() {
            bail!("cargo did not name libbatchline_ffi.so, libbatchline_ffi.a and their native libraries");
        }
        Ok(self)
    }
}

/// Each once. The C compiler itself brings the C library and the unwinder that fits: the static one has another name.
fn needed(flags: &str) -> Vec<String> {
    let mut needed: Vec<String> = Vec::new();
    for flag in flags.split_whitespace().filter(|flag| !["-lc", "-lgcc_s"].contains(flag)) {
        if !needed.iter().any(|known| known == flag) {
            needed.push(flag.into());
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libraries_are_found_among_the_messages() {
        let mut built = Built::default();
        let messages = [
            r#"{"reason":"compiler-artifact","target":{"name":"batchline"},"filenames":["/t/release/x.so"]}"#,
            r#"{"reason":"compiler-artifact","target":{"name":"batchline_ffi"},
                "filenames":["/t/release/libb.so","/t/release/libb.a"]}"#,
            r#"{"reason":"compiler-message","message":{"message":"native-static-libs: -lm","rendered":"x"}}"#,
            r#"{"reason":"build-finished","success":true}"#,
            "not JSON",
        ];
        messages.iter().for_each(|message| assert_eq!(built.read(message), None, "{message}"));
        assert_eq!(built.archive, PathBuf::from("/t/release/libb.a"));
        assert_eq!(built.native_libs, ["-lm"]);
        assert_eq!(built.target_dir().unwrap(), PathBuf::from("/t"));
    }

    #[test]
    fn what_the_compiler_says_is_shown() {
        let warning =
            r#"{"reason":"compiler-message","message":{"message":"unused","rendered":"warning: unused"}}"#;
        assert_eq!(Built::default().read(warning).as_deref(), Some("warning: unused"));
    }

    #[test]
    fn what_the_c_compiler_brings_is_not_named() {
        assert_eq!(needed(" -lgcc_s -lutil -lm -lc -lm -ldl -lc"), ["-lutil", "-lm", "-ldl"]);
    }

    #[test]
    fn a_build_that_names_nothing_has_failed() {
        assert!(Built::default().require_all().is_err());
        assert!(Built::default().target_dir().is_err());
    }
}
