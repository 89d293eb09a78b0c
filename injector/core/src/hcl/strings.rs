//! Text in quotes, and heredocs.

use super::cursor::{Cursor, begins_name, goes_on_name};
use super::{HclError, Result};

/// Reads `"…"` with its escapes. What stands in `${…}` is kept as it is, quotes and all: it is not for us to evaluate.
pub(super) fn quoted(cursor: &mut Cursor<'_>) -> Result<String> {
    let opened = cursor.line();
    let open = |what: &str| HclError { line: opened, what: what.to_owned() };
    cursor.eat('"');
    let mut text = String::new();
    loop {
        if cursor.rest().starts_with("${") {
            let length = interpolation(cursor.rest()).ok_or_else(|| open("the `${` in this text is never closed"))?;
            text.push_str(cursor.take(length));
            continue;
        }
        match cursor.peek() {
            Some('\n') => {
                return Err(open("the text ends with the line: close its quotes, or use a heredoc (`<<EOT`)"));
            }
            None => return Err(open("the text in quotes is never closed")),
            Some('"') => {
                cursor.eat('"');
                return Ok(text);
            }
            Some('\\') => {
                cursor.eat('\\');
                text.push(escape(cursor)?);
            }
            Some(other) => {
                cursor.next();
                text.push(other);
            }
        }
    }
}

/// Gives the length of `${…}`, counting the braces in it.
fn interpolation(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return Some(at + 1),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Reads what follows a backslash. `\xHH` and octal ones are code points here, not bytes of UTF-8: a tree of text has
/// no place for half a character.
fn escape(cursor: &mut Cursor<'_>) -> Result<char> {
    let line = cursor.line();
    let wrong =
        || HclError { line, what: "the escape is none of \\n \\t \\\" \\\\ \\xHH \\uHHHH \\UHHHHHHHH".to_owned() };
    Ok(match cursor.peek().ok_or_else(wrong)? {
        '0'..='7' => return code(cursor, 3, 8).ok_or_else(wrong),
        kind => {
            cursor.next();
            match kind {
                'a' => '\u{7}',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\u{b}',
                '"' | '\\' => kind,
                'x' => return code(cursor, 2, 16).ok_or_else(wrong),
                'u' => return code(cursor, 4, 16).ok_or_else(wrong),
                'U' => return code(cursor, 8, 16).ok_or_else(wrong),
                _ => return Err(wrong()),
            }
        }
    })
}

fn code(cursor: &mut Cursor<'_>, digits: usize, radix: u32) -> Option<char> {
    let mut number = 0_u32;
    for _ in 0..digits {
        number = number.checked_mul(radix)?.checked_add(cursor.next()?.to_digit(radix)?)?;
    }
    char::from_u32(number)
}

/// Reads `<<EOT` or `<<-EOT` up to the line that holds the marker alone, which may be indented in both.
///
/// The dashed form takes the marker's own indentation off every line, and nothing at all if one line has less of it.
pub(super) fn heredoc(cursor: &mut Cursor<'_>) -> Result<String> {
    let opened = cursor.line();
    let wrong = |what: String| HclError { line: opened, what };
    let begins = cursor.rest().strip_prefix("<<").ok_or_else(|| wrong("expected a value, and found `<`".to_owned()))?;
    let dashed = begins.starts_with('-');
    cursor.take(if dashed { 3 } else { 2 });
    let marker = match cursor.peek() {
        Some(first) if begins_name(first) || first.is_ascii_digit() => cursor.take_while(goes_on_name),
        _ => return Err(wrong("the heredoc has no marker: write `<<EOT`".to_owned())),
    };
    cursor.eat('\r');
    if !cursor.eat('\n') {
        return Err(wrong(format!("the text of a heredoc begins on the line after `<<{marker}`")));
    }
    let begin = cursor.rest();
    loop {
        let length = begin.len() - cursor.rest().len();
        let line = cursor.take_while(|c| c != '\n');
        if line.trim() == marker {
            let indent = &line[..line.len() - line.trim_start().len()];
            let text = &begin[..length];
            return Ok(if dashed { unindent(text, indent) } else { text.to_owned() });
        }
        if !cursor.eat('\n') {
            return Err(wrong(format!("the heredoc is never closed by a line with `{marker}`")));
        }
    }
}

fn unindent(text: &str, indent: &str) -> String {
    if text.lines().any(|line| !line.starts_with(indent)) {
        return text.to_owned();
    }
    text.split_inclusive('\n').map(|line| &line[indent.len()..]).collect()
}
