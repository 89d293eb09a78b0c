//! Where a text may stand that somebody encoded, escaped or wrote in pieces: base64 or hex of what can be read, `%3D`,
//! `\u003d`, `&#61;`, `=3D`, `"abc" + "def"`, lines that go on in the next. What undoes them is none of the engine's
//! matters; where it is worth it is, since only the engine knows which places of a text it looks at. All other text is
//! told by a few bits or bytes, so that decoding costs a scan next to nothing.

use std::ops::Range;

use memchr::{memchr_iter, memchr3_iter};

use crate::assign::{is_name, is_too_short, may_join};

/// How many characters of base64 are tried: nine bytes.
const BASE64: usize = 12;
/// How many hex digits are tried: ten bytes.
const HEX: usize = 20;
/// How far a name goes on behind a keyword, how long what joins it to its value is, and how much of that is looked at.
/// Together less than any window keeps.
const NAME: usize = 32;
const JOINT: usize = 8;
const VALUE: usize = 128;
/// How far behind a name the line after it begins.
const BEHIND: usize = 16;
/// The shortest value that is looked at, where no quote begins it.
const SHORTEST: usize = 6;
/// The longest stretch between two pieces of a string: a sign, a line break, and what the next line is indented by.
const BETWEEN: usize = 96;
/// So many codes in a row, each of a sign that can be read, are a text.
const ROW: usize = 6;
/// How far behind a scheme the sign is that ends a user's name and password.
const USER_INFO: usize = 160;

/// A place where an encoded text may stand; see [`super::Stream::encoded`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Encoded {
    /// Where the text begins if it is a run; where it was noticed if it is anything else.
    pub at: usize,
    /// What may have been done to it.
    pub how: How,
}

/// How a text may be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// A run of base64 or hex.
    Run,
    /// `%3D`.
    Percent,
    /// `\u003d`, `\x3d`, `\075`, `\/`: strings of JSON, JavaScript, C.
    Backslash,
    /// `&#61;`, `&quot;`: HTML and XML.
    Entity,
    /// `=3D`, and `=` at the end of a line: mail.
    Printable,
    /// `"abc" + "def"`: a string in pieces.
    Joined,
    /// A backslash at the end of a line.
    Continued,
    /// A value that begins in the line after its name: YAML.
    Folded,
    /// `hex:41,00,42,00`: the registry of Windows.
    Bytes,
}

impl How {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Run,
        Self::Percent,
        Self::Backslash,
        Self::Entity,
        Self::Printable,
        Self::Joined,
        Self::Continued,
        Self::Folded,
        Self::Bytes,
    ];
}

/// Notes what the run of token bytes at `at` may be: an encoded text, if a machine made it, or a string's next piece.
pub(super) fn run(text: &[u8], at: usize, machine_made: bool, noted: &mut Vec<Encoded>) {
    if machine_made && may_begin(text, at) {
        noted.push(Encoded { at, how: How::Run });
    }
    let quote = at.wrapping_sub(1);
    if matches!(text.get(quote), Some(b'"' | b'\'')) && is_next_piece(text, quote) {
        noted.push(Encoded { at, how: How::Joined });
    }
}

