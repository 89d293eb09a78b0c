//! Undoes what stands between a reader and a text that is there: codes (`%3D`, `\u003d`, `&#61;`, `=3D`), strings in pieces
//! (`"abc" + "def"`), lines that go on in the next, and the bytes of Windows' registry. Only a stretch around the place that
//! the engine noticed is written anew, and what is found in it counts only where something was undone.

use std::ops::Range;

use oakum_patterns::{How, next_piece};

use super::Decoded;

/// How far before a place the stretch begins, and how far behind it ends. A window keeps more of both.
const BEFORE: usize = 160;
const BEHIND: usize = 1280;

/// The text around `at` with its codes undone; none where there is none after all.
pub(crate) fn mend(text: &[u8], at: usize, how: How) -> Option<Decoded> {
    let range = stretch(text, at, how);
    let mut mended = Mended::new(text, &range);
    // Most stretches have no code after all: nothing is copied before the first.
    let mut next = range.start;
    while let Some(begin) = begin(&text[next..range.end], how) {
        next += begin;
        match code(text, next, how) {
            Some(code) => {
                mended.plain(next);
                mended.code(&code);
                next = mended.at;
            }
            None => next += 1,
        }
        if next >= range.end {
            break;
        }
    }
    if mended.codes.is_empty() {
        return None;
    }
    mended.plain(range.end);
    // A sign of base64 at a line's end breaks no line of mail, which has other codes too.
    if how == How::Printable && !mended.says_more {
        return None;
    }
    Some(mended.finish(range))
}

/// Finds the first byte that a code may begin with.
fn begin(text: &[u8], how: How) -> Option<usize> {
    match how {
        How::Run => None,
        How::Percent => memchr::memchr(b'%', text),
        How::Backslash | How::Continued => memchr::memchr(b'\\', text),
        How::Entity => memchr::memchr(b'&', text),
        How::Printable | How::Bytes => memchr::memchr(b'=', text),
        How::Joined => memchr::memchr2(b'"', b'\'', text),
        How::Folded => memchr::memchr(b':', text),
    }
}

/// What is written anew: within a line, or over lines where they may belong together.
fn stretch(text: &[u8], at: usize, how: How) -> Range<usize> {
    let low = at.saturating_sub(BEFORE);
    let high = text.len().min(at + BEHIND);
    let over_lines = matches!(how, How::Joined | How::Continued | How::Folded | How::Printable | How::Bytes);
    // Of the lines before, one may end in the middle of a word.
    let start = match memchr::memrchr(b'\n', &text[low..at]) {
        Some(newline) if how != How::Joined => low + newline + 1,
        _ => low,
    };
    let end = match memchr::memchr(b'\n', &text[at..high]) {
        Some(newline) if !over_lines => at + newline,
        _ => high,
    };
    start..end
}

/// What a code stands for, and how long it is.
struct Code {
    says: Says,
    length: usize,
}

enum Says {
    Sign(char),
    Byte(u8),
    Text(Vec<u8>),
    Nothing,
}

fn code(text: &[u8], at: usize, how: How) -> Option<Code> {
    let rest = &text[at..];
    let first = *rest.first()?;
    match how {
        How::Run => None,
        How::Percent => (first == b'%').then(|| byte(rest, 1)).flatten(),
        How::Backslash => (first == b'\\').then(|| backslash(rest)).flatten(),
        How::Entity => (first == b'&').then(|| entity(rest)).flatten(),
        How::Printable => (first == b'=')
            .then(|| line_end(&rest[1..]).map(|end| nothing(1 + end)).or_else(|| byte(rest, 1)))
            .flatten(),
        How::Joined => {
            let next = matches!(first, b'"' | b'\'').then(|| next_piece(text, at)).flatten()?;
            Some(nothing(next - at))
        }
        How::Continued => {
            let end = (first == b'\\').then(|| line_end(&rest[1..])).flatten()?;
            Some(nothing(1 + end + blanks(&rest[1 + end..])))
        }
        How::Folded => folded(rest),
        How::Bytes => registry(rest),
    }
}

fn nothing(length: usize) -> Code {
    Code { says: Says::Nothing, length }
}

fn line_end(text: &[u8]) -> Option<usize> {
    match text {
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        _ => None,
    }
}

fn blanks(text: &[u8]) -> usize {
    text.iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
}

