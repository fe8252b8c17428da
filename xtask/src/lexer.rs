//! A small lexer for Rust: it tells code, comments and literals apart, and nothing more.
//!
//! The checks look for words such as `unsafe`. Found in a comment or a string they mean nothing, and where
//! comments and strings end cannot be told by a search: each may hold the marks of the other.

/// What a stretch of the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Everything that is neither of the two below; lifetimes and labels too.
    Code,
    /// Line, block and doc comments.
    Comment,
    /// Strings and characters: plain, byte, C and raw.
    Literal,
}

/// A stretch of the text, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Cuts a text into pieces that touch and cover all of it. What is not closed reaches to the end.
pub(crate) fn lex(text: &str) -> Vec<Piece> {
    let bytes = text.as_bytes();
    let mut pieces = Vec::new();
    let (mut code_start, mut at) = (0, 0);
    while at < bytes.len() {
        let Some((kind, end)) = comment_or_literal(bytes, at) else {
            at = after_code(bytes, at);
            continue;
        };
        push(&mut pieces, Kind::Code, code_start, at);
        push(&mut pieces, kind, at, end);
        (code_start, at) = (end, end);
    }
    push(&mut pieces, Kind::Code, code_start, bytes.len());
    pieces
}

/// The text with everything blanked that is not of this kind; lines and offsets stay where they were.
pub(crate) fn only(kind: Kind, text: &str) -> String {
    let mut blanked = String::with_capacity(text.len());
    for piece in lex(text) {
        let part = &text[piece.start..piece.end];
        if piece.kind == kind {
            blanked.push_str(part);
        } else {
            blanked.extend(part.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        }
    }
    blanked
}

fn push(pieces: &mut Vec<Piece>, kind: Kind, start: usize, end: usize) {
    if start < end {
        pieces.push(Piece { kind, start, end });
    }
}

fn comment_or_literal(bytes: &[u8], at: usize) -> Option<(Kind, usize)> {
    match (bytes[at], bytes.get(at + 1)) {
        (b'/', Some(b'/')) => Some((Kind::Comment, find(bytes, at, b"\n"))),
        (b'/', Some(b'*')) => Some((Kind::Comment, block_comment_end(bytes, at))),
        (b'"', _) => Some((Kind::Literal, quoted_end(bytes, at))),
        (b'\'', _) => char_end(bytes, at).map(|end| (Kind::Literal, end)),
        (b'r' | b'b' | b'c', _) => prefixed_end(bytes, at).map(|end| (Kind::Literal, end)),
        _ => None,
    }
}

/// One step through code. A word is taken whole: the `r` at the end of `for` does not start a raw string.
fn after_code(bytes: &[u8], at: usize) -> usize {
    let is_lifetime_or_word = bytes[at] == b'\'' || is_word(bytes[at]);
    let mut end = at + 1;
    while is_lifetime_or_word && bytes.get(end).is_some_and(|byte| is_word(*byte)) {
        end += 1;
    }
    end
}

/// Bytes above ASCII count as letters: they only occur in code inside words.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Where this pattern next begins, or the end of the text.
fn find(bytes: &[u8], from: usize, pattern: &[u8]) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.windows(pattern.len()).position(|window| window == pattern).map_or(bytes.len(), |found| from + found)
}