/// Notes the codes beside a keyword, and the pieces of what may be its value. Gives the end of the keyword's name.
pub(super) fn beside(text: &[u8], keyword: &Range<usize>, noted: &mut Vec<Encoded>) -> usize {
    let name = text[keyword.end..].iter().take(NAME).take_while(|b| is_name(**b)).count();
    let end = keyword.end + name;
    // What follows most names in code can be no value.
    if !text.get(end).is_some_and(|b| may_join(*b)) || is_too_short(&text[end..]) {
        return end;
    }
    let mut note = |how| noted.push(Encoded { at: keyword.start, how });
    // A quote or an operator that is a code.
    if matches!(text.get(end), Some(b'%' | b'\\' | b'&')) {
        code_at(text, end).into_iter().for_each(&mut note);
        return end;
    }
    let join = |b: &u8| matches!(b, b'"' | b'\'' | b' ' | b'=' | b':' | b'>' | b'(' | b',' | b'[' | b']' | b'@');
    let joint = text[end..].iter().take(JOINT).take_while(|b| join(b)).count();
    let behind = &text[end..text.len().min(end + BEHIND)];
    match behind {
        [b'"', b'=', b'h', b'e', b'x', b':' | b'(', ..] => note(How::Bytes),
        [b':' | b'"' | b'\'', ..] if folds(behind) => note(How::Folded),
        _ => {}
    }
    // The value, as far as one word of it goes.
    let start = end + joint;
    let quote = text.get(start.wrapping_sub(1)).filter(|b| joint > 0 && matches!(b, b'"' | b'\''));
    let value = &text[start..text.len().min(start + VALUE)];
    let length = match quote {
        Some(quote) => value.iter().position(|b| b == quote || *b == b'\n'),
        None => value.iter().position(|b| matches!(b, b' ' | b',' | b';' | b')' | b'}' | b'\n' | b'"' | b'\'')),
    };
    let value = &value[..length.unwrap_or(value.len())];
    // What follows a short word is code.
    if joint == 0 || (quote.is_none() && value.len() < SHORTEST) {
        return end;
    }
    let mut last = None;
    for code in memchr3_iter(b'%', b'\\', b'&', value).filter_map(|code| code_at(text, start + code)) {
        if last.replace(code) != Some(code) {
            note(code);
        }
    }
    let stop = start + value.len();
    if value.ends_with(b"\\") && code_at(text, stop - 1) == Some(How::Continued) && last != Some(How::Continued) {
        note(How::Continued);
    }
    if (text[end] == b'=' && is_printable(text, end))
        || memchr_iter(b'=', &value[..value.len().saturating_sub(1)]).any(|code| is_printable(text, start + code))
    {
        note(How::Printable);
    }
    if quote.is_some() && text.get(stop) == quote && next_piece(text, stop).is_some() {
        note(How::Joined);
    }
    end
}

/// What begins at a sign that may begin a code, or end a line that goes on.
fn code_at(text: &[u8], at: usize) -> Option<How> {
    match text[at] {
        b'%' => is_hex(text, at + 1, 2).then_some(How::Percent),
        b'\\' => match text.get(at + 1)? {
            b'x' if is_hex(text, at + 2, 2) => Some(How::Backslash),
            b'u' if is_hex(text, at + 2, 4) || text.get(at + 2) == Some(&b'{') => Some(How::Backslash),
            b'U' if is_hex(text, at + 2, 8) => Some(How::Backslash),
            b'/' => Some(How::Backslash),
            b'0'..=b'3' if text.get(at + 2..at + 4)?.iter().all(|b| matches!(b, b'0'..=b'7')) => Some(How::Backslash),
            b'\n' => Some(How::Continued),
            b'\r' if text.get(at + 2) == Some(&b'\n') => Some(How::Continued),
            _ => None,
        },
        _ => {
            let names = [b"#".as_slice(), b"quot;", b"amp;", b"apos;", b"lt;", b"gt;"];
            names.iter().any(|name| text[at + 1..].starts_with(name)).then_some(How::Entity)
        }
    }
}

