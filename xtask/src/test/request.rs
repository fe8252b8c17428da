//! What the person asked `test` for.

use anyhow::{Result, bail};

/// The command line of `test`, read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    /// Only the first step.
    pub(crate) quick: bool,
    /// Parts of test names; empty means every test.
    pub(crate) filters: Vec<String>,
}

impl Request {
    /// Reads the arguments; a flag that is not known is refused, lest a typing error runs the wrong tests.
    pub(crate) fn parse(args: &[String]) -> Result<Request> {
        let mut request = Request::default();
        for arg in args {
            match arg.as_str() {
                "--quick" => request.quick = true,
                flag if flag.starts_with('-') => {
                    bail!("`test` has no flag `{flag}`; it takes --quick and filters")
                }
                filter => request.filters.push(filter.into()),
            }
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Request> {
        Request::parse(&line.split_whitespace().map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn flags_and_filters_mix() {
        let request = parse("slab --quick ticket").unwrap();
        assert_eq!(request, Request { quick: true, filters: vec!["slab".into(), "ticket".into()] });
    }

    #[test]
    fn an_unknown_flag_is_refused() {
        assert!(parse("--quik").unwrap_err().to_string().contains("--quik"));
    }
}
