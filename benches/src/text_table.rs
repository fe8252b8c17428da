//! A table in plain text: the first column to the left, the others to the right, two spaces between.

/// Renders rows under a heading; all rows have as many cells as the heading.
pub fn render(heading: &[&str], rows: &[Vec<String>]) -> String {
    let heading: Vec<String> = heading.iter().map(|&cell| cell.to_owned()).collect();
    let widths: Vec<usize> = (0..heading.len())
        .map(|column| {
            let cells = rows.iter().chain([&heading]).map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        })
        .collect();
    let rule = widths.iter().map(|&width| "-".repeat(width)).collect();
    let lines = [&heading, &rule].into_iter().chain(rows).map(|row| render_row(row, &widths));
    lines.collect::<Vec<_>>().join("\n")
}

fn render_row(row: &[String], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, &width))| match column {
        0 => format!("{cell:<width$}"),
        _ => format!("{cell:>width$}"),
    });
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn aligns_columns() {
        let rows = [vec!["a".to_owned(), "10".to_owned()], vec!["long".to_owned(), "2 µs".to_owned()]];
        assert_eq!(render(&["name", "n"], &rows), "name     n\n----  ----\na       10\nlong  2 µs");
    }
}
