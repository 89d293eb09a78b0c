//! A place in the bytes of a file, which goes on as they are read and never beyond their end.

use std::ops::Range;

/// Reads numbers and stretches, one behind the other.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'t> {
    pub(super) text: &'t [u8],
    pub(super) at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t [u8], at: usize) -> Self {
        Self { text, at }
    }

    /// Where the next bytes stand.
    pub(super) fn range(&mut self, length: usize) -> Option<Range<usize>> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.text.len())?;
        Some(std::mem::replace(&mut self.at, end)..end)
    }

    /// The next bytes.
    pub(super) fn take(&mut self, length: usize) -> Option<&'t [u8]> {
        let text = self.text;
        self.range(length).map(|range| &text[range])
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// Two bytes, the high one first.
    pub(super) fn high16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four bytes, the highest first.
    pub(super) fn high32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Four bytes, the lowest first.
    pub(super) fn low32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next bytes as a length of four bytes before them says, the highest first.
    pub(super) fn sized(&mut self) -> Option<Range<usize>> {
        let length = self.high32()?;
        self.range(usize::try_from(length).ok()?)
    }
}
