//! A YAML document as a small tree with line numbers: enough for configuration, and nothing that could surprise.
//!
//! Refused, each with its line: aliases and anchors (a document of a kilobyte may mean a gigabyte), tags, keys that are
//! not text, keys given twice, a second document, and depth beyond [`MAX_DEPTH`].

use std::borrow::Cow;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

/// How deep lists and maps may nest.
pub const MAX_DEPTH: usize = 64;
/// How long a document may be, in bytes.
pub const MAX_LENGTH: usize = 4 << 20;

/// Says where in the text, and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct YamlError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, without the place.
    pub what: String,
}

/// A value and the line it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The line, from 1.
    pub line: usize,
    /// What stands there.
    pub kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A scalar as it was written. `quoted` ones are text whatever they look like.
    Scalar {
        /// The text, with escapes resolved.
        text: String,
        /// Whether it stood in quotes or in a block.
        quoted: bool,
    },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order it was written.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping and the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The line, from 1.
    pub line: usize,
    /// The key.
    pub text: String,
}

impl Node {
    /// Parses a text that holds one document.
    ///
    /// # Errors
    /// See the module's list of what is refused.
    pub fn parse(text: &str) -> Result<Self, YamlError> {
        if text.len() > MAX_LENGTH {
            return Err(wrong(1, format!("the document has {} bytes, over the limit of {MAX_LENGTH}", text.len())));
        }
        Tree { parser: Parser::new_from_str(text.trim_start_matches('\u{feff}')) }.document()
    }

    /// Names the kind of node for a message.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar { .. } if self.is_null() => "nothing",
            Kind::Scalar { .. } => "a value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }

    /// Tells whether this is YAML's null: an empty plain scalar, `~` or `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, quoted: false } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Converts to JSON by the core schema of YAML 1.2 (section 10.3), keeping the order of nothing but lists.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.kind {
            Kind::Scalar { text, quoted: true } => text.clone().into(),
            Kind::Scalar { text, quoted: false } => plain(text),
            Kind::List(items) => items.iter().map(Self::to_json).collect(),
            Kind::Map(entries) => entries
                .iter()
                .map(|(key, value)| (key.text.clone(), value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

/// Resolves a plain scalar.
fn plain(text: &str) -> serde_json::Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return serde_json::Value::Null,
        "true" | "True" | "TRUE" => return true.into(),
        "false" | "False" | "FALSE" => return false.into(),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        if let Ok(number) = text.parse::<i64>() {
            return number.into();
        }
    } else if digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
        && let Some(number) = text.parse::<f64>().ok().and_then(serde_json::Number::from_f64)
    {
        return number.into();
    }
    text.into()
}

fn wrong(line: usize, what: impl Into<String>) -> YamlError {
    YamlError { line, what: what.into() }
}

struct Tree<'a> {
    parser: Parser<'a, StrInput<'a>>,
}

impl<'a> Tree<'a> {
    fn next(&mut self) -> Result<(Event<'a>, usize), YamlError> {
        match self.parser.next_event() {
            Some(Ok((event, Span { start, .. }))) => Ok((event, start.line())),
            Some(Err(error)) => Err(wrong(error.marker().line(), error.info())),
            None => Ok((Event::StreamEnd, 0)),
        }
    }

    fn document(mut self) -> Result<Node, YamlError> {
        loop {
            match self.next()? {
                (Event::Nothing | Event::StreamStart | Event::DocumentStart(_), _) => {}
                (Event::StreamEnd, _) => return Err(wrong(1, "the document is empty")),
                (event, line) => {
                    let node = self.node(event, line, 0)?;
                    return self.end().map(|()| node);
                }
            }
        }
    }

