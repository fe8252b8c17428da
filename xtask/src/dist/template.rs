//! Templates: texts with `@NAME@` where a value belongs.

use anyhow::{Result, bail};

/// Puts every value in its place; a name without a value is refused.
pub(super) fn filled(template: &str, values: &[(&str, &str)]) -> Result<String> {
    let mut text = template.to_owned();
    for (name, value) in values {
        text = text.replace(&format!("@{name}@"), value);
    }
    match text.split_once('@') {
        Some((_, rest)) => bail!("no value for `@{}`", rest.lines().next().unwrap_or_default()),
        None => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_filled() {
        let values = [("A", "1"), ("B", "2")];
        assert_eq!(filled("@A@ @B@ @A@", &values).unwrap(), "1 2 1");
        assert!(filled("@A@ @C@", &values).unwrap_err().to_string().contains("@C@"));
    }
}
