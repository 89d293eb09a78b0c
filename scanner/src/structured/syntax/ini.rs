//! Lines of `name = value`, with sections or without: INI, properties, environment files, units.

use std::ops::Range;

use crate::structured::value::{MOST_VALUES, Scalar, Value};

/// How such a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Sections, comments by `#` and `;`, values to the end of the line, perhaps in quotes.
    Ini,
    /// Java's: no sections, `=`, `:` or a blank between, a backslash goes on in the next line, `\u00e4` is one character.
    Properties,
    /// `export NAME=value`, as a shell reads it: quotes are none of it.
    Env,
}

/// Reads the lines that are assignments: a map, of maps where there are sections. A section that comes twice is two entries.
pub(crate) fn ini(text: &[u8], dialect: Dialect) -> Value<'_> {
    let mut top = Vec::new();
    let mut section: Option<(Scalar<'_>, Vec<(Scalar<'_>, Value<'_>)>)> = None;
    let mut at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut left = MOST_VALUES;
    while at < text.len() && left > 0 {
        let end = line_end(text, at, dialect);
        let line = trimmed(text, at..end);
        at = end + 1;
        let Some(first) = text[line.clone()].first() else { continue };
        if matches!(first, b'#' | b';' | b'!') {
            continue;
        }
        if dialect == Dialect::Ini && *first == b'[' {
            let name =
                text[line.clone()].iter().position(|b| *b == b']').map(|close| line.start + 1..line.start + close);
            if let Some(name) = name {
                top.extend(section.take().map(|(key, entries)| (key, Value::Map(entries))));
                section = Some((Scalar::plain(text, trimmed(text, name)), Vec::new()));
            }
            continue;
        }
        if let Some((key, value)) = entry(text, line, dialect) {
            left -= 1;
            section.as_mut().map_or(&mut top, |(_, entries)| entries).push((key, Value::Scalar(value)));
        }
    }
    top.extend(section.take().map(|(key, entries)| (key, Value::Map(entries))));
    Value::Map(top)
}

/// Where the line that begins at `at` ends, with the lines that belong to it.
fn line_end(text: &[u8], mut at: usize, dialect: Dialect) -> usize {
    let begin = at;
    loop {
        let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |found| at + found);
        let line = text[at..end].strip_suffix(b"\r").unwrap_or(&text[at..end]);
        let slashes = line.iter().rev().take_while(|b| **b == b'\\').count();
        let comment = matches!(text[begin..].trim_ascii_start().first(), Some(b'#' | b';' | b'!'));
        if dialect == Dialect::Env && !comment {
            return open_quote(text, begin, end).unwrap_or(end);
        }
        if slashes % 2 == 0 || end == text.len() || dialect == Dialect::Ini || comment {
            return end;
        }
        at = end + 1;
    }
}

/// The longest value in quotes that goes over lines.
const LONGEST_QUOTED: usize = 16 * 1024;

/// Where the line ends that closes what is quoted in this one, if that is not this.
fn open_quote(text: &[u8], begin: usize, end: usize) -> Option<usize> {
    let equals = begin + memchr::memchr(b'=', &text[begin..end])?;
    let quote = *text[equals + 1..end].first().filter(|b| matches!(b, b'"' | b'\''))?;
    let from = equals + 2;
    let body = &text[from..text.len().min(from + LONGEST_QUOTED)];
    let close = from + closing(body, quote)?;
    // A quote that belongs to a later line of its own is another's.
    let inside = &text[from..close];
    let other = inside.split(|b| *b == b'\n').skip(1).any(|line| {
        let name = line.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        name > 0 && line.get(name) == Some(&b'=') && line.len() > name + 1
    });
    if close <= end || other {
        return None;
    }
    Some(memchr::memchr(b'\n', &text[close..]).map_or(text.len(), |found| close + found))
}

