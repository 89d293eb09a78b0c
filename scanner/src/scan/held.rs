//! Beginnings of contents that are held until it is known what becomes of them, in pieces of one size. There are so many for
//! all threads and no more, and who has read one gives it back.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Mutex};

use super::lock;

/// The size of a piece in bytes.
const PIECE: usize = 256 << 10;
/// How many pieces there are at most: 10 MiB, two of the largest archives that are held.
const MOST_PIECES: usize = 40;

/// Where pieces are that nobody has.
#[derive(Debug)]
pub(super) struct Pieces {
    spare: Mutex<Spare>,
}

#[derive(Debug)]
struct Spare {
    pieces: Vec<Box<[u8]>>,
    /// How many more there may be.
    left: usize,
}

impl Default for Pieces {
    fn default() -> Self {
        Self { spare: Mutex::new(Spare { pieces: Vec::new(), left: MOST_PIECES }) }
    }
}

/// A content as far as it is held. Reading gives the pieces back.
#[derive(Debug)]
pub(super) struct Held {
    pieces: Arc<Pieces>,
    parts: VecDeque<Part>,
}

#[derive(Debug)]
struct Part {
    piece: Box<[u8]>,
    /// How much of it was read, and how much there is.
    from: usize,
    to: usize,
}

/// How much of a content is held.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it.
    Whole,
    /// Not its end: there is too much, or no piece is free.
    Beginning,
}

impl Held {
    /// Holds what comes, up to so many bytes.
    ///
    /// # Errors
    /// What the reader says; what came before it is held.
    pub(super) fn fill(&mut self, content: &mut dyn Read, most: usize) -> io::Result<Extent> {
        while self.len() < most {
            let is_full = self.parts.back().is_none_or(|part| part.to == PIECE);
            if is_full && let Some(piece) = self.pieces.take() {
                self.parts.push_back(Part { piece, from: 0, to: 0 });
            } else if is_full {
                return Ok(Extent::Beginning);
            }
            let Some(part) = self.parts.back_mut() else { return Ok(Extent::Beginning) };
            match content.read(&mut part.piece[part.to..]) {
                Ok(0) => return Ok(Extent::Whole),
                Ok(n) => part.to += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Extent::Beginning)
    }

    /// Of what is not read, how much there is.
    pub(super) fn len(&self) -> usize {
        self.texts().map(<[u8]>::len).sum()
    }

    /// What is not read, one text behind another.
    pub(super) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.parts.iter().map(|part| &part.piece[part.from..part.to])
    }
}

impl Pieces {
    /// Holds nothing yet.
    pub(super) fn hold(self: &Arc<Self>) -> Held {
        Held { pieces: Arc::clone(self), parts: VecDeque::new() }
    }

    fn take(&self) -> Option<Box<[u8]>> {
        let mut spare = lock(&self.spare);
        if let Some(piece) = spare.pieces.pop() {
            return Some(piece);
        }
        spare.left = spare.left.checked_sub(1)?;
        Some(vec![0; PIECE].into())
    }
}

impl Read for Held {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(part) = self.parts.front_mut() else { return Ok(0) };
        let n = (&part.piece[part.from..part.to]).read(out)?;
        part.from += n;
        if part.from == part.to
            && let Some(part) = self.parts.pop_front()
        {
            lock(&self.pieces.spare).pieces.push(part.piece);
        }
        Ok(n)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        lock(&self.pieces.spare).pieces.extend(self.parts.drain(..).map(|part| part.piece));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_has_read_another_may_hold_and_no_more_than_there_is() {
        let pieces = Arc::new(Pieces::default());
        let text: Vec<u8> = (0..PIECE * MOST_PIECES + 1).map(|at| (at / 7) as u8).collect();
        let (mut first, mut second) = (pieces.hold(), pieces.hold());
        assert_eq!(first.fill(&mut &text[..PIECE + 9], text.len()).unwrap(), Extent::Whole);
        assert_eq!((first.len(), first.texts().flatten().eq(&text[..PIECE + 9])), (PIECE + 9, true));
        // There are two pieces fewer for the others.
        let mut rest = text.as_slice();
        assert_eq!(second.fill(&mut rest, text.len()).unwrap(), Extent::Beginning);
        assert_eq!(second.len(), PIECE * (MOST_PIECES - 2));
        let mut read = vec![0; PIECE];
        first.read_exact(&mut read).unwrap();
        assert!(read == text[..PIECE] && first.len() == 9);
        assert_eq!(second.fill(&mut rest, text.len()).unwrap(), Extent::Beginning);
        drop(first);
        assert_eq!(second.fill(&mut rest, text.len()).unwrap(), Extent::Beginning);
        assert_eq!((second.len(), rest.len()), (PIECE * MOST_PIECES, 1));
        read.clear();
        second.read_to_end(&mut read).unwrap();
        assert!(read == text[..PIECE * MOST_PIECES]);
    }

    #[test]
    fn what_came_before_an_error_is_held() {
        struct Breaks<'a>(&'a [u8]);
        impl Read for Breaks<'_> {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                match self.0.read(out)? {
                    0 => Err(io::ErrorKind::UnexpectedEof.into()),
                    n => Ok(n),
                }
            }
        }
        let mut held = Arc::new(Pieces::default()).hold();
        assert!(held.fill(&mut Breaks(b"begun"), 100).is_err());
        assert_eq!(held.texts().collect::<Vec<_>>(), [b"begun"]);
    }
}
