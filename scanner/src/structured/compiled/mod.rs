//! Reads what a compiler or a database wrote: there a value stands apart from its name, and texts stand side by side with
//! nothing between them, so that plain reading misses what the source text would have shown.
//!
//! A reader gathers names and values, and each pair is written down as source text has it (`name = "value"`): the engine
//! judges it as it would have there, and nothing here decides what a credential is. Files are told by their first bytes,
//! and read where they fit in the scan's window; what is larger is searched as it stands.
//!
//! These files are hostile: no reader goes on behind what is malformed, none reserves what a field asks for, and each counts
//! what it does against the length of the file.

mod cursor;
mod java_class;
mod python;
mod sqlite;

use oakum_patterns::check::may_be_assigned;

use super::Format;
use super::reading::{LONGEST, Reading};
use super::value::{Path, Scalar, Step};

pub(super) use {java_class::read as java_class, python::read as python, sqlite::read as sqlite};

/// The longest name that is told beside a value: the engine looks no further.
const LONGEST_NAME: usize = 64;
/// The shortest value that may be a credential beside whatever name.
const SHORTEST: usize = 6;
/// How many blanks a credential may have that a name tells.
const MOST_BLANKS: usize = 8;
/// The shortest that may be one without a name, and the longest text that is looked at for one.
const LONE: std::ops::RangeInclusive<usize> = 16..=512;

/// The format of a file, by its first bytes.
pub(super) fn of_start(text: &[u8]) -> Option<Format> {
    match text {
        // A program for several machines begins like a class, with their number where that has its version (45 and more).
        [0xca, 0xfe, 0xba, 0xbe, _, _, high, low, ..] if *high > 0 || *low >= 45 => Some(Format::JavaClass),
        [_, _, b'\r', b'\n', ..] if python::is_known(text) => Some(Format::PythonBytecode),
        [b'S', b'Q', b'L', b'i', ..] if text.starts_with(b"SQLite format 3\0") => Some(Format::Sqlite),
        _ => None,
    }
}

/// How source text has a name and a value.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// `name = "value"`.
    Assigned,
    /// `"name": "value"`.
    Keyed,
}

impl<'r> Reading<'r, '_> {
    /// A value and its name, to be judged as source text is. `path` ends with the name.
    fn pair(&mut self, form: Form, name: &[u8], path: &Path<'_>, value: &Scalar<'r>) {
        self.told(path, value);
        let is_quotable = (1..=LONGEST_NAME).contains(&name.len()) && name.iter().all(|b| is_quotable(*b));
        if !is_quotable || !may_be_one(name, &value.text) {
            return self.lone(path, value);
        }
        match form {
            Form::Assigned if name.iter().all(|b| is_of_name(*b)) => self.write(path, &[name, b" = "], value, b""),
            _ => self.write(path, &[b"\"", name, b"\": "], value, b","),
        }
    }

    /// What is called with one text, or with a name and a text.
    fn call(&mut self, called: &[u8], path: &Path<'_>, first: &Scalar<'r>, second: Option<&Scalar<'r>>) {
        let value = second.unwrap_or(first);
        // A URL before another is not its name.
        let is_one = |b: u8| is_quotable(b) && b != b':';
        let fits = |name: &[u8]| (1..=LONGEST_NAME).contains(&name.len()) && name.iter().all(|b| is_one(*b));
        let name = second.map_or(called, |_| &first.text);
        let path = if second.is_some() && fits(name) { path.join(Step::Key(name)) } else { path.clone() };
        self.told(&path, value);
        if !fits(called) || !fits(name) || !may_be_one(name, &value.text) {
            return self.lone(&path, value);
        }
        match second {
            None => self.write(&path, &[called, b"("], value, b");"),
            Some(_) => self.write(&path, &[called, b"(\"", name, b"\", "], value, b");"),
        }
    }

    /// Notes the way to what the engine found in a value. It counts as a look at the value, which may be told often.
    fn told(&mut self, path: &Path<'_>, value: &Scalar<'r>) {
        if value.text.len() >= SHORTEST && self.may_look_at(value.text.len() / 8) {
            self.names(path, value);
        }
    }

    /// A value without a name, if plain reading cannot tell where it begins or ends: what stands beside it is of a word too.
    fn lone(&mut self, path: &Path<'_>, value: &Scalar<'r>) {
        let is_of_word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        let before = value.range.start.checked_sub(1).and_then(|at| self.text.get(at));
        if LONE.contains(&value.text.len()) && (is_of_word(before) || is_of_word(self.text.get(value.range.end))) {
            self.write(path, &[], value, b"");
        }
    }
}

/// Whether the engine may take a value for a credential by its name: the rest need not be written down.
fn may_be_one(name: &[u8], value: &[u8]) -> bool {
    // A sentence is none, and what is in it plain reading sees.
    let blanks = value.iter().filter(|b| **b == b' ').count();
    value.len() <= LONGEST && blanks <= MOST_BLANKS && may_be_assigned(name, value)
}

/// What a name has that source text has without quotes.
fn is_of_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'$') || !b.is_ascii()
}

/// What a name may have between quotes.
fn is_quotable(b: u8) -> bool {
    b >= b' ' && !matches!(b, b'"' | b'\\' | 0x7f)
}

#[cfg(test)]
mod tests;
