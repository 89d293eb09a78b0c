//! JSON, and what people write instead: comments, trailing commas, several values in a row.

use crate::structured::value::{Kind, MOST_DEPTH, MOST_VALUES, Scalar, Value};

/// Reads the values of a text up to the first thing that is no JSON. What is open there is closed.
pub(crate) fn json(text: &[u8]) -> Vec<Value<'_>> {
    let mut reader =
        Reader { text, at: if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }, left: MOST_VALUES, broken: false };
    let mut values = Vec::new();
    loop {
        reader.blanks();
        let before = reader.at;
        let value = reader.value(0);
        values.extend(value);
        if reader.broken || reader.at == before {
            return values;
        }
    }
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    /// How many values may still be read.
    left: usize,
    /// Whether something came that is no JSON. Nothing more is read.
    broken: bool,
}

impl<'t> Reader<'t> {
    fn value(&mut self, depth: usize) -> Option<Value<'t>> {
        self.left = self.left.checked_sub(1).unwrap_or_else(|| {
            self.broken = true;
            0
        });
        if self.broken || depth > MOST_DEPTH {
            self.broken = true;
            return None;
        }
        match self.text.get(self.at)? {
            b'{' => Some(Value::Map(self.map(depth))),
            b'[' => Some(Value::List(self.list(depth))),
            b'"' => self.string().map(Value::Scalar),
            b if b.is_ascii_alphanumeric() || *b == b'-' => {
                let word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.');
                let end = self.at + self.text[self.at..].iter().take_while(|b| word(b)).count();
                let scalar = Scalar::plain(self.text, self.at..end).with(Kind::Other);
                self.at = end;
                Some(Value::Scalar(scalar))
            }
            _ => {
                self.broken = true;
                None
            }
        }
    }

    fn map(&mut self, depth: usize) -> Vec<(Scalar<'t>, Value<'t>)> {
        let mut entries = Vec::new();
        self.at += 1;
        while self.goes_on(b'}') {
            let Some(key) = self.string() else { break };
            self.blanks();
            if self.text.get(self.at) != Some(&b':') {
                self.broken = true;
                break;
            }
            self.at += 1;
            self.blanks();
            if let Some(value) = self.value(depth + 1) {
                entries.push((key, value));
            }
        }
        entries
    }

    fn list(&mut self, depth: usize) -> Vec<Value<'t>> {
        let mut items = Vec::new();
        self.at += 1;
        while self.goes_on(b']') {
            items.extend(self.value(depth + 1));
        }
        items
    }

    /// Whether something comes before the end of a map or list, which is passed.
    fn goes_on(&mut self, close: u8) -> bool {
        loop {
            self.blanks();
            match self.text.get(self.at) {
                Some(b',') => self.at += 1,
                Some(b) if *b == close => {
                    self.at += 1;
                    return false;
                }
                Some(_) => return !self.broken,
                None => {
                    self.broken = true;
                    return false;
                }
            }
        }
    }

    /// Blanks and comments.
    fn blanks(&mut self) {
        loop {
            self.at += self.text[self.at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
            let rest = &self.text[self.at..];
            let comment = if rest.starts_with(b"//") {
                memchr::memchr(b'\n', rest)
            } else if rest.starts_with(b"/*") {
                memchr::memmem::find(rest, b"*/").map(|end| end + 2)
            } else {
                return;
            };
            self.at += comment.unwrap_or(rest.len());
        }
    }

    fn string(&mut self) -> Option<Scalar<'t>> {
        if self.text.get(self.at) != Some(&b'"') {
            self.broken = true;
            return None;
        }
        let start = self.at + 1;
        let mut at = start;
        let mut decoded: Option<(Vec<u8>, Vec<u32>)> = None;
        loop {
            let Some(stop) = self.text[at..].iter().position(|b| matches!(b, b'"' | b'\\' | b'\n')) else {
                self.broken = true;
                return None;
            };
            if let Some((bytes, places)) = &mut decoded {
                bytes.extend_from_slice(&self.text[at..at + stop]);
                places.extend((at..at + stop).map(|i| i as u32));
            }
            at += stop;
            match self.text[at] {
                b'\\' => {
                    let (bytes, places) = decoded.get_or_insert_with(|| {
                        (self.text[start..at].to_vec(), (start..at).map(|i| i as u32).collect())
                    });
                    let before = bytes.len();
                    let length = unescape(&self.text[at..], bytes);
                    places.resize(places.len() + bytes.len() - before, at as u32);
                    at += length;
                }
                b'"' => break,
                _ => {
                    self.broken = true;
                    return None;
                }
            }
        }
        self.at = at + 1;
        Some(match decoded {
            None => Scalar::plain(self.text, start..at),
            Some((bytes, places)) => Scalar::decoded(start..at, bytes, places),
        })
    }
}

