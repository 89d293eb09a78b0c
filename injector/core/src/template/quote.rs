//! Text in quotes as Go's `strconv` has them.

/// Goes through the characters of bytes as Go does, each with its length: a byte that is part of none counts as one.
pub(super) fn runes(bytes: &[u8]) -> impl Iterator<Item = (Option<char>, usize)> {
    bytes.utf8_chunks().flat_map(|chunk| {
        let good = chunk.valid().chars().map(|c| (Some(c), c.len_utf8()));
        good.chain(chunk.invalid().iter().map(|_| (None, 1)))
    })
}

/// Quotes text as `strconv.Quote`: double quotes, and escapes for what cannot be printed; with `ascii`, for what is beyond.
pub(super) fn text(bytes: &[u8], ascii: bool) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    let mut at = 0;
    for (c, length) in runes(bytes) {
        match c {
            Some(c) => escaped(c, '"', ascii, &mut out),
            None => out.push_str(&format!("\\x{:02x}", bytes[at])),
        }
        at += length;
    }
    out.push('"');
    out
}

/// Quotes a character as `strconv.QuoteRune`.
pub(super) fn rune(c: char, ascii: bool) -> String {
    let mut out = String::from('\'');
    escaped(c, '\'', ascii, &mut out);
    out.push('\'');
    out
}

/// Whether text can stand between backticks: one line, and nothing that would have to be escaped.
pub(super) fn can_be_raw(text: &str) -> bool {
    text.chars().all(|c| c != '\u{feff}' && c != '`' && c != '\u{7f}' && (c >= ' ' || c == '\t'))
}

fn escaped(c: char, quote: char, ascii: bool, out: &mut String) {
    match c {
        '\\' => out.push_str("\\\\"),
        _ if c == quote => {
            out.push('\\');
            out.push(c);
        }
        _ if is_print(c) && (c.is_ascii() || !ascii) => out.push(c),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        _ if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
        _ if u32::from(c) < 0x1_0000 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        _ => out.push_str(&format!("\\U{:08x}", u32::from(c))),
    }
}

/// What Go takes for printable, as near as Rust knows: its own escapes leave the same out, but for marks that join
/// what is before them.
pub(super) fn is_print(c: char) -> bool {
    match c {
        ' '..='~' => true,
        '\u{7f}'..='\u{a0}' | '\u{ad}' => false,
        // Spaces other than the first, and what only steers.
        _ if c.is_whitespace() || c.is_control() => false,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => false,
        '\u{e000}'..='\u{f8ff}' | '\u{f_0000}'.. => false,
        _ => c.escape_debug().len() == 1 || !is_unknown(c),
    }
}

/// Whether nothing is assigned to a code point.
fn is_unknown(c: char) -> bool {
    // A mark is escaped at the beginning of text only.
    format!("a{c}").escape_debug().nth(1) == Some('\\')
}
