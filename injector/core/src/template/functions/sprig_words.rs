//! Sprig's functions of words: cases, and lines of a length.

use super::{Function, MAX_TEXT, Outcome, Value, count_of, function, text, text_of};

pub(super) const TABLE: &[Function] = &[
    function("sprig_swapcase", 1, 1, |a, _| Ok(Value::text(swapped(text_of(&a[0])?)))),
    function("sprig_wrap", 2, 2, |a, _| wrapped(text_of(&a[1])?, count_of(&a[0])?, "", LongWords::Kept)),
    function("sprig_wrapWith", 3, 3, |a, _| {
        wrapped(text_of(&a[2])?, count_of(&a[0])?, text_of(&a[1])?, LongWords::Cut)
    }),
];

/// Makes small letters of large ones and large ones of small ones; a small one that begins a word becomes a title's.
fn swapped(text: &str) -> String {
    let mut begins = true;
    text.chars()
        .map(|c| {
            if c.is_uppercase() || is_title(c) {
                begins = false;
                small(c)
            } else if c.is_lowercase() && text::upper(c.encode_utf8(&mut [0; 4])) != c.to_string() {
                let was = std::mem::take(&mut begins);
                match title(c) {
                    Some(title) if was => title,
                    _ => text::upper(c.encode_utf8(&mut [0; 4])).chars().next().unwrap_or(c),
                }
            } else {
                begins = c.is_whitespace();
                c
            }
        })
        .collect()
}

pub(super) fn small(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// Letters of two whose first alone is large.
const TITLES: &[(char, char)] =
    &[('\u{1c6}', '\u{1c5}'), ('\u{1c9}', '\u{1c8}'), ('\u{1cc}', '\u{1cb}'), ('\u{1f3}', '\u{1f2}')];

fn is_title(c: char) -> bool {
    TITLES.iter().any(|(_, title)| *title == c)
}

fn title(small: char) -> Option<char> {
    TITLES.iter().find(|(one, _)| *one == small).map(|(_, title)| *title)
}

/// What becomes of a word that is longer than a line.
#[derive(Clone, Copy, PartialEq)]
enum LongWords {
    Kept,
    Cut,
}

/// Breaks text into lines of a length, counted in bytes, as goutils' `WrapCustom`.
fn wrapped(text: &str, length: usize, separator: &str, long: LongWords) -> Outcome {
    let separator = if separator.is_empty() { "\n" } else { separator };
    let length = length.max(1);
    if (text.len() / length).saturating_mul(separator.len()) > MAX_TEXT {
        return Err("what it would make is too large".to_owned());
    }
    let bytes = text.as_bytes();
    let mut out: Vec<u8> = Vec::with_capacity(bytes.len() + bytes.len() / length);
    let mut offset = 0;
    let space = |part: &[u8]| part.iter().rposition(|byte| *byte == b' ');
    while bytes.len() - offset > length {
        if bytes[offset] == b' ' {
            offset += 1;
            continue;
        }
        let end = offset + length;
        if let Some(at) = space(&bytes[offset..=end]) {
            out.extend_from_slice(&bytes[offset..offset + at]);
            out.extend_from_slice(separator.as_bytes());
            offset += at + 1;
        } else if long == LongWords::Cut {
            out.extend_from_slice(&bytes[offset..end]);
            out.extend_from_slice(separator.as_bytes());
            offset = end;
        } else if let Some(at) = bytes[end..].iter().position(|byte| *byte == b' ') {
            out.extend_from_slice(&bytes[offset..end + at]);
            out.extend_from_slice(separator.as_bytes());
            offset = end + at + 1;
        } else {
            out.extend_from_slice(&bytes[offset..]);
            offset = bytes.len();
        }
    }
    out.extend_from_slice(&bytes[offset..]);
    Ok(Value::text(out))
}
