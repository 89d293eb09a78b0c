//! A collection on lines of its own: `passwords:⏎  - …⏎  - …`, `users:⏎  anna: …`, `[users]⏎anna = …`.

use std::ops::Range;

use super::super::is_name;
use super::{MOST, Value};

/// The longest value on such a line.
const LONGEST: usize = 160;

/// The values below a name that a colon ends, or that is the heading of a section.
pub(super) fn values(text: &[u8], name: &Range<usize>, high: usize) -> Option<Vec<Value>> {
    let low = name.start.saturating_sub(LONGEST);
    let start = memchr::memrchr(b'\n', &text[low..name.start]).map_or(low, |newline| low + newline + 1);
    let before = &text[start..name.start];
    let rest = text.get(name.end..high)?;
    let (section, rest) = match before {
        b"[" => (true, rest.strip_prefix(b"]")?),
        _ if before.iter().all(|b| matches!(b, b' ' | b'-')) => (false, rest.strip_prefix(b":")?),
        _ => return None,
    };
    let rest = rest.strip_prefix(b"\r").unwrap_or(rest).strip_prefix(b"\n")?;
    let mut found = Vec::new();
    let mut at = high - rest.len();
    let mut indent = None;
    while at < high && found.len() <= MOST {
        let end = memchr::memchr(b'\n', &text[at..high]).map_or(high, |newline| at + newline);
        let line = text[at..end].trim_ascii_end();
        let blanks = line.iter().take_while(|b| **b == b' ').count();
        // The dashes of a list may stand as deep as its name.
        let deeper = section || blanks > before.len() || (blanks == before.len() && line[blanks..].starts_with(b"- "));
        if !deeper || line.len() <= blanks || (section && line.starts_with(b"[")) {
            break;
        }
        // What stands deeper still belongs to one of them.
        if *indent.get_or_insert(blanks) == blanks && line[blanks] != b'#' {
            found.extend(value(text, at + blanks, at + line.len(), section));
        }
        at = end + 1;
    }
    Some(found)
}

/// The value of one line: `- value`, `key: value`, `key = value, …`.
fn value(text: &[u8], start: usize, end: usize, section: bool) -> Option<Value> {
    let line = &text[start..end];
    let (key, mut at) = if let Some(rest) = line.strip_prefix(b"- ") {
        (None, end - rest.len())
    } else {
        let quoted = usize::from(matches!(line.first(), Some(b'"' | b'\'')));
        let length = line[quoted..].iter().take_while(|b| is_name(**b) || **b == b'@').count();
        let rest = &line[(length + 2 * quoted).min(line.len())..];
        let rest = if section { rest.trim_ascii_start().strip_prefix(b"=")? } else { rest.strip_prefix(b": ")? };
        (Some(start + quoted..start + quoted + length), end - rest.len())
    };
    at += text[at..end].iter().take_while(|b| **b == b' ').count();
    let quote = text.get(at).copied().filter(|b| at < end && matches!(b, b'"' | b'\''));
    let rest = &text[at + usize::from(quote.is_some())..end];
    let ends = |i: &usize| match quote {
        Some(quote) => rest[*i] == quote,
        None => matches!(rest[*i], b' ' | b'\t' | b',' | b';'),
    };
    let length = (0..rest.len().min(LONGEST)).find(ends).unwrap_or(rest.len());
    let from = end - rest.len();
    // Behind a list's dash stands a value, and no map.
    let maps = quote.is_none() && rest[..length].ends_with(b":");
    (length > 0 && length < LONGEST && !maps).then(|| Value { key, value: from..from + length, quote })
}
