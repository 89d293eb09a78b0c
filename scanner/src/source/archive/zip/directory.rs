//! The directory behind the members, which says where each one begins. What it names was read already, unless the archive
//! was made to be read in another way than as a stream.

use std::io::{self, BufRead as _, Read};

use super::{long_size, text};
use crate::source::archive::peek::Peek;

const ENTRY: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const LONG_END: &[u8] = b"PK\x06\x06";
const LOCATOR: &[u8] = b"PK\x06\x07";
const EXTRA: &[u8] = b"PK\x06\x08";
const SIGNATURE: &[u8] = b"PK\x05\x05";

/// What a directory, or what goes before one, may begin with.
pub(super) const BEGINNINGS: [&[u8]; 4] = [ENTRY, END, LONG_END, EXTRA];

/// How much of an entry is looked at: its name, and what is said of large files.
const LOOK: usize = 16 << 10;
/// How many members that were not read are told of.
const MOST_MISSING: usize = 1000;

/// Reads a directory to its end as it stands, and looks at what it names.
pub(super) struct Directory<'a, R> {
    input: &'a mut Peek<R>,
    /// Where members were read, in order.
    visited: &'a [u64],
    begin: u64,
    /// What is left of the record that is being read.
    left: u64,
    ended: bool,
    /// Where the directory says that it begins.
    said: Option<u64>,
    missing: Vec<(u64, String)>,
}

impl<'a, R: Read> Directory<'a, R> {
    pub(super) fn new(input: &'a mut Peek<R>, visited: &'a [u64]) -> Self {
        let begin = input.position();
        Self { input, visited, begin, left: 0, ended: false, said: None, missing: Vec::new() }
    }

    /// The names of members that nobody has read. Places are counted from the beginning of the archive, or of what stands
    /// before it.
    pub(super) fn missing(mut self) -> impl Iterator<Item = String> {
        let shift = self.said.map_or(0, |said| self.begin.wrapping_sub(said));
        self.missing.retain(|(at, _)| self.visited.binary_search(&at.wrapping_add(shift)).is_err());
        self.missing.into_iter().map(|(_, name)| name)
    }

    /// Looks at the record that comes next.
    fn record(&mut self) -> io::Result<()> {
        let next = self.input.peek(LOOK)?;
        let short = |at: usize| next.get(at..at + 2).map_or(0, |b| u64::from(u16::from_le_bytes([b[0], b[1]])));
        let long =
            |at: usize| next.get(at..at + 4).map_or(0, |b| u64::from(u32::from_le_bytes([b[0], b[1], b[2], b[3]])));
        let longest = |at: usize| next.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes);
        let sign = next.get(..4).unwrap_or_default();
        self.left = match sign {
            ENTRY => {
                let (name, extra) = (short(28), short(30));
                if let Some(at) = place(next).filter(|at| self.visited.binary_search(at).is_err())
                    && self.missing.len() < MOST_MISSING
                {
                    let end = 46 + usize::try_from(name).unwrap_or(usize::MAX);
                    self.missing.push((at, text(&next[46.min(next.len())..end.min(next.len())])));
                }
                46 + name + extra + short(32)
            }
            END => {
                // A long directory says it in a record of its own, which comes before.
                let said = long(16);
                if self.said.is_none() && said != 0xffff_ffff {
                    self.said = Some(said);
                }
                22 + short(20)
            }
            LONG_END => {
                self.said = Some(longest(48));
                longest(4).saturating_add(12)
            }
            LOCATOR => 20,
            EXTRA => 8 + long(4),
            SIGNATURE => 6 + short(4),
            _ => 0,
        };
        self.ended = self.left == 0;
        Ok(())
    }
}

/// Where the member of an entry begins, if that is said.
fn place(entry: &[u8]) -> Option<u64> {
    let field = |at: usize| Some(u32::from_le_bytes(entry.get(at..at + 4)?.try_into().ok()?));
    let length = |at: usize| Some(usize::from(u16::from_le_bytes(entry.get(at..at + 2)?.try_into().ok()?)));
    match field(42)? {
        0xffff_ffff => {
            let begin = 46 + length(28)?;
            let extra = entry.get(begin..begin + length(30)?)?;
            // Behind the other numbers that are too large for their fields.
            let before = [24, 20].into_iter().filter(|at| field(*at) == Some(0xffff_ffff)).count();
            long_size(extra, before)
        }
        at => Some(at.into()),
    }
}

impl<R: Read> Read for Directory<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.ended {
            self.record()?;
        }
        if self.ended {
            return Ok(0);
        }
        let there = self.input.fill_buf()?;
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let n = there.len().min(out.len()).min(most);
        out[..n].copy_from_slice(&there[..n]);
        self.input.consume(n);
        self.left -= n as u64;
        // One that was cut off has ended too.
        self.ended = n == 0 && !out.is_empty();
        Ok(n)
    }
}
