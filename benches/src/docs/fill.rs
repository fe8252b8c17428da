//! Prose in lines as full as they can be.

/// No line of a page's prose is longer.
const COLUMNS_MAX: usize = 120;

/// The words of a paragraph, greedily filled into lines.
pub(super) fn fill(paragraph: &str) -> String {
    fill_to(COLUMNS_MAX, paragraph)
}

fn fill_to(columns_max: usize, paragraph: &str) -> String {
    let mut text = String::new();
    let mut columns = 0;
    for word in paragraph.split_whitespace() {
        let width = word.chars().count();
        let fits = columns + 1 + width <= columns_max;
        match columns {
            0 => columns = width,
            _ if fits => {
                text.push(' ');
                columns += 1 + width;
            }
            _ => {
                text.push('\n');
                columns = width;
            }
        }
        text.push_str(word);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_filled_to_the_last_column_and_not_beyond() {
        assert_eq!(fill_to(7, "ab cd ef  gh\nµµ ijk"), "ab cd\nef gh\nµµ ijk");
        assert_eq!(fill_to(8, "ab cd ef"), "ab cd ef");
        assert_eq!(fill_to(7, "ab cd ef"), "ab cd\nef");
    }

    #[test]
    fn a_long_word_has_a_line_to_itself() {
        assert_eq!(fill_to(3, "a bcdef g"), "a\nbcdef\ng");
        assert_eq!(fill_to(3, ""), "");
    }
}
