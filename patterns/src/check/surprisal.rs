//! How surprising a text is to who knows names, words and paths: what a machine drew surprises, `correctHorseBattery` does
//! not. Shannon entropy of a text's own characters cannot tell the two apart.
//!
//! The model is the cost of each character after the two before it, in sixteenths of a bit, counted in source and
//! documentation by `surprisal/train`, which also prints how well it tells random texts from names: of names of 16 to 31
//! characters four in a thousand come above 4.6 bits a character, of random letters and digits all.

/// In hundredths of a bit a character: of names four in a thousand surprise so much, and nearly all of what is drawn.
pub(super) const DRAWN: u32 = 460;
/// Of short names one in a hundred.
pub(super) const SURELY_DRAWN: u32 = 520;
/// Of names one in seventy, of what is drawn all.
pub(super) const PERHAPS_DRAWN: u32 = 400;

/// a to z, digit, boundary, other sign, edge.
const SYMBOLS: usize = 30;
const DIGIT: usize = 26;
const BOUNDARY: usize = 27;
const OTHER: usize = 28;
const EDGE: usize = 29;

static MODEL: &[u8; SYMBOLS * SYMBOLS * SYMBOLS] = include_bytes!("../../surprisal/model.bin");

/// Hundredths of a bit a character, of a text that is no hex: that surprises too little with its sixteen symbols.
pub(crate) fn surprisal(text: &[u8]) -> u32 {
    let (mut one, mut two) = (EDGE, EDGE);
    let (mut cost, mut count) = (0u32, 0u32);
    let mut take = |symbol: usize| {
        cost += u32::from(MODEL[(one * SYMBOLS + two) * SYMBOLS + symbol]);
        count += 1;
        (one, two) = (two, symbol);
    };
    let mut small = false;
    for b in text {
        if b.is_ascii_uppercase() && small {
            take(BOUNDARY);
        }
        take(match b {
            b'a'..=b'z' | b'A'..=b'Z' => usize::from(b.to_ascii_lowercase() - b'a'),
            b'0'..=b'9' => DIGIT,
            b'_' | b'-' | b'.' | b'/' | b':' | b' ' => BOUNDARY,
            _ => OTHER,
        });
        small = b.is_ascii_lowercase();
    }
    cost * 100 / (16 * count.max(1))
}

/// Whether letters alone are no word of any language or code that the model knows. The fewer, the oftener words surprise as
/// much: of drawn ones of six letters one in twenty is taken for a word, of eight one in a hundred.
pub(super) fn is_drawn_word(text: &[u8]) -> bool {
    let least = match text.len() {
        ..6 => return false,
        6..8 => 620,
        8..12 => 560,
        _ => SURELY_DRAWN,
    };
    if !text.iter().all(u8::is_ascii_alphabetic) {
        return false;
    }
    // Names turn from small letters to capitals and back at each word, what is drawn everywhere: `XMLHttpReq` surprises too,
    // and so does a word of another language, which a label begins with a capital.
    let turns = text.windows(2).filter(|w| w[0].is_ascii_lowercase() != w[1].is_ascii_lowercase()).count();
    let named = (1..3).contains(&turns) && text.len() < 12;
    !named && surprisal(text) >= least
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Draw, draw};

    #[test]
    fn what_a_machine_drew_surprises() {
        for name in [
            "correctHorseBattery",
            "get_user_by_name",
            "kubernetes.io/service-account",
            "PasswordAuthenticator",
            "some-long-name-2",
        ] {
            assert!(surprisal(name.as_bytes()) < 420, "{name} {}", surprisal(name.as_bytes()));
        }
        for shape in ["<base62:20>", "<base64:24>", "<lower:20>", "<base36:24>"] {
            for seed in 0..256 {
                let text = draw(shape, &[], &mut Draw::new(seed)).unwrap();
                assert!(surprisal(&text) > 440, "{} {}", String::from_utf8_lossy(&text), surprisal(&text));
            }
        }
        assert_eq!(surprisal(b""), 0);
    }
}