/// Rust's block comments nest.
fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut depth, mut at) = (1, start + 2);
    while depth > 0 && at < bytes.len() {
        match &bytes[at..bytes.len().min(at + 2)] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

/// The end of a literal with escapes, whose opening quote is at `open`.
fn quoted_end(bytes: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while at < bytes.len() && bytes[at] != bytes[open] {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    bytes.len().min(at + 1)
}

/// `'a'` is a character, `'a` a lifetime: what tells them apart is a quote right after one character.
fn char_end(bytes: &[u8], open: usize) -> Option<usize> {
    let first = *bytes.get(open + 1)?;
    if first == b'\\' {
        return Some(quoted_end(bytes, open));
    }
    let close = open + 1 + utf8_len(first);
    (first != b'\'' && bytes.get(close) == Some(&b'\'')).then_some(close + 1)
}

fn utf8_len(first: u8) -> usize {
    match first {
        0xF0.. => 4,
        0xE0.. => 3,
        0xC0.. => 2,
        _ => 1,
    }
}

/// Literals with a prefix: `b'x'`, `b""`, `c""`, `r""`, `br#""#`, `cr""`. None for a word, also for `r#word`.
fn prefixed_end(bytes: &[u8], at: usize) -> Option<usize> {
    let next = if bytes[at] == b'r' { at } else { at + 1 };
    match bytes.get(next)? {
        b'r' => raw_string_end(bytes, next + 1),
        b'"' => Some(quoted_end(bytes, next)),
        b'\'' if bytes[at] == b'b' => Some(quoted_end(bytes, next)),
        _ => None,
    }
}

fn raw_string_end(bytes: &[u8], after_r: usize) -> Option<usize> {
    let hashes = bytes[after_r..].iter().take_while(|byte| **byte == b'#').count();
    let open = after_r + hashes;
    if bytes.get(open) != Some(&b'"') {
        return None;
    }
    let close = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    Some(bytes.len().min(find(bytes, open + 1, &close) + close.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words with `code` in them must survive as code, words with `hide` must not.
    fn check(text: &str) {
        let code = only(Kind::Code, text);
        assert_eq!(code.matches("code").count(), text.matches("code").count(), "{text}\n{code}");
        assert!(!code.contains("hide"), "{text}\n{code}");
        assert_eq!(code.lines().count(), text.lines().count(), "{text}");
        assert_eq!(code.len(), text.len(), "{text}");
    }

    #[test]
    fn comments_end_where_rust_says() {
        check("code // hide \" hide ' /* \ncode");
        check("code /* hide /* hide */ hide \" */ code");
        check("code /*/ hide */ code /**/ code /***/ code");
        check("/// hide \"\ncode //! hide\n/** hide */ code");
        check("code / code /* hide // */ code");
        check("code /* hide, never closed");
    }

    #[test]
    fn strings_hide_comment_marks_and_quotes() {
        check(r#"code "hide // \" hide /* \\" code "hide\\\"hide" code"#);
        check("code \"hide\nhide \\\n hide\" code");
        check(r#"code b"hide \" hide" code c"hide '" code"#);
        check(r#"code "" code "hide" code"#);
        check(r#"code "hide, never closed \"#);
    }

    #[test]
    fn raw_strings_end_at_their_own_hashes() {
        check(r###"code r"hide \" code r#"hide " hide \"# code"###);
        check(r###"code br##"hide "# hide"## code cr#"hide"# code br"hide" code"###);
        check(r##"code r#""# code r#"hide never closed " "##);
    }

    #[test]
    fn a_word_is_not_a_prefix() {
        check("code r#fn code br code b code c code r");
        check("macro_for!(code) for \"hide\" code");
        check("let r = code; let b = 'r'; code");
    }

    #[test]
    fn characters_and_lifetimes_are_told_apart() {
        check(r#"code '"' code '\'' code '\\' code '/' code"#);
        check(r#"code b'"' code b'\'' code b'\\' code"#);
        check("fn code<'a, 'static>(x: &'a code) -> Code<'_> { 'outer: loop { break 'outer code } } // hide");
        check("code 'é' code '\u{1F600}' code '\\u{1F600}' code '\\x22' code \"hide\"");
        check("code('a', 'b', '(') code::<'a, 'b>('\"', \"hide\")");
        check("impl<'b> code for X<'b> { const C: char = 'b'; } // hide '");
        check("match code { 'a'..='z' => code, '\\n' | '\\'' => code }");
        check("code 'r#raw code '");
    }

    #[test]
    fn comments_can_be_kept_instead() {
        let text = "code // kept\n\"// not this\" /* and\nthis */";
        let comments = only(Kind::Comment, text);
        assert_eq!(comments.split_whitespace().collect::<Vec<_>>().join(" "), "// kept /* and this */");
        assert_eq!(comments.lines().count(), 3);
    }

    #[test]
    fn pieces_touch_and_cover_the_text() {
        let text = "a \"b\" /* c */ 'd' // é\n r\"x\"";
        let pieces = lex(text);
        assert_eq!(pieces[0].start, 0);
        assert!(pieces.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert_eq!(pieces.last().unwrap().end, text.len());
    }

    #[test]
    fn any_cut_of_a_text_is_lexed_without_panic() {
        let text = r###"a "b\" /* /* */ */ 'c' '\'' b'"' r#"d"# br##"e"## 'f: // g"###;
        (0..=text.len())
            .for_each(|end| assert_eq!(lex(&text[..end]).last().map_or(0, |piece| piece.end), end));
    }
}
