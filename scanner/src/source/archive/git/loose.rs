//! An object in a file of its own: `objects/ab/cdef…`, whose name is its path and is not believed.

use std::io::{self, Read};

use flate2::Decompress;

use super::object::Type;
use crate::origin::Origin;
use crate::source::Why;
use crate::source::archive::peek::Peek;
use crate::source::archive::zlib::{self, Inflate};
use crate::source::archive::{Walk, gap};

/// The longest of what stands before an object: a word and a number of 64 bits.
const MOST_BEFORE: usize = 32;

/// Whether a stream that unfolds to this is an object.
pub(in crate::source::archive) fn begins(text: &[u8]) -> bool {
    before(text).is_some()
}

/// The kind and the size of an object, and where it begins.
fn before(text: &[u8]) -> Option<(Type, u64, usize)> {
    let end = text.iter().take(MOST_BEFORE).position(|byte| *byte == 0)?;
    let space = text[..end].iter().position(|byte| *byte == b' ')?;
    let digits = &text[space + 1..end];
    let number = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    Some((Type::of_word(&text[..space])?, number?.parse().ok()?, end + 1))
}

/// Reads one.
pub(in crate::source::archive) fn walk(
    walk: &Walk<'_>,
    origin: &Origin,
    input: &mut dyn Read,
    depth: usize,
) -> io::Result<()> {
    let mut input = Peek::new(input);
    let mut state = Decompress::new(true);
    let mut inflate = Inflate::new(&mut input, &mut state);
    let mut start = Vec::with_capacity(MOST_BEFORE);
    inflate.by_ref().take(MOST_BEFORE as u64).read_to_end(&mut start)?;
    let (kind, size, at) = before(&start).ok_or_else(|| gap(Why::Malformed))?;
    if kind == Type::Tree {
        walk.entry()?;
    } else {
        walk.member(origin, kind.word().into(), &mut start[at..].chain(&mut inflate), depth)?;
    }
    inflate.finish()?;
    if inflate.unfolded() - at as u64 != size {
        walk.sink.skipped(Why::Malformed, origin);
    }
    zlib::rest(walk, origin, &mut input)
}
