//! What is written down for the engine to look at, as source text has it, and what it finds there.

use std::ops::Range;

use super::reading::{By, Found, LONGEST, Read, Reading};
use super::value::{Path, Scalar};

/// How much is gathered before the engine looks at it.
const MANY: usize = 64 * 1024;
/// The same, in values.
const MANY_VALUES: usize = 5_000;
/// How many times the text itself may be written down in all: no file has its values so often.
const MOST_TIMES: usize = 8;

/// Names and values, as text.
#[derive(Default)]
pub(super) struct Drawn<'r> {
    text: Vec<u8>,
    values: Vec<Value<'r>>,
    /// How much was written down, with what the engine has looked at.
    written: usize,
}

/// A value that the engine is to look at.
struct Value<'r> {
    /// Where in the drawn text what belongs to it begins.
    from: usize,
    /// Where it stands there.
    range: Range<usize>,
    scalar: Scalar<'r>,
    key: String,
    /// Whether its name has not been judged yet.
    is_new: bool,
}

impl<'r, 'e> Reading<'r, 'e> {
    /// Writes a value down for the engine, beside a name that is judged already.
    pub(crate) fn draw(&mut self, path: &Path<'_>, scalar: &Scalar<'r>) {
        let (name, outer) = path.last_keys();
        let joint: &[u8] = if outer.is_empty() { b"" } else { b"_" };
        self.put(path, &[outer, joint, name, b" = "], scalar, b"", false);
    }

    /// Writes a value down between what source text has around it; what it is called there decides.
    pub(crate) fn write(&mut self, path: &Path<'_>, before: &[&[u8]], scalar: &Scalar<'r>, after: &[u8]) {
        self.put(path, before, scalar, after, true);
    }

    /// Whether so much more may be looked at.
    pub(crate) fn may_look_at(&mut self, bytes: usize) -> bool {
        self.drawn.written += bytes;
        self.drawn.written <= MOST_TIMES * self.text.len() + LONGEST
    }

    fn put(&mut self, path: &Path<'_>, before: &[&[u8]], scalar: &Scalar<'r>, after: &[u8], is_new: bool) {
        let length = before.iter().map(|piece| piece.len()).sum::<usize>() + scalar.text.len();
        if !self.may_look_at(length) {
            return;
        }
        if self.drawn.text.len() >= MANY || self.drawn.values.len() >= MANY_VALUES {
            self.look();
        }
        let has = |b: u8| scalar.text.contains(&b);
        let quote = match (has(b'"'), has(b'\'')) {
            (false, _) => b'"',
            (true, false) => b'\'',
            (true, true) => b'`',
        };
        let Drawn { text, values, .. } = &mut self.drawn;
        let from = text.len();
        before.iter().for_each(|piece| text.extend_from_slice(piece));
        text.push(quote);
        let range = text.len()..text.len() + scalar.text.len();
        text.extend_from_slice(&scalar.text);
        values.push(Value { from, range, scalar: scalar.clone(), key: path.to_string(), is_new });
        text.push(quote);
        text.extend_from_slice(after);
        text.extend_from_slice(b"\n\n");
    }

    /// Lets the engine look at what was written down for it.
    fn look(&mut self) {
        let Drawn { mut text, mut values, written } = std::mem::take(&mut self.drawn);
        for one in self.engine.scan(&text) {
            let secret = one.secret();
            let at = values.partition_point(|value| value.range.end < secret.end);
            let Some(value) = values.get(at).filter(|value| value.range.start <= secret.start) else { continue };
            let inner = secret.start - value.range.start..secret.end - value.range.start;
            // Where the way to it was judged already, only what is named within the value counts by its name.
            let within = one.name().is_some_and(|name| name.start >= value.range.start);
            let beside = value.is_new && one.name().is_some_and(|name| name.start >= value.from);
            if one.rule().is_generic() && !within && !beside {
                continue;
            }
            self.add(Found {
                rule: one.rule(),
                confidence: one.confidence(),
                secret: text[secret].to_vec(),
                public: one.public(),
                range: value.scalar.place(&inner),
                key: value.key.clone(),
                by: if one.rule().is_generic() && !within { By::Name } else { By::Pattern },
            });
        }
        text.clear();
        values.clear();
        self.drawn = Drawn { text, values, written };
    }

    /// All that reading gave.
    pub(crate) fn finish(mut self) -> Read<'e> {
        self.look();
        let Self { mut found, keys, cut, .. } = self;
        found.sort_by_key(|one| (one.range.start, one.range.end, one.by as u8));
        Read { found, keys, cut }
    }
}
