//! Undoes what people wrap credentials in: base64 and hex, of plain text, of UTF-16 and of what gzip packed. The engine
//! says where such a text may begin; see [`oakum_patterns::Stream::encoded`].

mod mend;

use std::io::Read;
use std::ops::Range;

pub(crate) use mend::mend;

/// How often one encoding may stand in another.
pub(crate) const MOST_DEPTH: usize = 3;
/// The most that a packed text may grow to.
const MOST_UNPACKED: u64 = 1 << 20;
/// What may be decoded of a content besides as much as it has itself: packed texts in packed texts grow.
pub(crate) const BUDGET: usize = 16 << 20;
/// Base64 goes on in the next line where a line has so many characters.
const WRAPPED: usize = 40;
/// What gzip's files begin with (RFC 1952).
const GZIP: &[u8] = &[0x1f, 0x8b];
/// The widest indentation of such lines.
const INDENT: usize = 32;

/// A decoded text, and where its bytes come from.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) text: Vec<u8>,
    /// The stretch of the outer text that was decoded.
    pub(crate) outer: Range<usize>,
    /// For each byte, where in the outer text it begins; empty where there is no telling.
    places: Vec<u32>,
    /// Where in the text something was undone; none where all of it was.
    codes: Option<Vec<u32>>,
}

impl Decoded {
    /// Whether anything was undone within a stretch of the text, so that the engine has not seen it as it is.
    pub(crate) fn undid(&self, inner: &Range<usize>) -> bool {
        self.codes.as_ref().is_none_or(|codes| {
            let first = codes.partition_point(|code| (*code as usize) < inner.start);
            codes.get(first).is_some_and(|code| (*code as usize) < inner.end)
        })
    }

    /// Whether only stretches of the outer text were undone.
    pub(crate) fn is_mended(&self) -> bool {
        self.codes.is_some()
    }

    /// Where in the outer text a stretch of this one comes from.
    pub(crate) fn place(&self, inner: &Range<usize>) -> Range<usize> {
        let at = |i: usize| self.places.get(i).map(|place| self.outer.start + *place as usize);
        match (at(inner.start), inner.end.checked_sub(1).and_then(at)) {
            (Some(start), Some(last)) => start..(last + 2).min(self.outer.end),
            _ => self.outer.clone(),
        }
    }
}

/// Decodes what begins at `at`, as far as `end`; none if it is no text after all.
pub(crate) fn decode(text: &[u8], at: usize, end: usize) -> Option<Decoded> {
    let text = &text[..end.min(text.len())];
    let decoded = hex(text, at).or_else(|| base64(text, at))?;
    if decoded.text.starts_with(GZIP) || is_zlib(&decoded.text) {
        return unpack(&decoded);
    }
    let decoded = narrow(decoded);
    // Not a text that happens to begin like one.
    let odd = decoded.text.iter().filter(|b| b.is_ascii_control() && !matches!(b, b'\n' | b'\r' | b'\t')).count();
    (odd * 16 <= decoded.text.len()).then_some(decoded)
}

/// The first two bytes of what zlib packed: its method, its window, and a check of both (RFC 1950).
fn is_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, [0x78, flags, ..] if (0x7800 + u32::from(*flags)) % 31 == 0)
}

fn hex(text: &[u8], at: usize) -> Option<Decoded> {
    let digit = |b: u8| (b as char).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut bytes = Vec::new();
    for two in text[at..].chunks_exact(2) {
        let (Some(high), Some(low)) = (digit(two[0]), digit(two[1])) else { break };
        bytes.push(high << 4 | low);
    }
    let printable = |b: &u8| matches!(b, b' '..=b'~' | b'\n' | b'\r' | b'\t');
    if bytes.len() < 10 || !bytes.iter().take(10).all(printable) {
        return None;
    }
    let places = (0u32..).step_by(2).take(bytes.len()).collect();
    Some(Decoded { outer: at..at + 2 * bytes.len(), text: bytes, places, codes: None })
}

fn base64(text: &[u8], start: usize) -> Option<Decoded> {
    let (mut bytes, mut places) = (Vec::new(), Vec::new());
    let (mut bits, mut held) = (0u32, 0);
    let (mut at, mut line, mut first) = (start, 0, 0u32);
    while let Some(b) = text.get(at) {
        let Some(six) = sextet(*b) else {
            // The next line of a long one; a padded one was the last.
            match next_line(&text[at..]) {
                Some(skip) if line >= WRAPPED && *b != b'=' => {
                    at += skip;
                    line = 0;
                    continue;
                }
                _ => break,
            }
        };
        if held == 0 {
            first = u32::try_from(at - start).ok()?;
        }
        bits = bits << 6 | six;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
            places.push(first);
            first = u32::try_from(at - start).ok()?;
        }
        at += 1;
        line += 1;
    }
    (bytes.len() >= 9).then_some(Decoded { text: bytes, outer: start..at, places, codes: None })
}

