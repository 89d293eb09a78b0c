//! Texts of two bytes a sign (UTF-16, either order, with or without a mark), as Windows writes exports of its registry,
//! scripts and logs: narrowed to a byte a sign while they are read, so that the engine reads them as any other text.
//!
//! A sign that is no ASCII becomes a byte that is none, and so nothing moves: a place in the narrow text is twice as far in
//! the file. Nothing is held whole but the window that told it.

use std::io::{self, Read};

use crate::finding::Span;

/// How many first bytes tell whether a text without a mark is one.
const SAMPLE: usize = 512;
/// So many at least.
const LEAST: usize = 32;
/// Bytes at a time.
const CHUNK: usize = 8192;

/// Which byte of two comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

/// How a text is wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wide {
    order: Order,
    /// Whether it begins with a mark of its order.
    marked: bool,
}

impl Wide {
    /// By the first bytes of a content; none if it is of bytes as most are.
    pub(crate) fn of(start: &[u8]) -> Option<Self> {
        match start {
            // Four bytes a sign.
            [0xff, 0xfe, 0, 0, ..] => None,
            [0xff, 0xfe, ..] => Some(Self { order: Order::Little, marked: true }),
            [0xfe, 0xff, ..] => Some(Self { order: Order::Big, marked: true }),
            // The commonest of all: a first byte and a second that are both there.
            [first, second, ..] if *first != 0 && *second != 0 => None,
            _ => [Order::Little, Order::Big]
                .into_iter()
                .find(|order| order.holds(start))
                .map(|order| Self { order, marked: false }),
        }
    }

    /// Where in the file a stretch of the narrow text stands. A line begins behind both bytes of the break before it.
    pub(crate) fn span(self, narrow: Span) -> Span {
        let column = |line: u64, column: u64| 2 * column - 1 + if self.marked && line == 1 { 2 } else { 0 };
        Span {
            column: column(narrow.line, narrow.column),
            end_column: column(narrow.end_line, narrow.end_column),
            ..narrow
        }
    }
}

impl Order {
    /// Whether nearly every sign of a sample is ASCII that can be read, in this order.
    fn holds(self, start: &[u8]) -> bool {
        let sample = &start[..start.len().min(SAMPLE)];
        let signs = sample.len() / 2;
        let plain = sample
            .chunks_exact(2)
            .filter(|two| matches!(self.sign([two[0], two[1]]), b'\t' | b'\n' | b'\r' | b' '..=b'~'))
            .count();
        sample.len() >= LEAST && plain * 10 >= signs * 9
    }

    fn sign(self, two: [u8; 2]) -> u8 {
        let sign = match self {
            Self::Little => u16::from_le_bytes(two),
            Self::Big => u16::from_be_bytes(two),
        };
        u8::try_from(sign).ok().filter(u8::is_ascii).unwrap_or(0xff)
    }
}

/// A wide text as a narrow one.
pub(crate) struct Narrow<'c> {
    order: Order,
    /// What was read of it already, and how far it is used.
    head: Vec<u8>,
    used: usize,
    rest: &'c mut dyn Read,
    /// The first byte of a sign of which the second is still to come.
    half: Option<u8>,
}

impl<'c> Narrow<'c> {
    /// `head` is what was read already, `rest` what comes behind it.
    pub(crate) fn new(wide: Wide, head: &[u8], rest: &'c mut dyn Read) -> Self {
        Self { order: wide.order, head: head.to_vec(), used: if wide.marked { 2 } else { 0 }, rest, half: None }
    }
}

impl Read for Narrow<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut bytes = [0; CHUNK];
        loop {
            let wanted = CHUNK.min(2 * out.len());
            let got = match &self.head[self.used.min(self.head.len())..] {
                [] => self.rest.read(&mut bytes[..wanted])?,
                head => {
                    let got = wanted.min(head.len());
                    bytes[..got].copy_from_slice(&head[..got]);
                    self.used += got;
                    got
                }
            };
            if got == 0 {
                // Half a sign at the end is a byte like any other.
                return Ok(self.half.take().filter(|_| !out.is_empty()).map_or(0, |half| {
                    out[0] = half;
                    1
                }));
            }
            let mut written = 0;
            for byte in &bytes[..got] {
                match self.half.take() {
                    None => self.half = Some(*byte),
                    Some(half) => {
                        out[written] = self.order.sign([half, *byte]);
                        written += 1;
                    }
                }
            }
            if written > 0 {
                return Ok(written);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str, order: Order) -> Vec<u8> {
        let bytes = |unit: u16| if order == Order::Little { unit.to_le_bytes() } else { unit.to_be_bytes() };
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn wide_texts_are_told_from_others() {
        let text = "[HKEY_CURRENT_USER\\Software]\r\n\"a\"=\"b\"\r\n";
        for order in [Order::Little, Order::Big] {
            assert_eq!(Wide::of(&wide(text, order)), Some(Wide { order, marked: false }));
            assert_eq!(Wide::of(&wide("\u{feff}a", order)), Some(Wide { order, marked: true }));
        }
        for other in [text.as_bytes(), b"", b"\0", &[0, 1].repeat(40), &[0xff, 0xfe, 0, 0, b'a', 0, 0, 0], &[0; 600]] {
            assert_eq!(Wide::of(other), None, "{other:?}");
        }
    }

    #[test]
    fn any_piece_by_piece_is_the_same() {
        let text = "\u{feff}password = \u{e4}\u{1f980}x\n";
        let bytes = wide(text, Order::Big);
        let wide = Wide::of(&bytes).unwrap();
        for split in 2..bytes.len() {
            for size in [1, 2, 7, 64] {
                let (head, mut rest) = (&bytes[..split], &bytes[split..]);
                let (mut all, mut narrow, mut buffer) = (Vec::new(), Narrow::new(wide, head, &mut rest), vec![0; size]);
                while let Ok(n @ 1..) = narrow.read(&mut buffer) {
                    all.extend_from_slice(&buffer[..n]);
                }
                assert_eq!(all, b"password = \xff\xff\xffx\n", "{split} {size}");
            }
        }
    }

    #[test]
    fn places_are_those_of_the_file() {
        let span = |line, column| Span { line, column, end_line: line, end_column: column + 3 };
        let marked = Wide { order: Order::Little, marked: true };
        assert_eq!((marked.span(span(1, 1)).column, marked.span(span(1, 1)).end_column), (3, 9));
        assert_eq!((marked.span(span(2, 4)).column, marked.span(span(2, 4)).end_column), (7, 13));
    }
}
