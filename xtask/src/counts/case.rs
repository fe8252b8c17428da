//! A case as the binary lists it, and as it was counted.

use anyhow::{Context, Result, bail};

/// One line of `counts --list`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    /// `group/contender`.
    pub(super) name: String,
    /// Whether a rise of its count is a regression: false for peers.
    pub(super) ours: bool,
    /// Whether tables seeded at random take part, so that two runs differ.
    pub(super) seeded: bool,
    /// Items of the shorter of the two runs.
    pub(super) items: u64,
}

/// A case with its count.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    pub(super) case: Case,
    pub(super) item_instructions: f64,
}

/// Reads the whole list.
pub(super) fn parse_list(text: &str) -> Result<Vec<Case>> {
    text.lines()
        .map(|line| parse(line).with_context(|| format!("a line of counts --list: `{line}`")))
        .collect()
}

fn parse(line: &str) -> Result<Case> {
    let parts: Vec<&str> = line.split('\t').collect();
    let [name, side, repeats, items] = parts[..] else { bail!("not four parts apart by tabs") };
    let ours = match side {
        "ours" => true,
        "peer" => false,
        other => bail!("`{other}` is neither ours nor a peer"),
    };
    let seeded = match repeats {
        "seeded" => true,
        "exact" => false,
        other => bail!("`{other}` is neither exact nor seeded"),
    };
    if name.split('/').count() != 2 {
        bail!("`{name}` is not group/contender");
    }
    Ok(Case { name: name.into(), ours, seeded, items: items.parse().context("items")? })
}

impl Case {
    /// The two halves of the name.
    pub(super) fn group_and_contender(&self) -> (&str, &str) {
        self.name.split_once('/').unwrap_or((&self.name, ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_line_by_line() {
        let cases = parse_list("put/batcher\tours\texact\t64000\nmap-get/naive\tpeer\tseeded\t8\n").unwrap();
        assert_eq!(cases[0], Case { name: "put/batcher".into(), ours: true, seeded: false, items: 64_000 });
        assert!(!cases[1].ours && cases[1].seeded);
        assert_eq!(cases[1].group_and_contender(), ("map-get", "naive"));
    }

    #[test]
    fn what_is_no_case_is_refused_with_its_line() {
        let lines = [
            "put/batcher\tours\t1",
            "put\tours\texact\t1",
            "put/a\ttheirs\texact\t1",
            "put/a\tours\tperhaps\t1",
            "put/a\tours\texact\tmany",
            "a/b/c\tours\texact\t1",
        ];
        for line in lines {
            let error = parse_list(line).unwrap_err();
            assert!(format!("{error:#}").contains(line), "{error:#}");
        }
    }
}