/// How many bytes lie between one line of base64 and the next: a line break, written or real, and blanks.
fn next_line(text: &[u8]) -> Option<usize> {
    let written = if text.starts_with(b"\\r\\n") {
        4
    } else if text.starts_with(b"\\n") {
        2
    } else {
        0
    };
    let real = if text.starts_with(b"\r\n") { 2 } else { usize::from(text.starts_with(b"\n")) };
    let after = written.max(real);
    let blanks = text[after..].iter().take(INDENT).take_while(|b| matches!(b, b' ' | b'\t')).count();
    (after > 0).then_some(after + blanks)
}

fn sextet(b: u8) -> Option<u32> {
    Some(match b {
        b'A'..=b'Z' => u32::from(b - b'A'),
        b'a'..=b'z' => u32::from(b - b'a') + 26,
        b'0'..=b'9' => u32::from(b - b'0') + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

/// UTF-16 as plain bytes, where it is that.
fn narrow(decoded: Decoded) -> Decoded {
    let zeros = decoded.text.iter().filter(|b| **b == 0).count();
    if zeros * 3 < decoded.text.len() {
        return decoded;
    }
    let Decoded { text, outer, places, .. } = decoded;
    let (text, places) = text.into_iter().zip(places).filter(|(b, _)| *b != 0).unzip();
    Decoded { text, outer, places, codes: None }
}

fn unpack(packed: &Decoded) -> Option<Decoded> {
    let mut text = Vec::new();
    let bytes = packed.text.as_slice();
    // What was unpacked before an error is looked at too.
    let _ = if bytes.starts_with(GZIP) {
        flate2::read::MultiGzDecoder::new(bytes).take(MOST_UNPACKED).read_to_end(&mut text)
    } else {
        flate2::read::ZlibDecoder::new(bytes).take(MOST_UNPACKED).read_to_end(&mut text)
    };
    (!text.is_empty()).then(|| Decoded { text, outer: packed.outer.clone(), places: Vec::new(), codes: None })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;

    fn of(text: &str) -> Option<Decoded> {
        decode(text.as_bytes(), 0, text.len())
    }

    #[test]
    fn bytes_are_found_where_they_come_from() {
        let inner = b"user: someone\npassword: Walnut!942\n";
        for encoded in [STANDARD.encode(inner), URL_SAFE_NO_PAD.encode(inner)] {
            let text = format!("x {encoded}");
            let decoded = decode(text.as_bytes(), 2, text.len()).unwrap();
            assert_eq!(decoded.text, inner);
            let place = decoded.place(&(24..34));
            assert_eq!(place, 2 + 32..2 + 46);
        }
        let hex: String = inner.iter().map(|b| format!("{b:02x}")).collect();
        let decoded = of(&hex).unwrap();
        assert_eq!((decoded.text.as_slice(), decoded.place(&(1..3))), (inner.as_slice(), 2..6));
    }

    #[test]
    fn lines_are_joined() {
        let inner = "password=Walnut!942 ".repeat(8);
        let encoded = STANDARD.encode(&inner);
        for between in ["\n", "\r\n", "\n    ", "\\n"] {
            let wrapped: Vec<_> = encoded.as_bytes().chunks(60).map(|l| String::from_utf8_lossy(l)).collect();
            assert_eq!(of(&wrapped.join(between)).unwrap().text, inner.as_bytes(), "{between:?}");
        }
        // Two values in two lines are two texts.
        assert_eq!(of("cGFzc3dvcmQ9eA\ncGFzc3dvcmQ9eA").unwrap().text, b"password=x");
    }

    #[test]
    fn utf_16_and_packed_texts_are_texts() {
        let wide: Vec<u8> = "password=Walnut!942".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let decoded = of(&STANDARD.encode(wide)).unwrap();
        assert_eq!(decoded.text, b"password=Walnut!942");
        assert_eq!(decoded.place(&(0..2)), 0..4);
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut packer, b"password=Walnut!942").unwrap();
        let packed = STANDARD.encode(packer.finish().unwrap());
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut zlib, b"password=Walnut!942").unwrap();
        assert_eq!(of(&STANDARD.encode(zlib.finish().unwrap())).unwrap().text, b"password=Walnut!942");
        let decoded = of(&packed).unwrap();
        assert_eq!(
            (decoded.text.as_slice(), decoded.place(&(0..2))),
            (b"password=Walnut!942".as_slice(), 0..packed.trim_end_matches('=').len())
        );
    }

    #[test]
    fn noise_is_no_text() {
        assert!(of("").is_none() && of("abc").is_none());
        assert!(of("password password password").is_none());
    }
}
