//! The checksum of BIP 173 (bech32): age's keys, Nostr's, and what else is written as a name, a `1`, and letters of one case.

use super::Verdict;

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// How many letters of a text are its checksum.
const SUM: usize = 6;

fn polymod(values: impl Iterator<Item = u8>) -> u32 {
    values.fold(1, |sum, value| {
        let top = sum >> 25;
        let shifted = (sum & 0x01ff_ffff) << 5 ^ u32::from(value);
        [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3]
            .iter()
            .enumerate()
            .fold(shifted, |sum, (bit, generator)| if top >> bit & 1 == 1 { sum ^ generator } else { sum })
    })
}

/// The values of a text that are summed: those of its name, and of the letters behind the last `1`.
fn values(text: &[u8]) -> Option<Vec<u8>> {
    let lower = text.to_ascii_lowercase();
    let mixed = text.iter().any(u8::is_ascii_lowercase) && text.iter().any(u8::is_ascii_uppercase);
    let one = lower.iter().rposition(|b| *b == b'1').filter(|at| *at > 0 && !mixed)?;
    let (name, letters) = (&lower[..one], &lower[one + 1..]);
    let mut all: Vec<u8> = name.iter().map(|b| b >> 5).chain([0]).chain(name.iter().map(|b| b & 31)).collect();
    for letter in letters {
        all.push(u8::try_from(ALPHABET.iter().position(|known| known == letter)?).ok()?);
    }
    Some(all)
}

pub(super) fn check(text: &[u8]) -> Verdict {
    match values(text) {
        Some(values) if polymod(values.iter().copied()) == 1 => Verdict::Certain,
        _ => Verdict::Reject,
    }
}

/// The letters that belong behind a text, in its case.
pub(super) fn complete(text: &[u8]) -> Option<Vec<u8>> {
    let sum = polymod(values(text)?.into_iter().chain([0; SUM])) ^ 1;
    let letters = (0..SUM).map(|at| ALPHABET[(sum >> (5 * (SUM - 1 - at)) & 31) as usize]);
    let upper = text.iter().any(u8::is_ascii_uppercase);
    Some(letters.map(|b| if upper { b.to_ascii_uppercase() } else { b }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_agree_with_bip_173() {
        for valid in ["A12UEL5L", "a12uel5l", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", "?1ezyfcl"] {
            assert_eq!(check(valid.as_bytes()), Verdict::Certain, "{valid}");
            let cut = &valid.as_bytes()[..valid.len() - SUM];
            assert_eq!(complete(cut).unwrap(), valid.as_bytes()[cut.len()..], "{valid}");
        }
        for invalid in ["A12UEL5M", "a12UEL5L", "1pzry9x0s0muk", "10a06t8", "abc", "", "x1b4n0q5v"] {
            assert_eq!(check(invalid.as_bytes()), Verdict::Reject, "{invalid}");
        }
    }
}
