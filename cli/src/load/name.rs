//! Names of tables and columns: quoted for SQL, tamed for file names.

/// The name as an SQL identifier; any text but one with NUL has such a form.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// SQLite ignores the case of ASCII letters in names, and of no others.
pub(crate) fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Why a name can not be used, if so.
pub(crate) fn fault(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("is empty"),
        _ if name.contains('\0') => Some("contains a NUL character"),
        _ => None,
    }
}

/// The name as part of a file name: no separators, no control characters, not hidden.
pub(crate) fn for_file(name: &str) -> String {
    let tame = |c: char| if c.is_control() || matches!(c, '/' | '\\' | ':') { '_' } else { c };
    let tamed: String = name.chars().map(tame).take(100).collect();
    if tamed.starts_with('.') { format!("_{tamed}") } else { tamed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(quoted("plain"), "\"plain\"");
        assert_eq!(quoted("a\"b; DROP"), "\"a\"\"b; DROP\"");
    }

    #[test]
    fn file_names_stay_in_the_folder() {
        assert_eq!(for_file("../etc/x"), "_.._etc_x");
        assert_eq!(for_file("événements"), "événements");
    }
}
