//! A row as it is stored (2.1): the kinds of its cells, and then the cells, one behind the other.

use std::borrow::Cow;
use std::ops::Range;

use super::super::super::value::Scalar;
use super::super::cursor::Cursor;
use super::pages::varint;

/// How many cells of a row are looked at: SQLite lets a table have no more columns.
const MOST_CELLS: usize = 2000;

/// How the texts of a database are written (1.3.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Low16,
    High16,
}

impl Encoding {
    pub(super) fn of(number: u8) -> Self {
        match number {
            2 => Self::Low16,
            3 => Self::High16,
            _ => Self::Utf8,
        }
    }
}

/// The bytes of a row, in pieces from several pages if it is long.
#[derive(Debug)]
pub(super) struct Payload<'t> {
    text: &'t [u8],
    /// Where each stands in the file.
    pieces: Vec<Range<usize>>,
}

impl<'t> Payload<'t> {
    pub(super) fn new(text: &'t [u8], range: Range<usize>) -> Self {
        Self { text, pieces: vec![range] }
    }

    pub(super) fn add(&mut self, range: Range<usize>) {
        self.pieces.push(range);
    }

    fn joined(&self) -> Cow<'t, [u8]> {
        match &self.pieces[..] {
            [one] => Cow::Borrowed(&self.text[one.clone()]),
            many => many.iter().flat_map(|piece| &self.text[piece.clone()]).copied().collect(),
        }
    }

    /// The stretches of the file that a stretch of it stands in.
    fn places(&self, inner: &Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let mut at = 0;
        self.pieces.iter().filter_map(move |piece| {
            let from = at;
            at += piece.len();
            let (start, end) = (inner.start.max(from), inner.end.min(at));
            (start < end).then(|| piece.start + start - from..piece.start + end - from)
        })
    }
}

/// What stands in a column.
#[derive(Debug)]
pub(super) enum Cell {
    Text(Range<usize>),
    Number(i64),
    Other,
}

/// The cells of a row.
#[derive(Debug)]
pub(super) struct Row<'t, 'p> {
    payload: &'p Payload<'t>,
    bytes: Cow<'t, [u8]>,
    cells: Vec<Cell>,
}

impl<'t, 'p> Row<'t, 'p> {
    pub(super) fn read(payload: &'p Payload<'t>) -> Option<Self> {
        let bytes = payload.joined();
        let mut cells = Vec::new();
        let mut kinds = Cursor::new(&bytes, 0);
        let mut values = Cursor::new(&bytes, usize::try_from(varint(&mut kinds)?).ok()?);
        let first = values.at;
        while kinds.at < first && cells.len() < MOST_CELLS {
            let kind = varint(&mut kinds)?;
            let length = match kind {
                0 | 8 | 9 => 0,
                1..=4 => kind,
                5 => 6,
                6 | 7 => 8,
                10 | 11 => return None,
                blob_or_text => (blob_or_text - 12) / 2,
            };
            // A row that ends before its last cell is as good as it is long.
            let Some(range) = values.range(usize::try_from(length).ok()?) else { break };
            cells.push(match kind {
                1..=6 => Cell::Number(number(&bytes[range])),
                8 | 9 => Cell::Number(i64::from(kind == 9)),
                13.. if kind % 2 == 1 => Cell::Text(range),
                _ => Cell::Other,
            });
        }
        Some(Self { payload, bytes, cells })
    }

    pub(super) fn cell(&self, at: usize) -> Option<&Cell> {
        self.cells.get(at)
    }

    /// The text of a cell, and where in the file it stands.
    pub(super) fn text(&self, at: usize, encoding: Encoding) -> Option<Scalar<'t>> {
        let Cell::Text(range) = self.cell(at)? else { return None };
        let mut pieces = self.payload.places(range);
        let Some(first) = pieces.next() else { return Some(Scalar::plain(self.payload.text, 0..0)) };
        if encoding == Encoding::Utf8 && first.len() == range.len() {
            return Some(Scalar::plain(self.payload.text, first));
        }
        let mut places: Vec<u32> = Vec::new();
        for piece in self.payload.places(range) {
            places.extend(piece.filter_map(|place| u32::try_from(place).ok()));
        }
        // Behind the last byte too: what is last need not stand behind the first.
        places.push(places.last().map_or(0, |last| last + 1));
        let bytes = &self.bytes[range.clone()];
        if encoding == Encoding::Utf8 {
            return Some(Scalar::decoded(first, bytes.to_vec(), places));
        }
        let (text, places) = narrow(bytes, &places, encoding);
        Some(Scalar::decoded(first, text, places))
    }
}

/// A text of two bytes a sign, in UTF-8.
fn narrow(bytes: &[u8], places: &[u32], encoding: Encoding) -> (Vec<u8>, Vec<u32>) {
    let units = bytes.as_chunks::<2>().0.iter().map(|pair| match encoding {
        Encoding::High16 => u16::from_be_bytes(*pair),
        _ => u16::from_le_bytes(*pair),
    });
    let (mut text, mut at, mut narrowed) = (Vec::new(), 0, Vec::new());
    for sign in char::decode_utf16(units) {
        let sign = sign.unwrap_or(char::REPLACEMENT_CHARACTER);
        text.extend_from_slice(sign.encode_utf8(&mut [0; 4]).as_bytes());
        narrowed.resize(text.len(), places.get(at).copied().unwrap_or(0));
        at += 2 * sign.len_utf16();
    }
    narrowed.push(places.last().copied().unwrap_or(0));
    (text, narrowed)
}

fn number(bytes: &[u8]) -> i64 {
    let sign = if bytes.first().is_some_and(|first| *first >= 0x80) { -1 } else { 0 };
    bytes.iter().fold(sign, |number, byte| number << 8 | i64::from(*byte))
}