fn is_hex(text: &[u8], from: usize, digits: usize) -> bool {
    text.get(from..from + digits).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

/// Whether `=` begins a code of mail, which has no other `=`.
fn is_printable(text: &[u8], at: usize) -> bool {
    let digit = |b: u8| b.is_ascii_digit() || matches!(b, b'A'..=b'F');
    match text[at + 1..] {
        [b'\n', ..] | [b'\r', b'\n', ..] => true,
        [high @ (b'2'..=b'7' | b'C' | b'E'), low, ..] => digit(low) && high != low,
        _ => false,
    }
}

/// Notes the escape at `at`, which follows another: in a URL with a user's name and password, or in a row of them.
pub(super) fn row(text: &[u8], at: usize, noted: &mut Vec<Encoded>) {
    let how = match text[at] {
        b'%' => How::Percent,
        _ => How::Backslash,
    };
    if is_scheme(text, at) || is_row(text, at) {
        noted.push(Encoded { at, how });
    }
}

/// Whether a URL's `://` is at a sign's second code, and an `@` behind it.
fn is_scheme(text: &[u8], at: usize) -> bool {
    let (codes, end): (&[u8], &[u8]) = match text[at] {
        b'%' => (b"%3a%2f%2f", b"%40"),
        _ => (b":\\/\\/", b"@"),
    };
    let Some(start) = at.checked_sub(3) else { return false };
    if !text.get(start..start + codes.len()).is_some_and(|there| there.eq_ignore_ascii_case(codes)) {
        return false;
    }
    let behind = &text[start + codes.len()..text.len().min(start + USER_INFO)];
    let word = behind.iter().position(|b| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'<' | b'>'));
    memchr::memmem::find(&behind[..word.unwrap_or(behind.len())], end).is_some()
}

/// Whether codes of signs that can be read stand in a row, of which this is the second.
fn is_row(text: &[u8], at: usize) -> bool {
    let (begin, digits): (&[u8], usize) = match text.get(at + 1) {
        _ if text[at] == b'%' => (b"%", 2),
        Some(b'x') => (b"\\x", 2),
        Some(b'u') => (b"\\u00", 2),
        _ => return false,
    };
    let length = begin.len() + digits;
    let Some(row) = at.checked_sub(length).and_then(|start| text.get(start..start + ROW * length)) else {
        return false;
    };
    row.chunks_exact(length).all(|code| {
        code.starts_with(begin)
            && matches!(code[length - 2], b'2'..=b'7')
            && code[length - 1].is_ascii_hexdigit()
            && !code.eq_ignore_ascii_case(b"%20")
    })
}

