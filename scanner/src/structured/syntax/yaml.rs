//! YAML, also with the holes of a template in it. Aliases are not followed: a document of a kilobyte may mean a gigabyte.

use std::borrow::Cow;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use crate::structured::value::{Kind, MOST_DEPTH, MOST_VALUES, Scalar, Value};

/// How often reading begins anew behind what is no YAML.
const MOST_FAULTS: usize = 16;

/// Reads the documents of a text. What is no YAML ends a document, and reading goes on at the next line that begins one.
pub(crate) fn yaml(text: &[u8]) -> Vec<Value<'_>> {
    let mut documents = Vec::new();
    let Ok(_) = std::str::from_utf8(text) else { return documents };
    let masked = without_holes(text);
    let Ok(masked) = std::str::from_utf8(&masked) else { return documents };
    let mut from = if masked.starts_with('\u{feff}') { 3 } else { 0 };
    let mut left = MOST_VALUES;
    for _ in 0..MOST_FAULTS {
        let mut reader = Reader {
            text,
            masked,
            parser: Parser::new_from_str(&masked[from..]),
            byte: from,
            char: 0,
            left,
            broken: false,
        };
        reader.documents(&mut documents);
        if !reader.broken || reader.left == 0 {
            break;
        }
        left = reader.left;
        let Some(next) = next_top(masked, reader.byte.max(from + 1)) else { break };
        from = next;
    }
    documents
}

/// The next line that begins at the left with a key.
fn next_top(text: &str, at: usize) -> Option<usize> {
    let text = text.as_bytes();
    let mut line = at + memchr::memchr(b'\n', text.get(at..)?)? + 1;
    while line < text.len() {
        let end = memchr::memchr(b'\n', &text[line..]).map_or(text.len(), |found| line + found);
        let body = &text[line..end];
        if body.starts_with(b"---") || (body.first().is_some_and(u8::is_ascii_alphabetic) && body.contains(&b':')) {
            return Some(line);
        }
        line = end + 1;
    }
    None
}

/// A text in which the holes of a template (`{{ … }}`, `{% … %}`) are filled so that it is YAML; as long as before. Lines
/// that are nothing else become blank.
fn without_holes(text: &[u8]) -> Cow<'_, [u8]> {
    let mut filled: Cow<'_, [u8]> = Cow::Borrowed(text);
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'{', &text[at..]) {
        let open = at + found;
        at = open + 1;
        let close = match text.get(open + 1) {
            Some(b'{') => b"}}",
            Some(b'%') => b"%}",
            _ => continue,
        };
        // A hole is closed in its line, or in one of the next few.
        let reach = &text[open..text.len().min(open + 1024)];
        let Some(end) = memchr::memmem::find(reach, close).map(|found| open + found + 2) else { continue };
        let line = memchr::memrchr(b'\n', &text[..open]).map_or(0, |found| found + 1);
        let line_end = memchr::memchr(b'\n', &text[end..]).map_or(text.len(), |found| end + found);
        let alone = text[line..open].trim_ascii().is_empty() && text[..line_end].trim_ascii_end().ends_with(close);
        let (range, fill) = if alone { (line..line_end, b' ') } else { (open..end, b'_') };
        for b in &mut filled.to_mut()[range.clone()] {
            if *b != b'\n' {
                *b = fill;
            }
        }
        at = range.end;
    }
    filled
}

struct Reader<'t, 'm> {
    text: &'t [u8],
    masked: &'m str,
    parser: Parser<'m, StrInput<'m>>,
    /// A byte of the text, and which character after `start` it begins: the parser counts characters.
    byte: usize,
    char: usize,
    left: usize,
    broken: bool,
}