/// A number in so many digits; none where it is less long.
fn number(text: &[u8], radix: u32, digits: Range<usize>) -> Option<(u32, usize)> {
    let length = text.iter().take(digits.end).take_while(|b| char::from(**b).is_digit(radix)).count();
    let value =
        std::str::from_utf8(text.get(..length)?).ok().and_then(|digits| u32::from_str_radix(digits, radix).ok())?;
    (length >= digits.start).then_some((value, length))
}

/// `%3D`, `=3D`: two hex digits behind `skip` bytes.
fn byte(text: &[u8], skip: usize) -> Option<Code> {
    let (value, length) = number(text.get(skip..)?, 16, 2..2)?;
    Some(Code { says: Says::Byte(u8::try_from(value).ok()?), length: skip + length })
}

fn sign(value: u32, length: usize) -> Option<Code> {
    Some(Code { says: Says::Sign(char::from_u32(value)?), length })
}

/// As JSON, JavaScript, C and Python write them. Quotes and line breaks stay as they are: the engine reads them so.
fn backslash(text: &[u8]) -> Option<Code> {
    let escaped = |skip: usize, digits: Range<usize>| {
        let (value, length) = number(text.get(skip..)?, 16, digits)?;
        sign(value, skip + length)
    };
    match text.get(1)? {
        b'x' => escaped(2, 2..2),
        b'u' if text.get(2) == Some(&b'{') => {
            let (value, length) = number(&text[3..], 16, 1..6)?;
            (text.get(3 + length) == Some(&b'}')).then(|| sign(value, 4 + length)).flatten()
        }
        b'u' => escaped(2, 4..4),
        b'U' => escaped(2, 8..8),
        b'/' => sign(u32::from(b'/'), 2),
        b'0'..=b'3' => {
            let (value, length) = number(&text[1..], 8, 3..3)?;
            sign(value, 1 + length)
        }
        _ => None,
    }
}

fn entity(text: &[u8]) -> Option<Code> {
    let names = [(b"&quot;".as_slice(), b'"'), (b"&amp;", b'&'), (b"&apos;", b'\''), (b"&lt;", b'<'), (b"&gt;", b'>')];
    if let Some((name, says)) = names.iter().find(|(name, _)| text.starts_with(name)) {
        return sign(u32::from(*says), name.len());
    }
    let (skip, radix) = match text {
        [b'&', b'#', b'x' | b'X', ..] => (3, 16),
        [b'&', b'#', ..] => (2, 10),
        _ => return None,
    };
    let (value, length) = number(&text[skip..], radix, 1..7)?;
    let closed = usize::from(text.get(skip + length) == Some(&b';'));
    sign(value, skip + length + closed)
}

/// `: >-`, a line break and an indentation, of which a colon and a blank stay.
fn folded(text: &[u8]) -> Option<Code> {
    let rest = text.strip_prefix(b":")?;
    let mut at = 1 + blanks(rest);
    at += text[at..].iter().take(3).take_while(|b| b">|-+".contains(b)).count();
    at += blanks(&text[at..]);
    at += line_end(&text[at..])?;
    let indent = blanks(&text[at..]);
    let value = text.get(at + indent)?;
    // Of a list or a map the line is no value.
    (indent > 0 && !matches!(value, b'-' | b'#' | b'{' | b'[' | b'\n' | b'\r'))
        .then(|| Code { says: Says::Text(b": ".to_vec()), length: at + indent })
}

/// `=hex:41,00,\` and on: as text in quotes, without the upper bytes of UTF-16.
fn registry(text: &[u8]) -> Option<Code> {
    let rest = text.strip_prefix(b"=hex")?;
    let kind = rest.iter().take(6).position(|b| *b == b':')?;
    let (mut at, mut says) = (4 + kind + 1, b"=\"".to_vec());
    while let Some((value, length)) = number(&text[at..], 16, 2..2) {
        if value != 0 {
            says.push(u8::try_from(value).ok()?);
        }
        at += length + usize::from(text.get(at + length) == Some(&b','));
        if text.get(at) == Some(&b'\\') {
            at += 1 + line_end(&text[at + 1..])?;
            at += blanks(&text[at..]);
        }
    }
    says.push(b'"');
    (says.len() > 6).then_some(Code { says: Says::Text(says), length: at })
}

/// A text that is being written anew.
struct Mended<'t> {
    text: &'t [u8],
    at: usize,
    start: usize,
    says: Vec<u8>,
    places: Vec<u32>,
    codes: Vec<u32>,
    /// Whether a code stood for something.
    says_more: bool,
}

