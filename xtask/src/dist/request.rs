//! What the person asked `dist` for.

use anyhow::{Context, Result, bail};
use std::path::PathBuf;

/// The command line of `dist`, read. Paths are absolute.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    /// Where the tree is made; None for a folder of the target directory.
    pub(super) out: Option<PathBuf>,
    /// Where it is copied to.
    pub(super) prefix: Option<PathBuf>,
    /// Whether the Go package gets its copy.
    pub(super) go: bool,
    /// Whether the Python package is built, too.
    pub(super) python: bool,
}

impl Request {
    /// Reads the arguments.
    pub(super) fn parse(args: &[String]) -> Result<Request> {
        let mut request = Request::default();
        let mut args = args.iter();
        while let Some(flag) = args.next() {
            let field = match flag.as_str() {
                "--go" => {
                    request.go = true;
                    continue;
                }
                "--python" => {
                    request.python = true;
                    continue;
                }
                "--out" => &mut request.out,
                "--prefix" => &mut request.prefix,
                other => bail!(
                    "`dist` has no argument `{other}`; it takes --prefix DIR, --out DIR, --go, --python"
                ),
            };
            let folder = args.next().with_context(|| format!("which folder? Write {flag} DIR"))?;
            *field = Some(std::path::absolute(folder)?);
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
    fn both_places_are_read_as_absolute_paths() {
        let request = parse("--prefix /opt/b --go --out made").unwrap();
        assert_eq!(request.prefix, Some(PathBuf::from("/opt/b")));
        assert!(request.out.unwrap().is_absolute());
        assert!(request.go);
        assert_eq!(parse("").unwrap(), Request::default());
    }

    #[test]
    fn a_flag_without_its_folder_is_refused() {
        assert!(parse("--prefix").unwrap_err().to_string().contains("--prefix DIR"));
        assert!(parse("/opt/b").unwrap_err().to_string().contains("/opt/b"));
    }
}
