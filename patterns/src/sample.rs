//! Texts drawn from shapes, so that no realistic token is ever written down.
//!
//! A shape is text with parts in angle brackets: `ghp_<base62:30><checksum>` draws thirty letters and digits and
//! completes the checksum that the rule's check asks for. `<<` is a plain `<`.
//!
//! | part | draws |
//! |---|---|
//! | `<base62:20>`, `<base62:20-40>` | letters and digits, exactly or between so many |
//! | `base64` `base64url` `base58` `base32` `bech32` `base36` `hex` `HEX` `digit` `lower` `upper` `alpha` `ALNUM` | the like |
//! | `<uuid>` | a random UUID |
//! | `<password>` | what a person might choose |
//! | `<word>` | one of a few words |
//! | `<jwt>` | a JSON Web Token |
//! | `<basic>` | base64 of `user:password` |
//! | `<pem>` | lines of base64, as in a key file |
//! | `<checksum>` | what the rule's checksum asks for after all that precedes it in the token |

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::check;
use crate::rule::Check;

/// A small generator (splitmix64): same seed, same text.
#[derive(Debug, Clone)]
pub struct Draw(u64);

impl Draw {
    /// Begins at a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap_or(0)
    }

    fn letters(&mut self, alphabet: &[u8], count: usize) -> Vec<u8> {
        (0..count).map(|_| alphabet[self.below(alphabet.len())]).collect()
    }
}

/// Why a shape cannot be drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// A bracket without its end.
    #[error("the shape '{0}' has a '<' that is not closed; write '<<' for a plain one")]
    Open(String),
    /// An unknown part.
    #[error("the shape has an unknown part '<{0}>'")]
    Unknown(String),
    /// A checksum without a rule that has one.
    #[error("'<checksum>' needs a rule with a checksum among its checks")]
    Checksum,
}

const WORDS: &[&str] =
    &["harbor", "violet", "anchor", "copper", "meadow", "falcon", "timber", "orchid", "planet", "walnut"];

/// Draws a text. `checks` are those of the rule it is a sample of.
///
/// ```
/// use oakum_patterns::sample::{Draw, draw};
/// let text = draw("acme_<hex:8>", &[], &mut Draw::new(1)).unwrap();
/// assert_eq!(text.len(), 13);
/// ```
///
/// # Errors
/// A shape that says what cannot be drawn.
pub fn draw(shape: &str, checks: &[Check], random: &mut Draw) -> Result<Vec<u8>, ShapeError> {
    let mut out = Vec::new();
    // Where the token began that a checksum completes: after the last byte that no token holds.
    let mut token = 0;
    let mut rest = shape;
    while let Some(at) = rest.find('<') {
        push_text(&mut out, &rest.as_bytes()[..at], &mut token);
        rest = &rest[at + 1..];
        if let Some(tail) = rest.strip_prefix('<') {
            push_text(&mut out, b"<", &mut token);
            rest = tail;
            continue;
        }
        let end = rest.find('>').ok_or_else(|| ShapeError::Open(shape.to_owned()))?;
        let part = &rest[..end];
        rest = &rest[end + 1..];
        if part == "checksum" {
            let sum = checks.iter().find_map(|c| check::complete(*c, &out[token..])).ok_or(ShapeError::Checksum)?;
            out.extend(sum);
        } else {
            out.extend(one(part, random)?);
        }
    }
    push_text(&mut out, rest.as_bytes(), &mut token);
    Ok(out)
}

fn push_text(out: &mut Vec<u8>, text: &[u8], token: &mut usize) {
    // Padding between two parts is of the token.
    if text == b"=" {
        return out.extend_from_slice(text);
    }
    if let Some(last) =
        text.iter().rposition(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'+')))
    {
        *token = out.len() + last + 1;
    }
    out.extend_from_slice(text);
}

fn one(part: &str, random: &mut Draw) -> Result<Vec<u8>, ShapeError> {
    let unknown = || ShapeError::Unknown(part.to_owned());
    let (kind, count) = part.split_once(':').unwrap_or((part, ""));
    if let Some(alphabet) = alphabet(kind) {
        let (low, high) = count.split_once('-').unwrap_or((count, count));
        let (low, high): (usize, usize) = (low.parse().map_err(|_| unknown())?, high.parse().map_err(|_| unknown())?);
        let n = low + random.below(high.checked_sub(low).ok_or_else(unknown)? + 1);
        return Ok(random.letters(alphabet, n));
    }
    Ok(match kind {
        "uuid" => [8, 4, 4, 4, 12].map(|n| random.letters(b"0123456789abcdef", n)).join(&b'-'),
        "word" => WORDS[random.below(WORDS.len())].as_bytes().to_vec(),
        "password" => password(random),
        "jwt" => jwt(random),
        "basic" => {
            let mut pair = [WORDS[random.below(WORDS.len())].as_bytes(), b":"].concat();
            pair.extend(password(random));
            STANDARD.encode(pair).into_bytes()
        }
        "pem" => {
            let lines = 6 + random.below(20);
            let mut text: Vec<u8> = (0..lines)
                .flat_map(|_| [random.letters(alphabet("base64").unwrap_or_default(), 64), b"\n".to_vec()].concat())
                .collect();
            text.extend(random.letters(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 30));
            text.extend(b"==\n");
            text
        }
        _ => return Err(unknown()),
    })
}

fn password(random: &mut Draw) -> Vec<u8> {
    let mut text = WORDS[random.below(WORDS.len())].to_owned();
    text[..1].make_ascii_uppercase();
    text.push(char::from(b"!$%&*?"[random.below(6)]));
    let mut text = text.into_bytes();
    text.extend(random.letters(b"23456789", 3));
    text
}

fn jwt(random: &mut Draw) -> Vec<u8> {
    let subject: Vec<u8> = random.letters(b"0123456789abcdef", 12);
    let claims =
        format!("{{\"sub\":\"{}\",\"iat\":17{:08}}}", String::from_utf8_lossy(&subject), random.below(100_000_000));
    let sign: Vec<u8> = (0..32).map(|_| random.next().to_le_bytes()[0]).collect();
    [
        URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#),
        URL_SAFE_NO_PAD.encode(claims),
        URL_SAFE_NO_PAD.encode(sign),
    ]
    .join(".")
    .into_bytes()
}

fn alphabet(kind: &str) -> Option<&'static [u8]> {
    Some(match kind {
        "base62" => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        "base64" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "base64url" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        "base58" => b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
        "base32" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
        "bech32" => b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
        "base36" => b"0123456789abcdefghijklmnopqrstuvwxyz",
        "hex" => b"0123456789abcdef",
        "HEX" => b"0123456789ABCDEF",
        "digit" => b"0123456789",
        "lower" => b"abcdefghijklmnopqrstuvwxyz",
        "upper" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "alpha" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        "ALNUM" => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_text() {
        let text = |seed| draw("a-<base62:20>-<uuid>-<password>", &[], &mut Draw::new(seed)).unwrap();
        assert_eq!(text(7), text(7));
        assert_ne!(text(7), text(8));
    }

    #[test]
    fn a_shape_that_cannot_be_drawn_says_so() {
        let fails = |shape| draw(shape, &[], &mut Draw::new(1)).unwrap_err();
        assert_eq!(fails("a<hex:8"), ShapeError::Open("a<hex:8".into()));
        assert_eq!(fails("<nope>"), ShapeError::Unknown("nope".into()));
        assert_eq!(fails("<hex:9-3>"), ShapeError::Unknown("hex:9-3".into()));
        assert_eq!(fails("x<checksum>"), ShapeError::Checksum);
    }
}