/// Undoes the escape that a text begins with, and gives its length.
pub(super) fn unescape(text: &[u8], out: &mut Vec<u8>) -> usize {
    let code = |at: usize| {
        let digits = text.get(at..at + 4).filter(|d| d.iter().all(u8::is_ascii_hexdigit))?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let plain = match text.get(1) {
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'r') => b'\r',
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(b'u') => {
            let Some(high) = code(2) else {
                out.push(b'u');
                return 2;
            };
            // Two codes for what is beyond the first 65,536 characters.
            let low =
                if text.get(6..8) == Some(b"\\u") { code(8).filter(|l| (0xdc00..0xe000).contains(l)) } else { None };
            let (code, length) = match low {
                Some(low) if (0xd800..0xdc00).contains(&high) => {
                    (0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), 12)
                }
                _ => (high, 6),
            };
            let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            return length;
        }
        Some(other) => *other,
        None => return 1,
    };
    out.push(plain);
    2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structured::value::{Path, walk};

    fn leaves(text: &str) -> Vec<(String, String, String)> {
        let mut all = Vec::new();
        for value in &json(text.as_bytes()) {
            walk(value, &mut Path::default(), &mut |path, scalar, _| {
                let shown = String::from_utf8_lossy(&scalar.text).into_owned();
                all.push((path.to_string(), shown, text[scalar.range.clone()].to_owned()));
            });
        }
        all
    }

    #[test]
    fn values_are_where_they_stand() {
        let text = r#"{"a": {"b.c": ["x", 1, null]}, "d": "e\n\u00e4\"f"} {"second": true}"#;
        let expected = [
            ("a[\"b.c\"][0]", "x", "x"),
            ("a[\"b.c\"][1]", "1", "1"),
            ("a[\"b.c\"][2]", "null", "null"),
            ("d", "e\nä\"f", r#"e\n\u00e4\"f"#),
            ("second", "true", "true"),
        ];
        let found = leaves(text);
        let found: Vec<_> = found.iter().map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_place_in_a_text_with_escapes_is_exact() {
        let text = r#"{"a": "x\ty\u0041z"}"#;
        let values = json(text.as_bytes());
        let scalar = values[0].get("a").and_then(Value::scalar).unwrap();
        assert_eq!(&*scalar.text, b"x\tyAz");
        assert_eq!(&text[scalar.place(&(2..4))], "y\\u0041");
        assert_eq!(&text[scalar.place(&(4..5))], "z");
    }

    #[test]
    fn comments_and_trailing_commas_are_passed() {
        let text = "// first\n{ \"a\": \"b\", /* c */ \"d\": [\"e\",], }";
        let paths: Vec<_> = leaves(text).into_iter().map(|l| l.0).collect();
        assert_eq!(paths, ["a", "d[0]"]);
    }

    #[test]
    fn what_was_read_before_a_fault_stays() {
        assert_eq!(leaves(r#"{"a": "b", "c": "d" "#).len(), 2);
        assert_eq!(leaves(r#"{"a": "b", c: "d"}"#).len(), 1);
        assert_eq!(leaves("{\"a\": \"b").len(), 0);
    }

    #[test]
    fn depth_and_number_are_bounded() {
        assert!(leaves(&"[".repeat(100_000)).is_empty());
        assert!(leaves(&format!("[{}]", "1,".repeat(200_000))).len() <= MOST_VALUES);
    }
}