fn closing(body: &[u8], quote: u8) -> Option<usize> {
    let mut at = 0;
    while let Some(b) = body.get(at) {
        match b {
            b'\\' if quote == b'"' => at += 1,
            b if *b == quote => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

fn trimmed(text: &[u8], range: Range<usize>) -> Range<usize> {
    let start = range.start + (range.len() - text[range.clone()].trim_ascii_start().len());
    start..start.max(range.start + text[range.clone()].trim_ascii_end().len())
}

fn entry(text: &[u8], line: Range<usize>, dialect: Dialect) -> Option<(Scalar<'_>, Scalar<'_>)> {
    let start = match dialect {
        Dialect::Env if text[line.clone()].starts_with(b"export ") => line.start + 7,
        _ => line.start,
    };
    let body = &text[start..line.end];
    let splits = |at: &usize| match (body[*at], dialect) {
        (b'=', _) => true,
        (b':', Dialect::Properties) => *at == 0 || body[at - 1] != b'\\',
        // `/registry.example.com/:_authToken=…` has its colon in the name.
        (b':', Dialect::Ini) => !body.contains(&b'='),
        (b' ' | b'\t', Dialect::Properties) => *at == 0 || body[at - 1] != b'\\',
        _ => false,
    };
    let split = (0..body.len()).find(splits)?;
    let key = trimmed(text, start..start + split);
    // A blank may stand before the sign that splits.
    let mut rest = start + split + 1;
    if matches!(body[split], b' ' | b'\t') {
        let after = trimmed(text, rest..line.end);
        rest = after.start + usize::from(matches!(text[after].first(), Some(b'=' | b':')));
    }
    let value = trimmed(text, rest..line.end);
    if key.is_empty() {
        return None;
    }
    Some((Scalar::plain(text, key), self::value(text, value, dialect)))
}

fn value(text: &[u8], range: Range<usize>, dialect: Dialect) -> Scalar<'_> {
    let body = &text[range.clone()];
    if dialect == Dialect::Properties {
        return properties(text, range);
    }
    match body.first() {
        Some(quote @ (b'"' | b'\'')) => {
            let Some(close) = closing(&body[1..], *quote) else { return Scalar::plain(text, range) };
            Scalar::plain(text, range.start + 1..range.start + 1 + close)
        }
        // What comes after a blank and a sign of comment is one.
        _ => {
            let comment = (1..body.len()).find(|at| {
                let sign = body[*at] == b'#' || (body[*at] == b';' && dialect == Dialect::Ini);
                sign && body[at - 1].is_ascii_whitespace()
            });
            Scalar::plain(text, trimmed(text, range.start..range.start + comment.unwrap_or(body.len())))
        }
    }
}

/// A value of a properties file: escapes undone, lines joined without the blanks that the next begins with.
fn properties(text: &[u8], range: Range<usize>) -> Scalar<'_> {
    if memchr::memchr(b'\\', &text[range.clone()]).is_none() {
        return Scalar::plain(text, range);
    }
    let (mut bytes, mut places) = (Vec::new(), Vec::new());
    let mut at = range.start;
    while at < range.end {
        let rest = &text[at..range.end];
        let before = bytes.len();
        let length = match rest {
            [b'\\', b'\r', b'\n', ..] => 3 + blanks(&rest[3..]),
            [b'\\', b'\n', ..] => 2 + blanks(&rest[2..]),
            // No backspace here: other letters stand for themselves.
            [b'\\', b'b', ..] => {
                bytes.push(b'b');
                2
            }
            [b'\\', ..] => super::json::unescape(rest, &mut bytes),
            _ => {
                bytes.push(rest[0]);
                1
            }
        };
        places.resize(places.len() + bytes.len() - before, at as u32);
        at += length;
    }
    Scalar::decoded(range, bytes, places)
}

fn blanks(text: &[u8]) -> usize {
    text.iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structured::value::{Path, walk};

    fn leaves(text: &str, dialect: Dialect) -> Vec<(String, String)> {
        let value = ini(text.as_bytes(), dialect);
        let mut all = Vec::new();
        walk(&value, &mut Path::default(), &mut |path, scalar, _| {
            all.push((path.to_string(), String::from_utf8_lossy(&scalar.text).into_owned()));
        });
        all
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn sections_name_what_is_in_them() {
        let text = "; c\ntop = 1\n[client]\nuser=root\npassword = \"a # b\" # c\n[x y]\nk: v\n";
        let expected = [("top", "1"), ("client.user", "root"), ("client.password", "a # b"), ("[\"x y\"].k", "v")];
        assert_eq!(leaves(text, Dialect::Ini), pairs(&expected));
    }

    #[test]
    fn properties_go_on_and_have_codes() {
        let text = "a.b=one\\\n   two\n! c\nd : e\\u00e4\\=f\ng h\n";
        let expected = [("a.b", "onetwo"), ("d", "eä=f"), ("g", "h")];
        assert_eq!(leaves(text, Dialect::Properties), pairs(&expected));
        let value = ini(text.as_bytes(), Dialect::Properties);
        let scalar = value.get("a.b").and_then(Value::scalar).unwrap();
        assert_eq!(&text[scalar.place(&(3..6))], "two");
    }

    #[test]
    fn an_environment_is_read_as_a_shell_does() {
        let text = "export A='x y'\nB=z # c\n# D=1\nC=\"one\ntwo\"\nE=\"open\nF=g\n";
        let expected = [("A", "x y"), ("B", "z"), ("C", "one\ntwo"), ("E", "\"open"), ("F", "g")];
        assert_eq!(leaves(text, Dialect::Env), pairs(&expected));
    }
}