impl<'t, 'm> Reader<'t, 'm> {
    fn documents(&mut self, documents: &mut Vec<Value<'t>>) {
        while let Some((event, span)) = self.next() {
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
                Event::StreamEnd => return,
                other => documents.extend(self.value(&other, span, 0)),
            }
        }
    }

    fn next(&mut self) -> Option<(Event<'m>, Span)> {
        if self.broken {
            return None;
        }
        match self.parser.next() {
            Some(Ok(event)) => Some(event),
            Some(Err(error)) => {
                self.broken = true;
                self.byte_of(error.marker().index());
                None
            }
            None => None,
        }
    }

    fn value(&mut self, event: &Event<'m>, span: Span, depth: usize) -> Option<Value<'t>> {
        let left = self.left.checked_sub(1);
        self.left = left.unwrap_or(0);
        if left.is_none() || depth > MOST_DEPTH {
            self.broken = true;
            return None;
        }
        Some(match event {
            Event::Scalar(says, style, _, tag) => {
                let scalar = self.scalar(says, *style, span);
                let local = tag.as_ref().is_some_and(|tag| !tag.is_yaml_core_schema());
                Value::Scalar(if local { scalar.with(Kind::Tagged) } else { scalar })
            }
            Event::MappingStart(..) => {
                let mut entries = Vec::new();
                while let Some((key, key_span)) = self.next().filter(|(event, _)| *event != Event::MappingEnd) {
                    let key = self.value(&key, key_span, depth + 1);
                    let Some((event, span)) = self.next() else { break };
                    let value = self.value(&event, span, depth + 1);
                    if let (Some(Value::Scalar(key)), Some(value)) = (key, value) {
                        entries.push((key, value));
                    }
                }
                Value::Map(entries)
            }
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                while let Some((event, span)) = self.next().filter(|(event, _)| *event != Event::SequenceEnd) {
                    items.extend(self.value(&event, span, depth + 1));
                }
                Value::List(items)
            }
            // What an alias stands for is read where it stands.
            _ => Value::Scalar(Scalar::plain(self.text, self.byte..self.byte).with(Kind::Tagged)),
        })
    }

    /// The byte at which a character begins. They are asked for in order, but for those right behind.
    fn byte_of(&mut self, char: usize) -> usize {
        let bytes = self.masked.as_bytes();
        while self.char < char && self.byte < bytes.len() {
            self.byte += 1;
            while bytes.get(self.byte).is_some_and(|b| b & 0xc0 == 0x80) {
                self.byte += 1;
            }
            self.char += 1;
        }
        while self.char > char && self.byte > 0 {
            self.byte -= 1;
            while self.byte > 0 && bytes[self.byte] & 0xc0 == 0x80 {
                self.byte -= 1;
            }
            self.char -= 1;
        }
        self.byte
    }

    fn scalar(&mut self, says: &str, style: ScalarStyle, span: Span) -> Scalar<'t> {
        let start = self.byte_of(span.start.index());
        let end = self.byte_of(span.end.index()).max(start);
        let (text, quoted) = (self.text, matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted));
        let inner =
            if quoted { in_quotes(text, start..end) } else { start..start + text[start..end].trim_ascii_end().len() };
        let written = &self.masked.as_bytes()[inner.clone()];
        let kind = if style == ScalarStyle::Plain && !is_text(says) { Kind::Other } else { Kind::Text };
        // What a template fills is what is written there.
        if written == says.as_bytes() || *written != text[inner.clone()] {
            return Scalar::plain(text, inner).with(kind);
        }
        let inner = if quoted { inner } else { block(text, start..end, style) };
        aligned(text, inner, says.as_bytes(), style)
    }
}

fn is_text(plain: &str) -> bool {
    !matches!(plain, "" | "~" | "null" | "true" | "false" | "True" | "False") && plain.parse::<f64>().is_err()
}

/// What stands in the quotes that a stretch begins with: the parser's own end is behind a comment.
fn in_quotes(text: &[u8], range: Range<usize>) -> Range<usize> {
    let Some(quote) = text[range.clone()].first() else { return range };
    let mut at = range.start + 1;
    while at < range.end {
        match text[at] {
            b'\\' if *quote == b'"' => at += 1,
            b'\'' if *quote == b'\'' && text.get(at + 1) == Some(&b'\'') => at += 1,
            b if b == *quote => return range.start + 1..at,
            _ => {}
        }
        at += 1;
    }
    (range.start + 1).min(range.end)..range.end
}

/// Where the lines of a block stand, behind `|` or `>` and its signs.
fn block(text: &[u8], range: Range<usize>, style: ScalarStyle) -> Range<usize> {
    let body = &text[range.clone()];
    let header =
        matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) && matches!(body.first(), Some(b'|' | b'>'));
    let skip = if header { memchr::memchr(b'\n', body).map_or(0, |found| found + 1) } else { 0 };
    range.start + skip..range.end
}

