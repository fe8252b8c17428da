//! The committed counts, `benches/counts.json`: what they were, and which compiler made them.

use crate::compiler::Compiler;
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::path::Path;
use tinyjson::JsonValue;

const SCHEMA: f64 = 1.0;

/// Instructions per item, by the name of the case.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Baseline {
    pub(super) compiler: Compiler,
    /// With which they were counted: told when they move, compared with nothing.
    pub(super) valgrind: String,
    pub(super) item_instructions: BTreeMap<String, f64>,
}

impl Baseline {
    /// The file's content; `None` when there is no file yet.
    pub(super) fn read(path: &Path) -> Result<Option<Self>> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).map(Some).with_context(|| format!("reading {}", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }

    /// Replaces the file.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        std::fs::write(path, self.render()).with_context(|| format!("writing {}", path.display()))?;
        println!("the baseline is now that of this run: {}", path.display());
        Ok(())
    }

    fn parse(text: &str) -> Result<Self> {
        let value: JsonValue = text.parse()?;
        let map: &HashMap<String, JsonValue> = value.get().context("not an object")?;
        if map.get("schema").and_then(JsonValue::get::<f64>) != Some(&SCHEMA) {
            bail!("its schema is not {SCHEMA}");
        }
        let compiler = Compiler { rustc: string(map, "rustc")?, target: string(map, "target")? };
        let counts = map.get("item_instructions").and_then(JsonValue::get::<HashMap<String, JsonValue>>);
        let counts = counts.context("`item_instructions` is not an object")?.iter();
        let item_instructions = counts.map(|(name, count)| Ok((name.clone(), positive(name, count)?)));
        Ok(Self {
            compiler,
            valgrind: string(map, "valgrind")?,
            item_instructions: item_instructions.collect::<Result<_>>()?,
        })
    }

    /// One line per case, in the order of names, so that a change shows as the lines it is.
    fn render(&self) -> String {
        let counts =
            self.item_instructions.iter().map(|(name, count)| format!("    {}: {count:.3}", quoted(name)));
        format!(
            "{{\n  \"schema\": {SCHEMA},\n  \"rustc\": {},\n  \"target\": {},\n  \"valgrind\": {},\n  \
             \"item_instructions\": {{\n{}\n  }}\n}}\n",
            quoted(&self.compiler.rustc),
            quoted(&self.compiler.target),
            quoted(&self.valgrind),
            counts.collect::<Vec<_>>().join(",\n")
        )
    }
}

fn string(map: &HashMap<String, JsonValue>, key: &str) -> Result<String> {
    map.get(key)
        .and_then(JsonValue::get::<String>)
        .cloned()
        .with_context(|| format!("`{key}` is not a string"))
}

/// Differences are in percent of the baseline, so it must not be zero.
fn positive(name: &str, count: &JsonValue) -> Result<f64> {
    let count = count.get::<f64>().copied().filter(|&count| count > 0.0);
    count.with_context(|| format!("the count of `{name}` is not above zero"))
}

/// A string as JSON has it.
pub(super) fn quoted(text: &str) -> String {
    JsonValue::from(text.to_owned()).stringify().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline() -> Baseline {
        Baseline {
            compiler: Compiler { rustc: "1.95.0".into(), target: "x86_64-unknown-linux-gnu".into() },
            valgrind: "3.19.0".into(),
            item_instructions: [("put/batcher".into(), 35.955), ("handle/batch".into(), 2087.0)].into(),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(Baseline::parse(&baseline().render()).unwrap(), baseline());
    }

    #[test]
    fn each_case_has_a_line_of_its_own() {
        let text = baseline().render();
        assert!(text.contains("\n    \"handle/batch\": 2087.000,\n    \"put/batcher\": 35.955\n"), "{text}");
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let text = baseline().render();
        let damage = [
            ("\"schema\": 1", "\"schema\": 2"),
            ("35.955", "0"),
            ("35.955", "\"35\""),
            ("rustc", "cc"),
            ("{", ""),
        ];
        for (whole, broken) in damage {
            assert!(Baseline::parse(&text.replacen(whole, broken, 1)).is_err(), "{whole} -> {broken}");
        }
    }

    #[test]
    fn no_file_is_no_error() {
        assert_eq!(Baseline::read(Path::new("no/such/counts.json")).unwrap(), None);
    }
}
