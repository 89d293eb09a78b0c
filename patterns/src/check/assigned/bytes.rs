//! Values that are written as codes of their bytes: keys as lists (`{ 0x3a, 0x91, … }`, `[58, 145, …]`), and texts (`"\\x4b\\x70"`).

use super::cipher::names_cipher;
use super::name::{is_key_word, name_is_about, name_words};
use crate::check::{Candidate, Verdict};
use crate::rule::Confidence;

/// The fewest and the most bytes of a key.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=128;

/// The bytes that a list has, if it is one: numbers of one byte, and commas.
pub(super) fn listed(value: &[u8]) -> Option<Vec<u8>> {
    // Most values are told by their first bytes.
    if !matches!(value.first()?, b'0'..=b'9' | b'(') || !value.iter().take(14).any(|b| *b == b',') {
        return None;
    }
    let number = |part: &[u8]| {
        let part = part.trim_ascii();
        let part = part.strip_prefix(b"(byte)").unwrap_or(part).trim_ascii_start();
        let part = std::str::from_utf8(part).ok()?;
        match part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
            Some(hex) => u8::from_str_radix(hex, 16).ok(),
            None => part.parse().ok(),
        }
    };
    let body = value.trim_ascii_end();
    let body = body.strip_suffix(b",").unwrap_or(body);
    let bytes: Vec<u8> = body.split(|b| *b == b',').map(number).collect::<Option<_>>()?;
    LENGTHS.contains(&bytes.len()).then_some(bytes)
}

/// Whether a machine drew them: most differ, and they are no row of numbers.
fn are_drawn(bytes: &[u8]) -> bool {
    let mut seen = [false; 256];
    bytes.iter().for_each(|b| seen[usize::from(*b)] = true);
    let different = seen.iter().filter(|seen| **seen).count();
    let steps: Vec<u8> = bytes.windows(2).map(|two| two[1].wrapping_sub(two[0])).collect();
    let alike = steps.iter().filter(|step| **step == steps[0]).count();
    // No text has bytes beyond ASCII in the same row.
    LENGTHS.contains(&bytes.len())
        && different * 4 >= bytes.len().min(64) * 3
        && alike * 2 < steps.len()
        && bytes.iter().any(|b| *b >= 0x80)
}

/// A value that somebody wrote as codes, for the most part: `\x4b\x70`, `\u0053\u0062`.
pub(super) fn unescaped(value: &[u8]) -> Option<Vec<u8>> {
    let coded = |at: usize| matches!(value.get(at + 1), Some(b'x' | b'u'));
    let codes = memchr::memchr_iter(b'\\', value).filter(|at| coded(*at)).count();
    if codes < 4 || codes * 8 < value.len() {
        return None;
    }
    let code = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    let (mut plain, mut rest) = (Vec::new(), value);
    while let Some((first, after)) = rest.split_first() {
        let decoded = match rest {
            [b'\\', b'x', one, two, ..] => code(&[*one, *two]).map(|b| (b, 4)),
            [b'\\', b'u', b'0', b'0', one, two, ..] => code(&[*one, *two]).map(|b| (b, 6)),
            _ => None,
        };
        let (byte, length) = decoded.unwrap_or((*first, 1));
        plain.push(byte);
        rest = if length == 1 { after } else { &rest[length..] };
    }
    Some(plain)
}

/// A key or what belongs to it, as a list of bytes.
pub(super) fn judge_bytes(candidate: &Candidate<'_>, bytes: &[u8]) -> Verdict {
    let Some(name) = candidate.name else { return Verdict::Reject };
    let words = name_words(name);
    let Some(last) = words.last() else { return Verdict::Reject };
    // A key of nothing is one of a table of test vectors.
    let lone = words.len() == 1 && matches!(last.as_str(), "key" | "iv" | "secret" | "token");
    let known = !lone && (is_key_word(last) || names_cipher(&words));
    if !known || !are_drawn(bytes) || name_is_about(name, &words) {
        return Verdict::Reject;
    }
    Verdict::Is(Confidence::Likely)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_bytes_are_read() {
        let drawn = listed(b"0x3a, 0x91,0x07, 0xEE, 18, 0xc4, 0x5d, 0xf0,").unwrap();
        assert_eq!(drawn, [0x3a, 0x91, 0x07, 0xee, 18, 0xc4, 0x5d, 0xf0]);
        assert!(are_drawn(&drawn));
        assert_eq!(listed(b"(byte) 0x3a, (byte)0x91, (byte) 7, 238, 18, 0xc4, 0x5d, 0xf0").unwrap(), drawn);
        assert!(!are_drawn(&[0, 1, 2, 3, 4, 5, 6, 250]));
        assert!(!are_drawn(&[0; 16]));
        for value in ["1,2,3", "0x3a, x", "1, 2, 300, 4, 5, 6, 7, 8", "12", ""] {
            assert_eq!(listed(value.as_bytes()), None, "{value}");
        }
    }
}
