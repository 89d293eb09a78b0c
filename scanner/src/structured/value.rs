//! What a structured file holds, whatever its syntax: maps, lists and scalars, and where in the text each scalar stands.
//! Nothing is copied but what an escape or a fold changes.

use std::borrow::Cow;
use std::ops::Range;

/// How deep maps and lists may nest. What is deeper is not read.
pub(crate) const MOST_DEPTH: usize = 64;
/// How many values are read of one file: a few megabytes' worth. What comes behind is left to plain reading.
pub(crate) const MOST_VALUES: usize = 60_000;
/// The longest key path that is told, in bytes.
const MOST_PATH: usize = 200;

/// A value of a structured file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value<'t> {
    /// Keys and values, in the order of the text; a key may come twice.
    Map(Vec<(Scalar<'t>, Value<'t>)>),
    /// Values in their order.
    List(Vec<Value<'t>>),
    /// Text, a number or the like.
    Scalar(Scalar<'t>),
}

impl<'t> Value<'t> {
    /// The value of a key of a map.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(k, _)| &*k.text == key.as_bytes()).map(|(_, value)| value)
    }

    /// The text of a key of a map.
    pub(crate) fn text(&self, key: &str) -> Option<&[u8]> {
        self.get(key).and_then(Self::scalar).map(|scalar| &*scalar.text)
    }

    /// It, if it is a scalar.
    pub(crate) fn scalar(&self) -> Option<&Scalar<'t>> {
        match self {
            Self::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The entries of a map.
    pub(crate) fn entries(&self) -> &[(Scalar<'t>, Self)] {
        match self {
            Self::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }
}

/// What a scalar is, beside its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text.
    Text,
    /// A number, a truth value or nothing, as the syntax has it.
    Other,
    /// What a tag says is something else: `!vault`, `!Ref`, `!reference`.
    Tagged,
}

/// A text in a structured file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar<'t> {
    /// Where it stands, without its quotes.
    pub(crate) range: Range<usize>,
    /// What it says.
    pub(crate) text: Cow<'t, [u8]>,
    /// What it is.
    pub(crate) kind: Kind,
    /// For each byte of `text`, where in the file what it stands for begins, and where the last of it ends if that is not
    /// the end of `range`; none where the bytes are the same.
    places: Option<Vec<u32>>,
}

impl<'t> Scalar<'t> {
    /// One that says what it is written as.
    pub(crate) fn plain(text: &'t [u8], range: Range<usize>) -> Self {
        Self { text: Cow::Borrowed(&text[range.clone()]), range, kind: Kind::Text, places: None }
    }

    /// One that was written with escapes, over lines or in an encoding.
    pub(crate) fn decoded(range: Range<usize>, text: Vec<u8>, places: Vec<u32>) -> Self {
        Self { range, text: Cow::Owned(text), kind: Kind::Text, places: Some(places) }
    }

    pub(crate) fn with(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Whether it is written otherwise than it says.
    pub(crate) fn is_decoded(&self) -> bool {
        self.places.is_some()
    }

    /// Where in the file a stretch of it stands.
    pub(crate) fn place(&self, inner: &Range<usize>) -> Range<usize> {
        let Some(places) = &self.places else {
            return self.range.start + inner.start..self.range.start + inner.end;
        };
        let at = |i: usize| places.get(i).map_or(self.range.end, |place| *place as usize);
        let start = at(inner.start);
        let end = at(inner.end).clamp(start, self.range.end.max(start));
        if end > start || inner.is_empty() {
            return start..end;
        }
        // Of what goes on elsewhere in the file, it is told where it begins.
        let following = places.get(inner.clone()).unwrap_or_default().iter().zip(start..);
        let run = following.take_while(|(place, next)| **place as usize == *next).count();
        start..start + run
    }

    /// A stretch of it.
    pub(crate) fn part(&self, inner: Range<usize>) -> Self {
        let places = self.places.as_ref().map(|places| places[inner.clone()].to_vec());
        let text = match &self.text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[inner.clone()]),
            Cow::Owned(text) => Cow::Owned(text[inner.clone()].to_vec()),
        };
        Self { range: self.place(&inner), text, kind: self.kind, places }
    }

    /// It without blanks and line ends around it.
    pub(crate) fn trimmed(&self) -> Self {
        let text = self.text.trim_ascii_end();
        let start = text.len() - text.trim_ascii_start().len();
        self.part(start..text.len())
    }

    /// What it says in base64, of either alphabet, padded or not, over lines or not; none if it is none.
    pub(crate) fn unbase64(&self) -> Option<Self> {
        let (mut bytes, mut places) = (Vec::new(), Vec::new());
        let (mut bits, mut held, mut first) = (0u32, 0, 0u32);
        for (i, b) in self.text.iter().enumerate() {
            let place = |i: usize| u32::try_from(self.place(&(i..i + 1)).start).ok();
            let six = match b {
                b'A'..=b'Z' => b - b'A',
                b'a'..=b'z' => b - b'a' + 26,
                b'0'..=b'9' => b - b'0' + 52,
                b'+' | b'-' => 62,
                b'/' | b'_' => 63,
                b'\n' | b'\r' | b' ' => continue,
                b'=' if self.text[i..].iter().all(|b| matches!(b, b'=' | b'\n' | b'\r' | b' ')) => break,
                _ => return None,
            };
            if held == 0 {
                first = place(i)?;
            }
            bits = bits << 6 | u32::from(six);
            held += 6;
            if held >= 8 {
                held -= 8;
                bytes.push((bits >> held & 0xff) as u8);
                places.push(first);
                first = place(i)?;
            }
        }
        // What is left over is zeros, if it is an end at all.
        (held < 6 && bits & ((1 << held) - 1) == 0).then(|| Self::decoded(self.range.clone(), bytes, places))
    }
}

