//! The `newc` format of cpio, which packages and initial file systems are in: a header of hex digits, name and data padded
//! to four bytes.

use std::io::{self, Read};

use super::peek::Peek;
use super::{HEAD, Kind, Walk, gap};
use crate::origin::Origin;
use crate::source::Why;

const HEADER: usize = 110;
const MOST_NAME: u64 = 4096;
/// The bits of a mode that tell a file's type, and those of a regular file.
const TYPE: u64 = 0o170_000;
const REGULAR: u64 = 0o100_000;

pub(super) fn walk(walk: &Walk<'_>, origin: &Origin, input: &mut dyn Read, depth: usize) -> io::Result<()> {
    let mut input = Peek::new(input);
    loop {
        let header = input.take_array::<HEADER>()?;
        if !header.starts_with(b"07070") {
            return Err(gap(Why::Malformed));
        }
        let field = |number: usize| {
            let digits = std::str::from_utf8(&header[6 + 8 * number..14 + 8 * number]).ok();
            digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()).ok_or_else(|| gap(Why::Malformed))
        };
        let (mode, size, length) = (field(1)?, field(6)?, field(11)?);
        if length > MOST_NAME {
            return Err(gap(Why::Malformed));
        }
        let mut name = Vec::new();
        input.by_ref().take(length).read_to_end(&mut name)?;
        input.skip(padding(HEADER as u64 + length))?;
        while name.last() == Some(&0) {
            name.pop();
        }
        if name == b"TRAILER!!!" {
            return behind(walk, origin, input, depth);
        }
        let mut data = input.by_ref().take(size);
        if mode & TYPE == REGULAR && size > 0 {
            let path = String::from_utf8_lossy(&name);
            let path = path.trim_start_matches("./").trim_start_matches('/').to_owned();
            walk.member(origin, path, &mut data, depth)?;
        }
        let left = data.limit();
        input.skip(left + padding(size))?;
    }
}

fn padding(length: u64) -> u64 {
    length.wrapping_neg() % 4
}

/// What follows an archive behind zeros: an initial file system is often several.
fn behind<R: Read>(walk: &Walk<'_>, origin: &Origin, mut input: Peek<R>, depth: usize) -> io::Result<()> {
    while input.peek(1)? == [0] {
        input.skip(1)?;
    }
    match Kind::of(input.peek(HEAD)?) {
        Some(kind) if depth < walk.limits.depth => walk.open(kind, origin, &mut input, depth + 1),
        _ if input.peek(1)?.is_empty() => Ok(()),
        _ => walk.sink.bytes(origin.clone(), &mut input),
    }
}