/// A scalar whose bytes are looked for in what is written, one after the other: blanks at the starts of lines are passed, a
/// line end may have become a blank, and escapes are undone.
fn aligned<'t>(text: &'t [u8], range: Range<usize>, says: &[u8], style: ScalarStyle) -> Scalar<'t> {
    let mut places = Vec::with_capacity(says.len());
    let mut at = range.start;
    let mut last = range.start;
    for b in says {
        let blank = b.is_ascii_whitespace();
        let mut look = at;
        let mut length = 1;
        while look < range.end {
            let here = text[look];
            if style == ScalarStyle::DoubleQuoted && here == b'\\' {
                length = escape(&text[look..range.end]);
                break;
            }
            if style == ScalarStyle::SingleQuoted && here == b'\'' && *b == b'\'' {
                length = 2;
                break;
            }
            if here == *b || (blank && matches!(here, b'\n' | b'\r')) || !here.is_ascii_whitespace() {
                break;
            }
            look += 1;
        }
        if look < range.end && (text[look] == *b || !blank || matches!(text[look], b'\n' | b'\r' | b'\\')) {
            at = look + length;
            last = look;
        }
        places.push(last as u32);
    }
    let end = if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) { at.min(range.end) } else { range.end };
    Scalar::decoded(range.start..end.max(range.start), says.to_vec(), places)
}

/// How long an escape is that a text begins with, of those that stand for one byte.
fn escape(text: &[u8]) -> usize {
    match text.get(1) {
        Some(b'x') => 4,
        Some(b'u') => 6,
        Some(b'U') => 10,
        _ => 2,
    }
    .min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structured::value::{Path, walk};

    fn leaves(text: &str) -> Vec<(String, String, String)> {
        let mut all = Vec::new();
        for value in &yaml(text.as_bytes()) {
            walk(value, &mut Path::default(), &mut |path, scalar, _| {
                let shown = String::from_utf8_lossy(&scalar.text).into_owned();
                all.push((path.to_string(), shown, text[scalar.range.clone()].to_owned()));
            });
        }
        all
    }

    fn same(found: &[(String, String, String)], expected: &[(&str, &str, &str)]) {
        let found: Vec<_> = found.iter().map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn values_are_where_they_stand() {
        let text = "ä: 'ö'\na:\n  b: [x, \"y z\"]\n  c: \"q\\\"r\" # s\n---\n- d: one two\n";
        let expected = [
            ("ä", "ö", "ö"),
            ("a.b[0]", "x", "x"),
            ("a.b[1]", "y z", "y z"),
            ("a.c", "q\"r", "q\\\"r"),
            ("[0].d", "one two", "one two"),
        ];
        same(&leaves(text), &expected);
    }

    #[test]
    fn lines_of_a_block_are_one_text() {
        let text = "a: |\n  one\n  two\nb: >-\n  three\n  four\nc: x\n";
        let values = yaml(text.as_bytes());
        let scalar = |key: &str| values[0].get(key).and_then(Value::scalar).unwrap().clone();
        assert_eq!(&*scalar("a").text, b"one\ntwo\n");
        assert_eq!(&text[scalar("a").place(&(4..7))], "two");
        assert_eq!(&*scalar("b").text, b"three four");
        assert_eq!(&text[scalar("b").place(&(6..10))], "four");
        assert_eq!(&text[scalar("c").range.clone()], "x");
    }

    #[test]
    fn a_template_is_read_around_its_holes() {
        let text = "{{- if .Values.x }}\na: {{ .Values.a | quote }}\nb: plain\n{{- end }}\nc: \"{{ d }}\"\ne: ${{ secrets.F }}\n";
        let expected = [
            ("a", "{{ .Values.a | quote }}", "{{ .Values.a | quote }}"),
            ("b", "plain", "plain"),
            ("c", "{{ d }}", "{{ d }}"),
            ("e", "${{ secrets.F }}", "${{ secrets.F }}"),
        ];
        same(&leaves(text), &expected);
    }

    #[test]
    fn reading_goes_on_behind_a_fault() {
        let text = "a: x\nb: [1, }\nc: y\n  d: z\ne:\n  f: w\n";
        let found = leaves(text);
        assert!(found.iter().any(|leaf| leaf.0 == "e.f" && leaf.1 == "w"), "{found:?}");
    }

    #[test]
    fn tags_and_aliases_are_no_text() {
        let values = yaml(b"a: !vault |\n  x\nb: &n y\nc: *n\n");
        let kind = |key: &str| values[0].get(key).and_then(Value::scalar).unwrap().kind;
        assert_eq!((kind("a"), kind("b"), kind("c")), (Kind::Tagged, Kind::Text, Kind::Tagged));
    }

    #[test]
    fn depth_and_number_are_bounded() {
        for text in ["[".repeat(20_000), "{a: ".repeat(20_000), "- ".repeat(20_000), "? ".repeat(20_000)] {
            let began = std::time::Instant::now();
            drop(yaml(text.as_bytes()));
            assert!(began.elapsed().as_secs() < 20, "{}", &text[..4]);
        }
        assert!(leaves(&"- a\n".repeat(100_000)).len() <= MOST_VALUES);
    }
}
