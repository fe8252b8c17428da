//! A table in Markdown.

/// Renders rows under a heading; all rows have as many cells as the heading.
pub(super) fn render(heading: &[&str], rows: &[Vec<String>]) -> String {
    let rule = vec!["---".to_owned(); heading.len()];
    let heading = heading.iter().map(|&cell| cell.to_owned()).collect();
    let lines = [&heading, &rule].into_iter().chain(rows).map(|row| line(row));
    lines.collect::<Vec<_>>().join("\n")
}

fn line(row: &[String]) -> String {
    let cells: String = row.iter().map(|cell| format!("| {} ", cell.replace('|', "\\|"))).collect();
    cells + "|"
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn a_cell_cannot_break_its_row() {
        let rows = [vec!["a|b".to_owned(), "2.00x".to_owned()]];
        assert_eq!(render(&["what", "n"], &rows), "| what | n |\n| --- | --- |\n| a\\|b | 2.00x |");
    }
}
