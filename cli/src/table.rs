//! A table in plain text: the first column to the left, the others to the right.

/// Rows of cells; a row may be shorter than others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn row<C: ToString>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows.push(cells.into_iter().map(|cell| cell.to_string()).collect());
    }

    /// The text, each line indented by two and ended.
    pub(crate) fn render(&self) -> String {
        let widths = self.widths();
        self.rows.iter().map(|row| line(row, &widths)).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        widths
    }
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut out = String::from(" ");
    for (place, (cell, width)) in row.iter().zip(widths).enumerate() {
        out += &if place == 0 { format!(" {cell:<width$}") } else { format!("  {cell:>width$}") };
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::default();
        table.row(["accepted", "1,000"]);
        table.row(["µ", "7"]);
        assert_eq!(table.render(), "  accepted  1,000\n  µ             7\n");
    }
}
