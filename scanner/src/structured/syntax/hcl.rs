//! HCL as a map: blocks are maps by their last label, attributes are what they are set to. What is computed is passed
//! over. <https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md>

use std::ops::Range;

use crate::structured::value::{Kind, MOST_DEPTH, MOST_VALUES, Scalar, Value};

/// Reads the blocks and attributes of a text, as far as it is HCL. What is open at its end is closed.
pub(crate) fn hcl(text: &[u8]) -> Value<'_> {
    let mut reader = Reader { text, at: 0, left: MOST_VALUES };
    let mut entries = Vec::new();
    while reader.at < text.len() && reader.left > 0 {
        entries.extend(reader.body(0));
        // A bracket too many closes nothing.
        reader.at += 1;
    }
    Value::Map(entries)
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    /// How many values may still be read.
    left: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Blanks, line ends, commas and comments.
    fn blanks(&mut self, ends: bool) {
        loop {
            let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r') || (ends && matches!(b, b'\n' | b',' | b';'));
            self.at += self.text[self.at..].iter().take_while(|b| blank(b)).count();
            let rest = &self.text[self.at..];
            if rest.starts_with(b"#") || rest.starts_with(b"//") {
                self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            } else if rest.starts_with(b"/*") {
                self.at += memchr::memmem::find(rest, b"*/").map_or(rest.len(), |end| end + 2);
            } else {
                return;
            }
        }
    }

    /// What stands in a block, up to the bracket that closes it.
    fn body(&mut self, depth: usize) -> Vec<(Scalar<'t>, Value<'t>)> {
        let mut entries = Vec::new();
        loop {
            self.blanks(true);
            let Some(first) = self.peek().filter(|b| *b != b'}') else { return entries };
            let before = self.at;
            let Some(mut key) = self.label(first) else {
                self.expression();
                // A bracket that closes nothing.
                self.at += usize::from(self.at == before);
                continue;
            };
            self.blanks(false);
            // `variable "name" {`: the last label says what it is.
            while let Some(b) = self.peek().filter(|b| *b == b'"' || b.is_ascii_alphabetic()) {
                let Some(label) = self.label(b) else { break };
                key = label;
                self.blanks(false);
            }
            if self.left == 0 || depth > MOST_DEPTH {
                self.at = self.text.len();
                return entries;
            }
            self.left -= 1;
            match self.peek() {
                Some(b'{') => entries.push((key, self.map(depth))),
                Some(b'=' | b':') => {
                    self.at += 1;
                    self.at += usize::from(self.peek() == Some(b'>'));
                    self.blanks(false);
                    entries.extend(self.value(depth).map(|value| (key, value)));
                }
                Some(b'\n' | b'}' | b',') | None => {}
                Some(_) => self.expression(),
            }
        }
    }

    /// A name, or a text in quotes.
    fn label(&mut self, first: u8) -> Option<Scalar<'t>> {
        if first == b'"' {
            return self.string();
        }
        let word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        let end = self.at + self.text[self.at..].iter().take_while(|b| word(b)).count();
        let range = std::mem::replace(&mut self.at, end)..end;
        (!range.is_empty()).then(|| Scalar::plain(self.text, range))
    }

    fn map(&mut self, depth: usize) -> Value<'t> {
        self.at += 1;
        let entries = self.body(depth + 1);
        self.at = self.text.len().min(self.at + 1);
        Value::Map(entries)
    }

    fn value(&mut self, depth: usize) -> Option<Value<'t>> {
        let value = match self.peek()? {
            b'{' => return Some(self.map(depth)),
            b'[' => return Some(Value::List(self.list(depth))),
            b'"' => self.string()?,
            b'<' if self.text[self.at..].starts_with(b"<<") => self.heredoc()?,
            _ => {
                let start = self.at;
                self.expression();
                let written = self.text[start..self.at].trim_ascii_end().len();
                // What is computed is no text.
                let plain = self.text[start..start + written].iter().all(|b| b.is_ascii_alphanumeric() || *b == b'.');
                let kind = if plain { Kind::Other } else { Kind::Tagged };
                return Some(Value::Scalar(Scalar::plain(self.text, start..start + written).with(kind)));
            }
        };
        self.blanks(false);
        let computed = !matches!(self.peek(), None | Some(b'\n' | b',' | b'}' | b']' | b')' | b';'));
        if computed {
            self.expression();
        }
        Some(Value::Scalar(if computed { value.with(Kind::Tagged) } else { value }))
    }

    fn list(&mut self, depth: usize) -> Vec<Value<'t>> {
        let mut items = Vec::new();
        self.at += 1;
        loop {
            self.blanks(true);
            match self.peek() {
                None => return items,
                Some(b']') => {
                    self.at += 1;
                    return items;
                }
                Some(_) if self.left == 0 || depth > MOST_DEPTH => {
                    self.at = self.text.len();
                    return items;
                }
                Some(_) => {
                    self.left -= 1;
                    let before = self.at;
                    items.extend(self.value(depth + 1));
                    self.at += usize::from(self.at == before);
                }
            }
        }
    }

    /// A text in quotes, on one line. One with escapes is left as it is written: few credentials have one.
    fn string(&mut self) -> Option<Scalar<'t>> {
        let start = self.at + 1;
        let mut at = start;
        while let Some(b) = self.text.get(at).filter(|b| **b != b'\n') {
            match b {
                b'\\' => at += 1,
                b'"' => {
                    self.at = at + 1;
                    return Some(Scalar::plain(self.text, start..at));
                }
                _ => {}
            }
            at += 1;
        }
        self.at = self.text.len().min(at);
        None
    }

    /// `<<EOF`, or `<<-EOF` with its end as far in as one likes: the lines up to their end.
    fn heredoc(&mut self) -> Option<Scalar<'t>> {
        let line = |at: usize| at..memchr::memchr(b'\n', &self.text[at..]).map_or(self.text.len(), |end| at + end);
        let first = line(self.at + 2);
        let mark = self.text[first.clone()].trim_ascii();
        let mark = mark.strip_prefix(b"-").unwrap_or(mark);
        let start = self.text.len().min(first.end + 1);
        let mut inside: Range<usize> = start..start;
        while inside.end < self.text.len() {
            let next = line(inside.end);
            if self.text[next.clone()].trim_ascii() == mark {
                self.at = next.end;
                let end = inside.end.saturating_sub(1).max(start);
                return Some(Scalar::plain(self.text, start..end));
            }
            inside.end = self.text.len().min(next.end + 1);
        }
        self.at = self.text.len();
        None
    }

    /// Passes over what is computed: to the end of its line, or of the brackets that are open there.
    fn expression(&mut self) {
        let mut open = 0usize;
        while let Some(b) = self.peek() {
            match b {
                b'"' => {
                    self.string();
                    continue;
                }
                b'(' | b'[' | b'{' => open += 1,
                // Passed by whom it belongs to.
                b')' | b']' | b'}' if open == 0 => return,
                b')' | b']' | b'}' => open -= 1,
                b'\n' | b',' if open == 0 => return,
                _ => {}
            }
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structured::value::{Path, walk};

    fn leaves(text: &str) -> Vec<(String, String)> {
        let mut all = Vec::new();
        walk(&hcl(text.as_bytes()), &mut Path::default(), &mut |path, scalar, _| {
            if scalar.kind != Kind::Tagged {
                assert_eq!(*scalar.text, text.as_bytes()[scalar.range.clone()]);
                all.push((path.to_string(), String::from_utf8_lossy(&scalar.text).into_owned()));
            }
        });
        all
    }

    #[test]
    fn blocks_and_attributes_are_read() {
        let text = "# c\nvariable \"a\" {\n  type = string\n  default = \"x\" // d\n}\nb = [\"y\", z.w, \"v\"]\n\
            c = { k = \"1\", \"l\" : \"2\" }\nd = f(\"n\", { e = \"m\" })\ne = \"u\" == var.x ? 1 : 2\n\
            f = <<-EOT\n  one\n  two\n  EOT\ng = \"t\"\n";
        let expected = [
            ("a.type", "string"),
            ("a.default", "x"),
            ("b[0]", "y"),
            ("b[1]", "z.w"),
            ("b[2]", "v"),
            ("c.k", "1"),
            ("c.l", "2"),
            ("f", "  one\n  two"),
            ("g", "t"),
        ];
        assert_eq!(leaves(text), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn reading_goes_on_behind_a_fault() {
        let found = leaves("a = \"open\n}\n)b = \"x\"\nc {\nd = \"y\"\n");
        assert!(found.contains(&("c.d".into(), "y".into())), "{found:?}");
    }

    #[test]
    fn depth_and_number_are_bounded() {
        for text in [
            "a {".repeat(50_000),
            "a = [".repeat(50_000),
            "a = {".repeat(50_000),
            "[".repeat(50_000),
            "}".repeat(50_000),
        ] {
            assert!(leaves(&text).len() <= MOST_VALUES);
        }
        assert!(leaves(&"a = \"b\"\n".repeat(100_000)).len() <= MOST_VALUES);
    }
}
