//! An object as a change of another: stretches to copy from that one, and bytes to insert.

use std::io::{self, BufRead, Read};

use crate::source::Why;
use crate::source::archive::gap;

/// The largest stretch that one instruction copies, which it says by a zero.
const WHOLE: usize = 0x10000;

/// Takes a number of as many bytes as it needs, seven bits each, the lowest first.
///
/// # Errors
/// If it ends too early, or has more than 64 bits.
fn number(mut next: impl FnMut() -> io::Result<Option<u8>>) -> io::Result<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = next()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(gap(Why::Malformed))
}

/// Writes the object that a change makes of its base to `made`, in place of what is there.
///
/// # Errors
/// [`Why::Limit`] if it has more than `most` bytes, [`Why::Malformed`] if the change is none of this base.
pub(super) fn apply(base: &[u8], change: &[u8], most: usize, made: &mut Vec<u8>) -> Result<(), Why> {
    let mut rest = change.iter();
    let mut size = || number(|| Ok(rest.next().copied())).map_err(|_| Why::Malformed);
    let (from, to) = (size()?, size()?);
    let to = usize::try_from(to).ok().filter(|to| *to <= most).ok_or(Why::Limit)?;
    if from != base.len() as u64 {
        return Err(Why::Malformed);
    }
    made.clear();
    made.reserve_exact(to);
    make(base, rest.as_slice(), to, made).ok_or(Why::Malformed)
}

fn make(base: &[u8], mut change: &[u8], size: usize, made: &mut Vec<u8>) -> Option<()> {
    while let Some((&instruction, rest)) = change.split_first() {
        change = rest;
        let piece = if instruction & 0x80 == 0 {
            let (inserted, rest) = change.split_at_checked(usize::from(instruction))?;
            change = rest;
            Some(inserted).filter(|inserted| !inserted.is_empty())?
        } else {
            // A bit for each byte of the offset and of the length that is there; the others are zero.
            let mut place = [0; 7];
            for (bit, byte) in place.iter_mut().enumerate() {
                if instruction & 1 << bit != 0 {
                    let (&next, rest) = change.split_first()?;
                    (*byte, change) = (next, rest);
                }
            }
            let [a, b, c, d, e, f, g] = place;
            let at = usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()?;
            let length = Some(u32::from_le_bytes([e, f, g, 0])).filter(|length| *length > 0);
            let length = length.map_or(Some(WHOLE), |length| usize::try_from(length).ok())?;
            base.get(at..at.checked_add(length)?)?
        };
        if made.len() + piece.len() > size {
            return None;
        }
        made.extend_from_slice(piece);
    }
    (made.len() == size).then_some(())
}

/// Reads only what a change inserts: what is new in an object whose base cannot be had. A new line stands where something is
/// copied, so that what was apart is not put together.
pub(super) struct Inserted<R> {
    change: R,
    /// Whether the two sizes before the instructions were read.
    begun: bool,
    /// How much the instruction at hand still inserts.
    left: usize,
    /// Whether something was copied since something was inserted.
    copied: bool,
}

impl<R: BufRead> Inserted<R> {
    pub(super) fn new(change: R) -> Self {
        Self { change, begun: false, left: 0, copied: false }
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.change.fill_buf()?.first().copied();
        self.change.consume(usize::from(byte.is_some()));
        Ok(byte)
    }

    /// Goes on to what is inserted next. `false` if there is no more.
    fn advance(&mut self) -> io::Result<bool> {
        if !std::mem::replace(&mut self.begun, true) {
            number(|| self.byte())?;
            number(|| self.byte())?;
        }
        while self.left == 0 {
            match self.byte()? {
                None => return Ok(false),
                Some(0) => return Err(gap(Why::Malformed)),
                Some(instruction) if instruction & 0x80 == 0 => self.left = usize::from(instruction),
                Some(instruction) => {
                    for _ in 0..(instruction & 0x7f).count_ones() {
                        self.byte()?.ok_or(io::ErrorKind::UnexpectedEof)?;
                    }
                    self.copied = true;
                }
            }
        }
        Ok(true)
    }
}

impl<R: BufRead> Read for Inserted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() || !self.advance()? {
            return Ok(0);
        }
        if std::mem::take(&mut self.copied) {
            out[0] = b'\n';
            return Ok(1);
        }
        let most = out.len().min(self.left);
        let n = self.change.read(&mut out[..most])?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= n;
        Ok(n)
    }
}
