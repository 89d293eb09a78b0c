//! TOML, by the reader that the rules are read with: it tells where every value stands.

use ::toml::de::{DeTable, DeValue};

use crate::structured::value::{Kind, MOST_DEPTH, MOST_VALUES, Scalar, Value};

/// Reads a text as far as it is TOML; a fault leaves out only what it is in.
pub(crate) fn toml(text: &[u8]) -> Option<Value<'_>> {
    let (table, _) = DeTable::parse_recoverable(std::str::from_utf8(text).ok()?);
    let mut left = MOST_VALUES;
    Some(map(text, table.get_ref(), 0, &mut left))
}

fn map<'t>(text: &'t [u8], table: &DeTable<'_>, depth: usize, left: &mut usize) -> Value<'t> {
    let mut entries: Vec<_> = table
        .iter()
        .filter_map(|(key, value)| {
            let written = key.span();
            let key = Scalar::decoded(written.clone(), key.get_ref().as_bytes().to_vec(), Vec::new());
            Some((key, one(text, value.get_ref(), value.span(), depth + 1, left)?))
        })
        .collect();
    entries.sort_by_key(|(key, _)| key.range.start);
    Value::Map(entries)
}

fn one<'t>(
    text: &'t [u8],
    value: &DeValue<'_>,
    span: std::ops::Range<usize>,
    depth: usize,
    left: &mut usize,
) -> Option<Value<'t>> {
    *left = left.checked_sub(1)?;
    if depth > MOST_DEPTH || span.end > text.len() {
        return None;
    }
    Some(match value {
        DeValue::Table(table) => map(text, table, depth, left),
        DeValue::Array(array) => Value::List(
            array.iter().filter_map(|item| one(text, item.get_ref(), item.span(), depth + 1, left)).collect(),
        ),
        DeValue::String(string) => Value::Scalar(scalar(text, string.as_bytes(), span)),
        _ => Value::Scalar(Scalar::plain(text, span).with(Kind::Other)),
    })
}

/// A string as it is written in its quotes, one or three.
fn scalar<'t>(text: &'t [u8], says: &[u8], span: std::ops::Range<usize>) -> Scalar<'t> {
    let written = &text[span.clone()];
    let quotes = if written.starts_with(b"\"\"\"") || written.starts_with(b"'''") { 3 } else { 1 };
    if written.len() < 2 * quotes {
        return Scalar::plain(text, span);
    }
    let literal = written[0] == b'\'';
    let inside = span.start + quotes..span.end - quotes;
    if text[inside.clone()] == *says {
        return Scalar::plain(text, inside);
    }
    // Where each byte comes from, by going through both.
    let (mut places, mut at) = (Vec::with_capacity(says.len()), inside.start);
    if quotes == 3 {
        at += usize::from(text[at] == b'\r');
        at += usize::from(text.get(at) == Some(&b'\n'));
    }
    while places.len() < says.len() && at < inside.end {
        let mut escaped = Vec::new();
        let rest = &text[at..inside.end];
        let length = if literal || rest[0] != b'\\' {
            escaped.push(rest[0]);
            1
        } else if rest[1..].first().is_some_and(u8::is_ascii_whitespace) {
            1 + rest[1..].iter().take_while(|b| b.is_ascii_whitespace()).count()
        } else {
            super::json::unescape(rest, &mut escaped)
        };
        places.resize(places.len() + escaped.len(), at as u32);
        at += length.max(1);
    }
    places.resize(says.len(), inside.end as u32);
    Scalar::decoded(inside, says.to_vec(), places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_where_they_stand() {
        let text = "a = 'x'\n[b.\"c.d\"]\ne = [\"y\\tz\", 1]\nf = \"\"\"\nmore\n\"\"\"\n";
        let root = toml(text.as_bytes()).unwrap();
        assert_eq!(root.text("a"), Some(b"x".as_slice()));
        let inner = root.get("b").unwrap().get("c.d").unwrap();
        let tabbed = inner.get("e").unwrap().items()[0].scalar().unwrap();
        assert_eq!((&*tabbed.text, &text[tabbed.range.clone()]), (b"y\tz".as_slice(), "y\\tz"));
        assert_eq!(&text[tabbed.place(&(2..3))], "z");
        let more = inner.get("f").and_then(Value::scalar).unwrap();
        assert_eq!((&*more.text, &text[more.place(&(0..4))]), (b"more\n".as_slice(), "more"));
    }

    #[test]
    fn a_fault_leaves_the_rest() {
        let root = toml(b"a = 'x'\nb = = 1\nc = 'y'\n").unwrap();
        assert_eq!(root.text("a"), Some(b"x".as_slice()));
        assert!(toml(b"\xff\xfe").is_none());
    }
}