impl<'t> Mended<'t> {
    fn new(text: &'t [u8], range: &Range<usize>) -> Self {
        Self {
            text,
            at: range.start,
            start: range.start,
            says: Vec::new(),
            places: Vec::new(),
            codes: Vec::new(),
            says_more: false,
        }
    }

    /// Goes on to `end`, with what there is as it is.
    fn plain(&mut self, end: usize) {
        if self.at < end {
            self.says.extend_from_slice(&self.text[self.at..end]);
            let place = |at: usize| u32::try_from(at - self.start).unwrap_or(u32::MAX);
            self.places.extend(place(self.at)..place(end));
            self.at = end;
        }
    }

    fn push(&mut self, byte: u8) {
        self.says.push(byte);
        self.places.push(u32::try_from(self.at - self.start).unwrap_or(u32::MAX));
    }

    fn code(&mut self, code: &Code) {
        self.codes.push(u32::try_from(self.says.len()).unwrap_or(u32::MAX));
        self.says_more |= !matches!(code.says, Says::Nothing);
        match &code.says {
            Says::Sign(sign) => sign.encode_utf8(&mut [0; 4]).bytes().for_each(|b| self.push(b)),
            Says::Byte(byte) => self.push(*byte),
            Says::Text(text) => text.iter().for_each(|b| self.push(*b)),
            Says::Nothing => {}
        }
        self.at += code.length;
    }

    fn finish(self, range: Range<usize>) -> Decoded {
        Decoded {
            text: self.says,
            // The last code may reach further.
            outer: range.start..range.end.max(self.at),
            places: self.places,
            codes: Some(self.codes),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mended(text: &str, how: How) -> Option<String> {
        mend(text.as_bytes(), text.find("pass").unwrap_or(0), how)
            .map(|d| String::from_utf8_lossy(&d.text).into_owned())
    }

    #[test]
    fn codes_are_undone() {
        for (text, how, says) in [
            ("password%3DWal%21nut", How::Percent, "password=Wal!nut"),
            (r"password: \u0057al\x21n\165t\/", How::Backslash, "password: Wal!nut/"),
            (r"password: \u{57}al\n", How::Backslash, r"password: Wal\n"),
            ("password=&quot;Wal&#33;nut&#x21;&quot;", How::Entity, "password=\"Wal!nut!\""),
            ("password=3DWal=\r\nnut", How::Printable, "password=Walnut"),
            ("password = \"Wal\" +\n  \"nut\";", How::Joined, "password = \"Walnut\";"),
            ("password = 'Wal' . 'nut'", How::Joined, "password = 'Walnut'"),
            ("password=Wal\\\n   nut", How::Continued, "password=Walnut"),
            ("password: >-\n    Walnut\n", How::Folded, "password: Walnut\n"),
            ("\"password\"=hex:57,00,61,00,\\\n  6c,00,6e,00,75,00,74,00\n", How::Bytes, "\"password\"=\"Walnut\"\n"),
        ] {
            assert_eq!(mended(text, how).as_deref(), Some(says), "{text}");
        }
        for how in How::ALL {
            assert_eq!(mended("password = Walnut % \\ & = \" \n", how), None, "{how:?}");
        }
    }

    #[test]
    fn bytes_are_found_where_they_come_from() {
        let text = "x\npassword = \"Wal\" + \"nut\" y";
        let decoded = mend(text.as_bytes(), 2, How::Joined).unwrap();
        let at = decoded.text.windows(6).position(|w| w == b"Walnut").unwrap();
        let place = decoded.place(&(at..at + 6));
        assert_eq!(&text[place.clone()], "Wal\" + \"nut\"");
        assert!(decoded.undid(&(at..at + 6)) && !decoded.undid(&(at..at + 3)) && !decoded.undid(&(0..4)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn any_text_is_mended(text in r#"(%41|%|\\u00|\\u0041|\\x|\\U|\\1|\\|&#|&#x4;|&quot|=|=4|=hex:|41,00,|\n|\r\n|"|'|\+|:| >-|  |pass|[a-f0-9]|\x00|é){0,60}"#, at in 0usize..40) {
            let text = text.as_bytes();
            let at = at.min(text.len().saturating_sub(1));
            for how in How::ALL {
                if let Some(decoded) = (!text.is_empty()).then(|| mend(text, at, how)).flatten() {
                    prop_assert!(decoded.outer.end <= text.len() + 1 && decoded.text.len() <= 4 * BEHIND);
                    let place = decoded.place(&(0..decoded.text.len()));
                    prop_assert!(place.start <= place.end && place.end <= text.len());
                }
            }
        }
    }
}
