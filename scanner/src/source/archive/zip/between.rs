//! What is between members: bytes that belong to none, and the data of a member whose length stands behind it.

use std::io::{self, BufRead as _, Read};

use super::directory::BEGINNINGS;
use super::{DESCRIPTOR, MEMBER};
use crate::source::archive::peek::Peek;

/// How much is looked at once.
const LOOK: usize = 16 << 10;
/// The longest mark: that of a descriptor, its numbers, and the beginning of what follows.
const MARK: usize = 32;

/// Reads up to the next mark, or to the end if there is none.
pub(super) struct UpTo<'a, R> {
    input: &'a mut Peek<R>,
    mark: Mark,
    read: u64,
    ended: bool,
}

/// What ends a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A member, or a directory.
    Record,
    /// What says that as many bytes were before it as were read.
    Descriptor,
}

impl<'a, R: Read> UpTo<'a, R> {
    pub(super) fn new(input: &'a mut Peek<R>, mark: Mark) -> Self {
        Self { input, mark, read: 0, ended: false }
    }

    /// Whether the mark was found, and not the end before it.
    pub(super) fn found(&mut self) -> io::Result<bool> {
        io::copy(self, &mut io::sink())?;
        Ok(!self.input.peek(1)?.is_empty())
    }
}

impl<R: Read> Read for UpTo<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.ended || out.is_empty() {
            return Ok(0);
        }
        let next = self.input.peek(LOOK)?;
        let is_mark = |at: usize| match self.mark {
            Mark::Record => is_record(&next[at..]),
            Mark::Descriptor => is_descriptor(&next[at..], self.read + at as u64),
        };
        let found = memchr::memmem::find_iter(next, b"PK").find(|at| is_mark(*at));
        // What stands at the end of what is seen may be the beginning of a mark.
        let free = if next.len() < LOOK { next.len() } else { next.len() - MARK };
        let n = found.map_or(free, |at| at.min(free)).min(out.len());
        out[..n].copy_from_slice(&next[..n]);
        self.ended = n == 0;
        self.input.consume(n);
        self.read += n as u64;
        Ok(n)
    }
}

/// Whether a member or a directory begins here, as far as its first bytes tell: no version that is needed is beyond 63,
/// and two of the flags are free.
pub(super) fn is_record(bytes: &[u8]) -> bool {
    let is_member =
        bytes.starts_with(MEMBER) && matches!(bytes, [_, _, _, _, 0..64, 0, _, flags, ..] if flags & 0xc0 == 0);
    is_member || BEGINNINGS.iter().any(|beginning| bytes.starts_with(beginning))
}

/// Whether these are the sizes of that many bytes, and a member or a directory follows.
fn is_descriptor(bytes: &[u8], read: u64) -> bool {
    let is = |at: usize, of: usize| bytes.get(at..at + of).is_some_and(|size| size == &read.to_le_bytes()[..of]);
    let follows = |at: usize| bytes.get(at..).is_some_and(is_record);
    let short = read <= u64::from(u32::MAX) && is(8, 4) && is(12, 4) && follows(16);
    bytes.starts_with(DESCRIPTOR) && (short || (is(8, 8) && is(16, 8) && follows(24)))
}
