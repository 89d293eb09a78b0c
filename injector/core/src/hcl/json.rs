//! The JSON form of the language. YAML would read most of it, but not escapes in two halves (`\ud83d\ude00`), nor tabs
//! everywhere.

use std::collections::HashMap;

use super::cursor::Cursor;
use super::{HclError, Result, check_depth};
use crate::reference::shorten;
use crate::yaml::{Key, Kind, Node};

/// Reads a whole document.
pub(super) fn document(cursor: &mut Cursor<'_>) -> Result<Node> {
    blank(cursor);
    let node = value(cursor, 0)?;
    blank(cursor);
    match cursor.peek() {
        None => Ok(node),
        Some(_) => Err(cursor.wrong("something follows the end of the JSON document")),
    }
}

fn blank(cursor: &mut Cursor<'_>) {
    cursor.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
}

fn value(cursor: &mut Cursor<'_>, depth: usize) -> Result<Node> {
    check_depth(cursor, depth)?;
    let line = cursor.line();
    let kind = match cursor.peek() {
        Some('{') => map(cursor, depth)?,
        Some('[') => list(cursor, depth)?,
        Some('"') => Kind::Scalar { text: string(cursor)?, quoted: true },
        Some(_) => {
            let word = cursor.take_while(|c| c.is_alphanumeric() || matches!(c, '.' | '+' | '-' | '_'));
            if serde_json::from_str::<serde_json::Value>(word).is_err() {
                return Err(HclError { line, what: format!("`{}` is no value in JSON", shorten(word)) });
            }
            Kind::Scalar { text: word.to_owned(), quoted: false }
        }
        None => return Err(cursor.wrong("expected a value, and the text ends")),
    };
    Ok(Node { line, kind })
}

fn map(cursor: &mut Cursor<'_>, depth: usize) -> Result<Kind> {
    let mut entries = Vec::new();
    let mut seen = HashMap::new();
    items(cursor, '{', '}', |cursor| {
        let line = cursor.line();
        if cursor.peek() != Some('"') {
            return Err(cursor.wrong("expected a key in quotes"));
        }
        let text = string(cursor)?;
        if let Some(first) = seen.insert(text.clone(), line) {
            let what = format!("`{}` is given twice, first on line {first}", shorten(&text));
            return Err(HclError { line, what });
        }
        blank(cursor);
        if !cursor.eat(':') {
            return Err(cursor.wrong(format!("expected `:` behind `{}`", shorten(&text))));
        }
        blank(cursor);
        entries.push((Key { line, text }, value(cursor, depth + 1)?));
        Ok(())
    })?;
    Ok(Kind::Map(entries))
}

fn list(cursor: &mut Cursor<'_>, depth: usize) -> Result<Kind> {
    let mut all = Vec::new();
    items(cursor, '[', ']', |cursor| {
        all.push(value(cursor, depth + 1)?);
        Ok(())
    })?;
    Ok(Kind::List(all))
}

/// Goes through what stands between two brackets, with commas in between and none at the end.
fn items<'a>(
    cursor: &mut Cursor<'a>,
    open: char,
    close: char,
    mut each: impl FnMut(&mut Cursor<'a>) -> Result<()>,
) -> Result<()> {
    let opened = cursor.line();
    cursor.eat(open);
    blank(cursor);
    if cursor.eat(close) {
        return Ok(());
    }
    loop {
        blank(cursor);
        each(cursor)?;
        blank(cursor);
        if cursor.eat(close) {
            return Ok(());
        }
        if !cursor.eat(',') {
            return Err(match cursor.peek() {
                Some(_) => cursor.wrong(format!("expected `,` or `{close}`")),
                None => HclError { line: opened, what: format!("the `{open}` is never closed") },
            });
        }
    }
}

/// Finds the end of a text in quotes, and leaves its escapes to `serde_json`.
fn string(cursor: &mut Cursor<'_>) -> Result<String> {
    let line = cursor.line();
    let rest = cursor.rest();
    let mut escaped = false;
    let end = rest.char_indices().skip(1).find_map(|(at, c)| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at + 1)
    });
    let end = end.ok_or_else(|| HclError { line, what: "the text in quotes is never closed".to_owned() })?;
    serde_json::from_str(cursor.take(end)).map_err(|_| HclError {
        line,
        what: "the text in quotes has an unknown escape or a raw control character".to_owned(),
    })
}