/// Where the next piece of a string begins whose closing quote is at `quote`: behind the quote that opens it. Between them
/// stand blanks and line breaks, and the sign by which a language joins strings.
#[must_use]
pub fn next_piece(text: &[u8], quote: usize) -> Option<usize> {
    let sign = *text.get(quote)?;
    // What ends a piece can be no sign of code: `"," + "`.
    let last = *text.get(quote.checked_sub(1)?)?;
    if last.is_ascii_whitespace() || matches!(last, b'"' | b'\'' | b'(' | b'[' | b'{' | b',' | b'+' | b'\\') {
        return None;
    }
    let between = &text[quote + 1..text.len().min(quote + BETWEEN)];
    let blanks = |from: usize| between[from..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    let mut at = blanks(0);
    let apart = at > 0;
    let signs = JOINING.iter().find(|join| between[at..].starts_with(join)).map_or(0, |join| join.len());
    at += signs;
    at += blanks(at);
    // A line of Basic that goes on.
    if signs > 0 && between[at..].starts_with(b"_") {
        at += 1 + blanks(at + 1);
    }
    // A string's own prefix.
    if matches!(between.get(at..at + 2), Some([b'b' | b'f' | b'r' | b'u' | b'L' | b'@' | b'$', q]) if *q == sign) {
        at += 1;
    }
    let opens = between.get(at) == Some(&sign) && (apart || signs > 0) && at + 1 < between.len();
    let lines = memchr_iter(b'\n', &between[..at]).count();
    // Without a sign the next line begins a thing of its own, unless it is indented: `"a"="b"`, `"c"="d"`.
    if signs == 0
        && lines > 0
        && !matches!(between[at - 1], b' ' | b'\t' | b'b' | b'f' | b'r' | b'u' | b'L' | b'@' | b'$')
    {
        return None;
    }
    (opens && lines <= 2 && is_piece(&between[at + 1..], sign)).then_some(quote + 1 + at + 1)
}

/// The signs between two pieces of a string, the longer before those that they begin with.
const JOINING: [&[u8]; 10] = [b"++", b"+", b"..", b".", b"||", b"&", b"<>", b"~", b"^", b"\\"];

/// Whether a piece can begin so: not with what stands between two strings.
fn is_piece(text: &[u8], quote: u8) -> bool {
    text.first()
        .is_some_and(|b| *b != quote && !b.is_ascii_whitespace() && !matches!(b, b')' | b']' | b'}' | b',' | b';'))
}

/// Whether the quote at `quote` opens a string's next piece.
fn is_next_piece(text: &[u8], quote: usize) -> bool {
    let before = &text[quote.saturating_sub(BETWEEN)..quote];
    let joins = |b: u8| b.is_ascii_whitespace() || b"+.|&<>~^\\_bfruL@$".contains(&b);
    let Some(closing) = before.iter().rposition(|b| !joins(*b)) else { return false };
    before[closing] == text[quote] && next_piece(text, quote - before.len() + closing) == Some(quote + 1)
}

/// Whether behind a name, in `: >-` or `:` alone, the line ends and a value may begin in the next.
fn folds(behind: &[u8]) -> bool {
    let colon = behind.iter().position(|b| !matches!(b, b'"' | b'\''));
    let Some(rest) = colon.and_then(|colon| behind[colon..].strip_prefix(b":")) else { return false };
    let blanks = |text: &[u8]| text.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
    let rest = &rest[blanks(rest)..];
    let sign = rest.iter().take(4).take_while(|b| matches!(b, b'>' | b'|' | b'-' | b'+' | b'0'..=b'9')).count();
    let rest = &rest[sign..];
    matches!(rest[blanks(rest)..], [b'\n', b' ', ..])
}

/// Whether the run at `at` may be an encoded text.
fn may_begin(text: &[u8], at: usize) -> bool {
    let run = &text[at..];
    run.get(..HEX).is_some_and(is_hex_of_text)
        || run.get(..BASE64).is_some_and(|run| is_base64_of_text(run) || is_packed(run))
}

/// Of random bytes one in seventy million begin so.
fn is_base64_of_text(run: &[u8]) -> bool {
    let mut wide = 0;
    for four in run.chunks_exact(4) {
        let mut bits = 0u32;
        for b in four {
            let Some(six) = sextet(*b) else { return false };
            bits = bits << 6 | six;
        }
        for byte in bits.to_be_bytes().into_iter().skip(1) {
            match byte {
                b' '..=b'~' | b'\n' | b'\r' | b'\t' => {}
                // The upper half of UTF-16.
                0 => wide += 1,
                _ => return false,
            }
        }
    }
    wide == 0 || wide == 4 || wide == 5
}

/// Base64 of what gzip packed, or zlib at any of its levels.
fn is_packed(run: &[u8]) -> bool {
    match run {
        [b'H', b'4', b's', b'I', ..] => true,
        [b'e', level, next, ..] => match level {
            b'A' => matches!(next, b'E'..=b'H'),
            b'F' => matches!(next, b'4'..=b'7'),
            b'J' => matches!(next, b'w'..=b'z'),
            b'N' => matches!(next, b'o'..=b'r'),
            _ => false,
        },
        _ => false,
    }
}

fn is_hex_of_text(run: &[u8]) -> bool {
    run.chunks_exact(2).all(|two| {
        (matches!(two[0], b'2'..=b'7') && two[1].is_ascii_hexdigit()) || matches!(two, b"0a" | b"0A" | b"0d" | b"0D" | b"09")
    })
        // A row of digits is a number.
        && run.iter().any(u8::is_ascii_alphabetic)
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

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn text_is_told_from_keys_and_names() {
        let of = |text: &[u8]| may_begin(STANDARD.encode(text).as_bytes(), 0);
        assert!(of(b"password=hunter2"));
        assert!(of(b"{\"auths\":\n {}}"));
        assert!(of("p\0a\0s\0s\0w\0o\0r\0d\0".as_bytes()));
        assert!(may_begin(b"70617373776f72643d78797a31", 0));
        assert!(may_begin(b"H4sIAAAAAAAAA0tMSgYAwkEkNQMAAAA=", 0));
        for other in [
            "some_function_name_of",
            "AnotherNameOfSomething",
            "d41d8cd98f00b204e9800998ecf8427e",
            "iVBORw0KGgoAAAANSUhEUg",
            "34567654345676543456765434",
        ] {
            assert!(!may_begin(other.as_bytes(), 0), "{other}");
        }
        assert!(!of(&[0x89, 0x50, 0x4e, 0x47, 1, 2, 3, 4, 5, 6]));
    }

    fn noted(text: &str, keyword: &str) -> Vec<How> {
        let at = text.find(keyword).unwrap();
        let mut noted = Vec::new();
        beside(text.as_bytes(), &(at..at + keyword.len()), &mut noted);
        noted.into_iter().map(|one| one.how).collect()
    }

    #[test]
    fn codes_beside_a_keyword_are_noted() {
        for (text, how) in [
            ("%22password%22%3A%22x", How::Percent),
            (r"\u0022password\u0022:", How::Backslash),
            (r"password = \x41\x42", How::Backslash),
            (r"password = \101\102", How::Backslash),
            ("password&quot;:&quot;x", How::Entity),
            ("password&#61;x", How::Entity),
            ("password=3Dxyzabc", How::Printable),
            ("password=3Dxyzabc=\r\nabc", How::Printable),
            ("password = \"abc\" + \"def\"", How::Joined),
            ("password = ('abc'\n    'def')", How::Joined),
            ("password = \"abc\" & _\r\n  \"def\"", How::Joined),
            ("password=abcdef\\\n  def", How::Continued),
            ("password: >-\n  abc", How::Folded),
            ("\"password\":\n  abc", How::Folded),
            ("\"Password\"=hex:41,00", How::Bytes),
        ] {
            let keyword = if text.contains("Password") { "Password" } else { "password" };
            assert_eq!(noted(text, keyword), [how], "{text}");
        }
    }

    #[test]
    fn ordinary_code_is_not_noted() {
        for text in [
            "printf(\"password: %s\\n\", password);",
            "password = \"abc\", user = \"def\"",
            "if password == x && y { z }",
            "password = read(\"a\") + suffix",
            "password.split(\"+\")",
            "password = \"it\"\"s\"",
            "{\\\"password\\\": \\\"abc\\\"}",
            "f(\"password\", \"abc\")",
            "password: abc\nuser: def",
            "password=a1&user=b2",
            "\"password\"=\"abc\"\r\n\"user\"=\"def\"",
        ] {
            assert_eq!(noted(text, "password"), [], "{text}");
        }
    }

    #[test]
    fn rows_of_codes_are_told_from_formats() {
        let noted = |text: &str| {
            let mut noted = Vec::new();
            let escapes = memchr::memchr2_iter(b'%', b'\\', text.as_bytes()).skip(1);
            escapes.for_each(|at| row(text.as_bytes(), at, &mut noted));
            !noted.is_empty()
        };
        assert!(noted("https%3A%2F%2Fuser%3Aword%40example.com"));
        assert!(noted(r"https:\/\/user:word@example.com"));
        assert!(noted(r"\x70\x61\x73\x73\x77\x6f\x72\x64") && noted("%70%61%73%73%77%6f"));
        assert!(noted(r"\u0070\u0061\u0073\u0073\u0077\u006f"));
        for other in [
            "%d%d%d%d%d%d%d",
            r"\n\n\n\n\n\n",
            r"\x89\x50\x4e\x47\x0d\x0a",
            "https%3A%2F%2Fexample.com",
            r"a:\/\/b c@d",
        ] {
            assert!(!noted(other), "{other}");
        }
    }

    #[test]
    fn a_long_piece_tells_that_it_is_one() {
        let text = "x(\"abcd\" +\n  \"0123456789abcdefghij\")";
        let mut noted = Vec::new();
        let at = text.find("0123").unwrap();
        run(text.as_bytes(), at, true, &mut noted);
        assert_eq!(noted, [Encoded { at, how: How::Joined }]);
    }
}
