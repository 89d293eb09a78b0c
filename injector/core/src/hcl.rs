//! HashiCorp's configuration language, first version, and its JSON form, as the tree that YAML is read into.
//!
//! A block is a map, each of its labels is a map with one key around it, and a block given again becomes a list. So
//! `sink "file" { a = 1 }` and `{"sink": {"file": {"a": 1}}}` give the same tree. Text that begins with `{` is JSON.
//!
//! Nothing is evaluated: `${…}` stays as it is written. Never panics; depth and size have limits, and every error has
//! its line. Facts: <https://github.com/hashicorp/hcl/tree/hcl1#syntax>.
//!
//! ```
//! let node = oakum_inject::hcl::parse("vault {\n  address = \"https://vault.example.com\"\n}\n")?;
//! assert_eq!(node.to_json()["vault"]["address"], "https://vault.example.com");
//! # Ok::<(), oakum_inject::hcl::HclError>(())
//! ```

mod cursor;
mod json;
mod strings;

use std::collections::HashMap;

use crate::reference::shorten;
use crate::yaml::{Key, Kind, Node};
use cursor::Cursor;

pub use crate::yaml::{MAX_DEPTH, MAX_LENGTH};

/// Says where in the text, and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct HclError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, without the place.
    pub what: String,
}

type Result<T> = std::result::Result<T, HclError>;

/// Parses a whole configuration; the root is a map.
///
/// # Errors
/// Says the line, and what was expected there. A key given twice is an error unless both are blocks.
pub fn parse(text: &str) -> Result<Node> {
    let text = text.trim_start_matches('\u{feff}');
    if text.len() > MAX_LENGTH {
        let what = format!("the configuration has {} bytes, over the limit of {MAX_LENGTH}", text.len());
        return Err(HclError { line: 1, what });
    }
    let mut cursor = Cursor::new(text);
    if text.trim_start().starts_with('{') {
        return json::document(&mut cursor);
    }
    let node = body(&mut cursor, 0)?;
    match cursor.peek() {
        None => Ok(node),
        Some(_) => Err(cursor.wrong("this `}` closes nothing")),
    }
}

/// Whether a key may come again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `k = v`.
    Attribute,
    /// `k { … }`, once so far. `k = { … }` is the same in this language.
    Block,
    /// The same, more than once: the node is a list of them.
    Blocks,
}

/// The entries of a block, as they come in.
#[derive(Default)]
struct Entries {
    entries: Vec<(Key, Node)>,
    seen: HashMap<String, (usize, Form)>,
}

impl Entries {
    fn add(&mut self, key: Key, node: Node) -> Result<()> {
        let form = if matches!(node.kind, Kind::Map(_)) { Form::Block } else { Form::Attribute };
        let Some((at, before)) = self.seen.get_mut(&key.text) else {
            self.seen.insert(key.text.clone(), (self.entries.len(), form));
            self.entries.push((key, node));
            return Ok(());
        };
        let (first, there) = &mut self.entries[*at];
        if form == Form::Attribute || *before == Form::Attribute {
            let what = format!("`{}` is given twice, first on line {}", shorten(&key.text), first.line);
            return Err(HclError { line: key.line, what });
        }
        if *before == Form::Block {
            let line = there.line;
            let one = std::mem::replace(there, Node { line, kind: Kind::List(Vec::new()) });
            there.kind = Kind::List(vec![one]);
            *before = Form::Blocks;
        }
        if let Kind::List(items) = &mut there.kind {
            items.push(node);
        }
        Ok(())
    }
}

/// Reads entries up to a `}` or the end, and leaves either to the caller.
fn body(cursor: &mut Cursor<'_>, depth: usize) -> Result<Node> {
    let mut all = Entries::default();
    let line = cursor.line();
    loop {
        cursor.skip_blank()?;
        match cursor.peek() {
            None | Some('}') => return Ok(Node { line, kind: Kind::Map(all.entries) }),
            Some(_) => {
                let (key, node) = entry(cursor, depth)?;
                all.add(key, node)?;
                cursor.skip_blank()?;
                cursor.eat(',');
            }
        }
    }
}

