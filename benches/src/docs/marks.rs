//! The marks in a page: `<!-- figures: NAME -->` begins a block, `<!-- figures end -->` ends it, each on its own line.
//!
//! Whatever stands between is replaced; every other byte of the page is kept.

use std::fmt;

/// How the marks of a page differ from what they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// No mark begins this block.
    Absent(String),
    /// Two marks begin this block.
    Twice(String),
    /// This block is not one of the page's.
    Unknown(String),
    /// This block does not end before the next one, or before the page does.
    Endless(String),
    /// The mark in this line, counted from one, ends a block that none began.
    Beginless(usize),
    /// The mark in this line, counted from one, is misspelt.
    Misspelt(usize),
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(name) => write!(out, "there is no mark `<!-- figures: {name} -->`"),
            Self::Twice(name) => write!(out, "block `{name}` is there twice"),
            Self::Unknown(name) => write!(out, "block `{name}` is not one of this page's"),
            Self::Endless(name) => write!(out, "block `{name}` has no mark `<!-- figures end -->`"),
            Self::Beginless(line) => write!(out, "line {line} ends a block that none began"),
            Self::Misspelt(line) => write!(out, "line {line} is neither the begin nor the end of a block"),
        }
    }
}

impl std::error::Error for Fault {}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark<'a> {
    Begin(&'a str),
    End,
    Misspelt,
}

impl<'a> Mark<'a> {
    /// None for all lines that do not look like a mark.
    fn of(line: &'a str) -> Option<Self> {
        let rest = line.trim().strip_prefix("<!-- figures")?;
        let inside = rest.strip_suffix("-->").map(str::trim);
        Some(match inside.map(|inside| (inside, inside.strip_prefix(':').map(str::trim))) {
            Some(("end", _)) => Self::End,
            Some((_, Some(name))) if !name.is_empty() => Self::Begin(name),
            _ => Self::Misspelt,
        })
    }
}

/// The page with these bodies, by name; each must have its block, and each block its body.
pub fn replace(text: &str, bodies: &[(&str, String)]) -> Result<String, Fault> {
    let mut rewriting = Rewriting { bodies, seen: Vec::new(), open: None, text: String::new() };
    for (index, line) in text.split_inclusive('\n').enumerate() {
        rewriting.take(index + 1, line)?;
    }
    rewriting.finish()
}

struct Rewriting<'a> {
    bodies: &'a [(&'a str, String)],
    seen: Vec<&'a str>,
    open: Option<&'a str>,
    text: String,
}

impl<'a> Rewriting<'a> {
    fn take(&mut self, number: usize, line: &'a str) -> Result<(), Fault> {
        match Mark::of(line) {
            Some(Mark::Misspelt) => return Err(Fault::Misspelt(number)),
            Some(Mark::Begin(name)) => return self.begin(name, line),
            Some(Mark::End) => drop(self.open.take().ok_or(Fault::Beginless(number))?),
            None => {}
        }
        if self.open.is_none() {
            self.text.push_str(line);
        }
        Ok(())
    }

    fn begin(&mut self, name: &'a str, line: &str) -> Result<(), Fault> {
        self.require_closed()?;
        if self.seen.contains(&name) {
            return Err(Fault::Twice(name.to_owned()));
        }
        let found = self.bodies.iter().find(|(known, _)| *known == name);
        let (_, body) = found.ok_or_else(|| Fault::Unknown(name.to_owned()))?;
        self.text.extend([line, body, "\n"]);
        self.seen.push(name);
        self.open = Some(name);
        Ok(())
    }

    fn require_closed(&self) -> Result<(), Fault> {
        self.open.map_or(Ok(()), |name| Err(Fault::Endless(name.to_owned())))
    }

    fn finish(self) -> Result<String, Fault> {
        self.require_closed()?;
        let absent = self.bodies.iter().find(|(name, _)| !self.seen.contains(name));
        absent.map_or(Ok(self.text), |(name, _)| Err(Fault::Absent((*name).to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(text: &str) -> Result<String, Fault> {
        replace(text, &[("a", "| 1 |\n| 2 |".to_owned()), ("b", "new".to_owned())])
    }

    const A: &str = "<!-- figures: a -->\n<!-- figures end -->\n";
    const B: &str = "<!-- figures: b -->\n<!-- figures end -->\n";

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let page = "# T\r\n\n  odd \t\n<!-- figures: b -->\nold\n\nolder\n<!-- figures end -->\nmid\n<!--figures-->\n\
                    <!-- figures: a -->\n<!-- figures end -->\n\nno line break at the end, é";
        let expected = "# T\r\n\n  odd \t\n<!-- figures: b -->\nnew\n<!-- figures end -->\nmid\n<!--figures-->\n\
                        <!-- figures: a -->\n| 1 |\n| 2 |\n<!-- figures end -->\n\nno line break at the end, é";
        assert_eq!(replaced(page).as_deref(), Ok(expected));
    }

    #[test]
    fn twice_is_as_good_as_once() {
        let once = replaced(&format!("x\n{A}y\n{B}z\n")).expect("the marks are sound");
        assert_eq!(replaced(&once), Ok(once.clone()));
    }

    #[test]
    fn each_block_must_be_there_once_and_no_other() {
        let of = |name: &str| name.to_owned();
        assert_eq!(replaced(A), Err(Fault::Absent(of("b"))));
        assert_eq!(replaced(&format!("{A}{B}{A}")), Err(Fault::Twice(of("a"))));
        let c = "<!-- figures: c -->\n<!-- figures end -->\n";
        assert_eq!(replaced(&format!("{A}{B}{c}")), Err(Fault::Unknown(of("c"))));
    }

    #[test]
    fn a_block_without_an_end_swallows_nothing() {
        let endless = Err(Fault::Endless("a".to_owned()));
        assert_eq!(replaced(&format!("<!-- figures: a -->\ntext\n{B}")), endless);
        assert_eq!(replaced(&format!("{B}<!-- figures: a -->\ntext\n")), endless);
        assert_eq!(replaced(&format!("{A}{B}<!-- figures end -->")), Err(Fault::Beginless(5)));
    }

    #[test]
    fn misspelt_marks_are_found() {
        for mark in
            ["<!-- figures: -->", "<!-- figures ends -->", "<!-- figures: a --> text", "<!-- figures b"]
        {
            assert_eq!(replaced(&format!("{A}{mark}\n{B}")), Err(Fault::Misspelt(3)), "{mark}");
        }
    }
}