/// The way from the top of a file to a value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Path<'v>(Vec<Step<'v>>);

/// One step of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'v> {
    /// Into a map.
    Key(&'v [u8]),
    /// Into a list.
    Item(usize),
}

impl<'v> Path<'v> {
    pub(crate) fn key(key: &'v [u8]) -> Self {
        Self(vec![Step::Key(key)])
    }

    /// It and one step more.
    pub(crate) fn then(&self, key: &'v str) -> Self {
        self.join(Step::Key(key.as_bytes()))
    }

    pub(crate) fn join(&self, step: Step<'v>) -> Self {
        let mut longer = self.clone();
        longer.0.push(step);
        longer
    }

    pub(crate) fn push(&mut self, step: Step<'v>) {
        self.0.push(step);
    }

    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }

    /// Whether it leads to one of a list.
    pub(crate) fn ends_in_item(&self) -> bool {
        matches!(self.0.last(), Some(Step::Item(_)))
    }

    /// The last key of it, and the key before that.
    pub(crate) fn last_keys(&self) -> (&'v [u8], &'v [u8]) {
        let mut keys = self.0.iter().rev().filter_map(|step| match step {
            Step::Key(key) => Some(*key),
            Step::Item(_) => None,
        });
        (keys.next().unwrap_or_default(), keys.next().unwrap_or_default())
    }
}

/// `spring.datasource.password`, `users[0].user.token`, `auths["registry.example.com"].auth`. A name alone stays as it is.
impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = String::new();
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Item(at) => out.push_str(&format!("[{at}]")),
                Step::Key(key) => {
                    let name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'$' | b'@');
                    let text = String::from_utf8_lossy(key);
                    if self.0.len() == 1 || (!key.is_empty() && key.iter().all(name)) {
                        if i > 0 {
                            out.push('.');
                        }
                        out.push_str(&text);
                    } else {
                        out.push_str(&format!("[\"{text}\"]"));
                    }
                }
            }
        }
        // Of a path that is too long the end tells more than the beginning.
        match out.len().checked_sub(MOST_PATH).and_then(|from| (from..out.len()).find(|at| out.is_char_boundary(*at))) {
            Some(from) if from > 0 => write!(f, "…{}", &out[from..]),
            _ => f.write_str(&out),
        }
    }
}

/// Goes through all scalars of a value, with the way to each and the map that it stands in.
pub(crate) fn walk<'v, 't>(
    value: &'v Value<'t>,
    path: &mut Path<'v>,
    each: &mut impl FnMut(&Path<'v>, &'v Scalar<'t>, Option<&'v Value<'t>>),
) {
    walk_in(value, None, path, each);
}

fn walk_in<'v, 't>(
    value: &'v Value<'t>,
    within: Option<&'v Value<'t>>,
    path: &mut Path<'v>,
    each: &mut impl FnMut(&Path<'v>, &'v Scalar<'t>, Option<&'v Value<'t>>),
) {
    match value {
        Value::Scalar(scalar) => each(path, scalar, within),
        Value::Map(entries) => {
            for (key, inner) in entries {
                path.push(Step::Key(&key.text));
                walk_in(inner, Some(value), path, each);
                path.pop();
            }
        }
        Value::List(items) => {
            for (at, inner) in items.iter().enumerate() {
                path.push(Step::Item(at));
                walk_in(inner, within, path, each);
                path.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_as_one_would_ask_for_it() {
        let path = |steps: &[Step<'_>]| Path(steps.to_vec()).to_string();
        let key = |key: &'static str| Step::Key(key.as_bytes());
        assert_eq!(path(&[key("spring"), key("datasource"), key("password")]), "spring.datasource.password");
        assert_eq!(path(&[key("users"), Step::Item(0), key("user"), key("token")]), "users[0].user.token");
        assert_eq!(path(&[key("auths"), key("r.example.com"), key("auth")]), "auths[\"r.example.com\"].auth");
        assert_eq!(path(&[key("spring.mail.password")]), "spring.mail.password");
        assert_eq!(path(&[key("data"), key("db-password")]), "data.db-password");
        let long = "ä".repeat(300);
        let shown = path(&[Step::Key(long.as_bytes()), key("password")]);
        assert!(
            shown.len() <= MOST_PATH + 4 && shown.ends_with("password") || shown.ends_with("\"].password"),
            "{shown}"
        );
    }

    #[test]
    fn base64_knows_where_its_bytes_come_from() {
        let text = b"x: d2FsbnV0 end";
        let scalar = Scalar::plain(text, 3..11).unbase64().unwrap();
        assert_eq!(&*scalar.text, b"walnut");
        assert_eq!(scalar.place(&(0..3)), 3..7);
        assert_eq!(scalar.place(&(0..6)), 3..11);
        for wrong in ["walnut!", "d2FsbnV0x", "d2=sbnV0"] {
            assert_eq!(Scalar::plain(wrong.as_bytes(), 0..wrong.len()).unbase64(), None, "{wrong}");
        }
    }

    #[test]
    fn a_part_stands_where_it_stands() {
        let decoded = Scalar::decoded(10..20, b"ab\ncd".to_vec(), vec![10, 12, 13, 16, 17]);
        assert_eq!(decoded.place(&(0..2)), 10..13);
        assert_eq!(decoded.part(3..5).range, 16..20);
        assert_eq!(&*decoded.part(3..5).text, b"cd");
        assert_eq!(&*Scalar::plain(b" ab ", 0..4).trimmed().text, b"ab");
    }
}