/// Reads `key = value`, or `key "label" … { … }`.
fn entry(cursor: &mut Cursor<'_>, depth: usize) -> Result<(Key, Node)> {
    let first = key(cursor)?;
    let mut labels = Vec::new();
    loop {
        cursor.skip_blank()?;
        match cursor.peek() {
            Some('=') if labels.is_empty() => {
                cursor.eat('=');
                cursor.skip_blank()?;
                return Ok((first, value(cursor, depth + 1)?));
            }
            Some('{') => break,
            Some(found) if found == '"' || cursor::begins_name(found) => {
                labels.push(key(cursor)?);
                check_depth(cursor, depth + labels.len())?;
            }
            _ => {
                let what = format!("expected `=` or `{{` behind `{}`", shorten(&first.text));
                return Err(HclError { line: first.line, what });
            }
        }
    }
    let node = block(cursor, depth + 1 + labels.len())?;
    let node = labels
        .into_iter()
        .rev()
        .fold(node, |node, label| Node { line: label.line, kind: Kind::Map(vec![(label, node)]) });
    Ok((first, node))
}

fn key(cursor: &mut Cursor<'_>) -> Result<Key> {
    let line = cursor.line();
    let text = match cursor.peek() {
        Some('"') => strings::quoted(cursor)?,
        Some(first) if cursor::begins_name(first) => cursor.take_while(cursor::goes_on_name).to_owned(),
        Some(other) => {
            return Err(cursor.wrong(format!("expected the name of a key, and found `{}`", other.escape_debug())));
        }
        None => return Err(cursor.wrong("expected the name of a key, and the text ends")),
    };
    Ok(Key { line, text })
}

fn block(cursor: &mut Cursor<'_>, depth: usize) -> Result<Node> {
    check_depth(cursor, depth)?;
    let opened = cursor.line();
    cursor.eat('{');
    let mut node = body(cursor, depth)?;
    if !cursor.eat('}') {
        return Err(HclError { line: opened, what: "the `{` is never closed".to_owned() });
    }
    node.line = opened;
    Ok(node)
}

fn value(cursor: &mut Cursor<'_>, depth: usize) -> Result<Node> {
    let line = cursor.line();
    let kind = match cursor.peek() {
        Some('{') => return block(cursor, depth),
        Some('[') => list(cursor, depth)?,
        Some('"') => Kind::Scalar { text: strings::quoted(cursor)?, quoted: true },
        Some('<') => Kind::Scalar { text: strings::heredoc(cursor)?, quoted: true },
        Some('0'..='9' | '-') => Kind::Scalar { text: number(cursor)?, quoted: false },
        Some(first) if cursor::begins_name(first) => {
            let word = cursor.take_while(cursor::goes_on_name);
            if !matches!(word, "true" | "false") {
                let what = format!("`{}` is no value: text stands in quotes", shorten(word));
                return Err(HclError { line, what });
            }
            Kind::Scalar { text: word.to_owned(), quoted: false }
        }
        Some(other) => return Err(cursor.wrong(format!("expected a value, and found `{}`", other.escape_debug()))),
        None => return Err(cursor.wrong("expected a value, and the text ends")),
    };
    Ok(Node { line, kind })
}

fn list(cursor: &mut Cursor<'_>, depth: usize) -> Result<Kind> {
    check_depth(cursor, depth)?;
    let opened = cursor.line();
    let open = || HclError { line: opened, what: "the `[` is never closed".to_owned() };
    cursor.eat('[');
    let mut items = Vec::new();
    loop {
        cursor.skip_blank()?;
        if cursor.eat(']') {
            return Ok(Kind::List(items));
        }
        cursor.peek().ok_or_else(open)?;
        items.push(value(cursor, depth + 1)?);
        cursor.skip_blank()?;
        match cursor.peek() {
            Some(']') => {}
            Some(',') => _ = cursor.eat(','),
            Some(_) => return Err(cursor.wrong("expected `,` or `]` in a list")),
            None => return Err(open()),
        }
    }
}

/// Reads a number and keeps it as it is written, so that `0640` stays octal for those who want a mode; hexadecimal ones
/// become decimal.
fn number(cursor: &mut Cursor<'_>) -> Result<String> {
    let line = cursor.line();
    let text = cursor.take_while(|c| c.is_alphanumeric() || matches!(c, '.' | '+' | '-' | '_'));
    let digits = text.strip_prefix('-').unwrap_or(text);
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"))
        && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
        && let Ok(number) = u64::from_str_radix(hex, 16)
    {
        return Ok(if text.len() == digits.len() { number.to_string() } else { format!("-{number}") });
    }
    let plain = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    if plain && digits.parse::<f64>().is_ok_and(f64::is_finite) {
        return Ok(text.to_owned());
    }
    Err(HclError { line, what: format!("`{}` is no number: text stands in quotes", shorten(text)) })
}

fn check_depth(cursor: &Cursor<'_>, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(cursor.wrong(format!("blocks and lists nest deeper than {MAX_DEPTH}")));
    }
    Ok(())
}

#[cfg(test)]
#[path = "hcl_tests.rs"]
mod tests;
