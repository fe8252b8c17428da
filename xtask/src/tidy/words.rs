//! Searching whole words.

/// Where a word stands alone: not as part of a longer one, and not as a raw identifier.
pub(crate) fn find_words<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let (before, after) = (&text[..*at], &text[at + word.len()..]);
        !before.ends_with(is_word) && !after.starts_with(is_word) && !before.ends_with("r#")
    })
}

/// The word that begins here, empty if none does.
pub(crate) fn leading_word(text: &str) -> &str {
    &text[..text.find(|letter| !is_word(letter)).unwrap_or(text.len())]
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_are_found() {
        let text = "unsafe unsafe_code r#unsafe (unsafe) xunsafe unsafe";
        assert_eq!(find_words(text, "unsafe").collect::<Vec<_>>(), [0, 29, 45]);
    }

    #[test]
    fn a_leading_word_ends_at_the_first_other_letter() {
        assert_eq!(
            [leading_word("put_many(x)"), leading_word("(x)"), leading_word("end")],
            ["put_many", "", "end"]
        );
    }
}
