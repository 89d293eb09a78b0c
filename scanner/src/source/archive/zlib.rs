//! A zlib stream (RFC 1950), which ends where it says and not where its file does: one file of its own, or one of the
//! many that stand behind one another in what git keeps.

use std::io::{self, BufRead as _, Read};

use flate2::{Decompress, FlushDecompress, Status};

use super::peek::Peek;
use super::{Kind, Walk, git};
use crate::origin::Origin;
use crate::source::Why;
use crate::source::image::unfold::gap;

/// How many first bytes are looked into.
const LOOK: usize = super::HEAD;

/// What a content is that begins like a zlib stream. Two bytes say so, and are in texts too: it is one only if what
/// follows them can be undone.
pub(super) fn kind_of(head: &[u8]) -> Option<Kind> {
    let [first, second, ..] = head else { return None };
    // Deflate with a window that it may have, no dictionary, and a check of the two.
    let fits = first & 0x8f == 8 && second & 0x20 == 0 && u16::from_be_bytes([*first, *second]).is_multiple_of(31);
    if !fits {
        return None;
    }
    let head = &head[..head.len().min(LOOK)];
    let (mut state, mut text) = (Decompress::new(true), [0; LOOK]);
    let begun = state.decompress(head, &mut text, FlushDecompress::None).ok()?;
    let text = &text[..usize::try_from(state.total_out()).unwrap_or(0)];
    if git::begins_object(text) {
        return Some(Kind::GitObject);
    }
    // What is short must be whole, and then its checksum has been compared.
    let is_one = begun == Status::StreamEnd || head.len() == LOOK;
    (*first == 0x78 && is_one).then_some(Kind::Zlib)
}

/// A file that is one: what it unfolds to, and what stands behind it.
pub(super) fn walk(walk: &Walk<'_>, origin: &Origin, input: &mut dyn Read, depth: usize) -> io::Result<()> {
    let mut input = Peek::new(input);
    let mut state = Decompress::new(true);
    walk.unpacked(origin, &mut Inflate::new(&mut input, &mut state), depth)?;
    rest(walk, origin, &mut input)
}

/// What stands behind a stream, which should be nothing, is scanned as it stands.
pub(super) fn rest<R: Read>(walk: &Walk<'_>, origin: &Origin, input: &mut Peek<R>) -> io::Result<()> {
    if input.peek(1)?.is_empty() { Ok(()) } else { walk.sink.bytes(origin.clone(), input) }
}

/// Reads what one stream unfolds to, and leaves what is behind it.
pub(super) struct Inflate<'a, R> {
    input: &'a mut Peek<R>,
    state: &'a mut Decompress,
    /// Where the stream is put as it is stored, if somebody wants it and it is no longer than this.
    stored: Option<(&'a mut Vec<u8>, usize)>,
    ended: bool,
}

impl<'a, R: Read> Inflate<'a, R> {
    pub(super) fn new(input: &'a mut Peek<R>, state: &'a mut Decompress) -> Self {
        state.reset(true);
        Self { input, state, stored: None, ended: false }
    }

    /// The same, with the stream as it is stored put to `stored` in place of what is there, up to so many bytes.
    pub(super) fn keeping(
        input: &'a mut Peek<R>,
        state: &'a mut Decompress,
        stored: &'a mut Vec<u8>,
        most: usize,
    ) -> Self {
        stored.clear();
        Self { stored: Some((stored, most)), ..Self::new(input, state) }
    }

    /// Puts no more of the stream there. Whether all is there that was read: it may have been too long.
    pub(super) fn kept(&mut self) -> bool {
        self.stored.take().is_some()
    }

    /// Reads to the end, whatever that is for.
    ///
    /// # Errors
    /// If the end cannot be found.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        io::copy(self, &mut io::sink()).map(drop)
    }

    /// How many bytes it unfolded to so far.
    pub(super) fn unfolded(&self) -> u64 {
        self.state.total_out()
    }
}

impl<R: Read> Read for Inflate<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !out.is_empty() {
            let next = self.input.fill_buf()?;
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(next, out, FlushDecompress::None).map_err(|_| gap(Why::Malformed))?;
            let used = usize::try_from(self.state.total_in() - before_in).unwrap_or(0);
            let made = usize::try_from(self.state.total_out() - before_out).unwrap_or(0);
            if let Some((stored, most)) = &mut self.stored {
                if stored.len() + used > *most {
                    self.stored = None;
                } else {
                    stored.extend_from_slice(&next[..used]);
                }
            }
            let is_over = next.is_empty();
            self.input.consume(used);
            self.ended = status == Status::StreamEnd;
            if made > 0 {
                return Ok(made);
            }
            if !self.ended && used == 0 {
                // With room on both sides it goes on, or it cannot.
                return Err(if is_over { io::ErrorKind::UnexpectedEof.into() } else { gap(Why::Malformed) });
            }
        }
        Ok(0)
    }
}