    fn end(&mut self) -> Result<(), YamlError> {
        loop {
            match self.next()? {
                (Event::DocumentEnd | Event::Nothing, _) => {}
                (Event::StreamEnd, _) => return Ok(()),
                (_, line) => return Err(wrong(line, "a second document begins here, and only one can be read")),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, line: usize, depth: usize) -> Result<Node, YamlError> {
        if depth > MAX_DEPTH {
            return Err(wrong(line, format!("lists and maps nest deeper than {MAX_DEPTH}")));
        }
        let kind = match event {
            Event::Alias(_) => return Err(wrong(line, "aliases (`*name`) are not supported")),
            Event::Scalar(text, style, anchor, tag) => {
                refuse(line, anchor, tag.as_ref())?;
                Kind::Scalar { text: text.into_owned(), quoted: style != ScalarStyle::Plain }
            }
            Event::SequenceStart(anchor, tag) => {
                refuse(line, anchor, tag.as_ref())?;
                self.list(depth)?
            }
            Event::MappingStart(anchor, tag) => {
                refuse(line, anchor, tag.as_ref())?;
                self.map(depth)?
            }
            other => return Err(wrong(line, format!("unexpected {other:?}"))),
        };
        Ok(Node { line, kind })
    }

    fn list(&mut self, depth: usize) -> Result<Kind, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Kind::List(items)),
                (event, line) => items.push(self.node(event, line, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Kind, YamlError> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut seen = std::collections::HashMap::new();
        loop {
            let (event, line) = self.next()?;
            let text = match event {
                Event::MappingEnd => return Ok(Kind::Map(entries)),
                Event::Scalar(text, _, anchor, tag) => {
                    refuse(line, anchor, tag.as_ref())?;
                    text.into_owned()
                }
                _ => return Err(wrong(line, "a key must be text")),
            };
            if let Some(first) = seen.insert(text.clone(), line) {
                return Err(wrong(line, format!("`{text}` is given twice, first on line {first}")));
            }
            let (event, at) = self.next()?;
            let value = self.node(event, at, depth + 1)?;
            entries.push((Key { line, text }, value));
        }
    }
}

fn refuse<T>(line: usize, anchor: usize, tag: Option<&Cow<'_, T>>) -> Result<(), YamlError>
where
    T: Clone,
{
    if anchor != 0 {
        return Err(wrong(line, "anchors (`&name`) are not supported"));
    }
    if tag.is_some() {
        return Err(wrong(line, "tags (`!name`) are not supported"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> (usize, String) {
        let error = Node::parse(text).unwrap_err();
        (error.line, error.what)
    }

    #[test]
    fn keeps_lines() {
        let node = Node::parse("a: 1\nb:\n  - x\n  - 'y'\n").unwrap();
        let Kind::Map(entries) = node.kind else { panic!("a map") };
        assert_eq!(entries[1].0.line, 2);
        let Kind::List(items) = &entries[1].1.kind else { panic!("a list") };
        assert_eq!((items[0].line, items[1].line), (3, 4));
    }

    #[test]
    fn refuses_what_could_surprise() {
        assert_eq!(refused("a: 1\na: 2\n").0, 2);
        assert!(refused("a: &x 1\nb: *x\n").1.contains("anchors"));
        assert!(refused("a: !!str 1\n").1.contains("tags"));
        assert_eq!(refused("a: 1\n---\nb: 2\n").0, 2);
        assert!(refused("").1.contains("empty"));
        assert!(refused("{[a]: 1}").1.contains("key"));
        assert!(refused(&"[".repeat(100)).1.contains("deeper"));
        assert_eq!(refused("a: 1\n b: [\n").0, 2);
    }

    #[test]
    fn resolves_scalars_by_the_core_schema() {
        let json =
            Node::parse("{a: 1, b: '1', c: true, d: ~, e: 1.5, f: yes, g: 0o17x, h: -3, i: 1e3, j: 1.2.3, k: e}")
                .unwrap()
                .to_json();
        assert_eq!(
            json,
            serde_json::json!({"a": 1, "b": "1", "c": true, "d": null, "e": 1.5, "f": "yes", "g": "0o17x", "h": -3, "i": 1000.0, "j": "1.2.3", "k": "e"})
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[\\PC\n\t]{0,200}") {
            let _ = Node::parse(&text);
        }

        #[test]
        fn reads_any_json_string_back(text in "\\PC{0,60}") {
            let json = serde_json::json!({ "k": text }).to_string();
            proptest::prop_assert_eq!(Node::parse(&json).unwrap().to_json(), serde_json::json!({ "k": text }));
        }
    }
}
