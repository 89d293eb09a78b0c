//! The pages of a database, and the trees that they are: each page is looked at once, and all rows together are no longer
//! than the file.

use super::super::cursor::Cursor;
use super::record::{Encoding, Payload};

/// Before the first page's own (1.3).
const HEAD: usize = 100;
/// The least that a row counts for.
const LEAST: usize = 4;

/// A database.
#[derive(Debug)]
pub(super) struct Pages<'t> {
    text: &'t [u8],
    size: usize,
    /// Without what is reserved at its end.
    usable: usize,
    pub(super) encoding: Encoding,
    /// Which have been looked at.
    seen: Vec<bool>,
    /// How many bytes of rows may still be read.
    budget: usize,
}

impl<'t> Pages<'t> {
    pub(super) fn open(text: &'t [u8]) -> Option<Self> {
        let head = text.get(..HEAD)?;
        let size = match usize::from(u16::from_be_bytes([head[16], head[17]])) {
            1 => 0x1_0000,
            size => size,
        };
        let usable =
            size.checked_sub(usize::from(head[20])).filter(|usable| size.is_power_of_two() && *usable >= 480)?;
        let encoding = Encoding::of(head[59]);
        Some(Self { text, size, usable, encoding, seen: vec![false; text.len().div_ceil(size)], budget: text.len() })
    }

    /// A page, which counts from one, and where it begins.
    fn page(&self, number: u32) -> Option<(usize, &'t [u8])> {
        let start = usize::try_from(number).ok()?.checked_sub(1)?.checked_mul(self.size)?;
        let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
        Some((start, &rest[..rest.len().min(self.usable)]))
    }

    /// Gives all rows of the tree with this root.
    pub(super) fn rows(&mut self, root: u32, each: &mut impl FnMut(&Payload<'t>)) {
        let mut open = vec![root];
        while let Some(number) = open.pop() {
            let at = usize::try_from(number).unwrap_or(0).wrapping_sub(1);
            if self.seen.get(at).is_none_or(|seen| *seen) {
                continue;
            }
            self.seen[at] = true;
            if let Some((start, page)) = self.page(number) {
                // What is wrong with a page is that page's matter.
                let _ = self.tree_page(start, page, &mut open, each);
            }
        }
    }

    /// A page of a tree (1.6).
    fn tree_page(
        &mut self,
        start: usize,
        page: &'t [u8],
        open: &mut Vec<u32>,
        each: &mut impl FnMut(&Payload<'t>),
    ) -> Option<()> {
        let mut head = Cursor::new(page, if start == 0 { HEAD } else { 0 });
        let kind = head.byte()?;
        let _first_free = head.high16()?;
        let cells = head.high16()?;
        let _content = (head.high16()?, head.byte()?);
        let is_inner = matches!(kind, 2 | 5);
        if is_inner {
            open.push(head.high32()?);
        }
        for _ in 0..cells {
            let mut cell = Cursor::new(page, usize::from(head.high16()?));
            if is_inner {
                // A cell that leads beyond the page is passed by.
                let Some(child) = cell.high32() else { continue };
                if open.len() <= self.seen.len() {
                    open.push(child);
                }
            }
            match kind {
                // Of a table without row numbers, whose rows are in its tree's inner pages too, and one with them.
                2 | 10 => self.row(start, &mut cell, true, each)?,
                13 => self.row(start, &mut cell, false, each)?,
                5 => {}
                _ => return None,
            }
        }
        Some(())
    }

    /// A row, of which a part may be on other pages. None when no more may be read.
    fn row(
        &mut self,
        start: usize,
        cell: &mut Cursor<'t>,
        is_index: bool,
        each: &mut impl FnMut(&Payload<'t>),
    ) -> Option<()> {
        let Some(length) = varint(cell).and_then(|length| usize::try_from(length).ok()) else { return Some(()) };
        if !is_index {
            varint(cell);
        }
        self.budget = self.budget.checked_sub(length.max(LEAST))?;
        let local = self.local(length, is_index);
        let Some(range) = cell.range(local) else { return Some(()) };
        let mut payload = Payload::new(self.text, start + range.start..start + range.end);
        if local < length && self.overflow(cell, length - local, &mut payload).is_none() {
            return Some(());
        }
        each(&payload);
        Some(())
    }

    /// How much of a row is on its own page (1.6).
    fn local(&self, length: usize, is_index: bool) -> usize {
        let most = if is_index { (self.usable - 12) * 64 / 255 - 23 } else { self.usable - 35 };
        let least = (self.usable - 12) * 32 / 255 - 23;
        if length <= most {
            return length;
        }
        let local = least + (length - least) % (self.usable - 4);
        if local <= most { local } else { least }
    }

    /// The pages that a row goes on on, one after the other (1.7). Each gives some bytes, so they end with the row.
    fn overflow(&self, cell: &mut Cursor<'t>, mut left: usize, payload: &mut Payload<'t>) -> Option<()> {
        let mut next = cell.high32()?;
        while left > 0 {
            let (start, page) = self.page(next)?;
            next = Cursor::new(page, 0).high32()?;
            let length = left.min(self.usable - 4);
            page.get(4..4 + length)?;
            payload.add(start + 4..start + 4 + length);
            left -= length;
        }
        Some(())
    }
}

/// A number of one to nine bytes, seven bits each, the highest first (1.6).
pub(super) fn varint(cursor: &mut Cursor<'_>) -> Option<u64> {
    let mut number = 0u64;
    for _ in 0..8 {
        let byte = cursor.byte()?;
        number = number << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some(number);
        }
    }
    Some(number << 8 | u64::from(cursor.byte()?))
}
