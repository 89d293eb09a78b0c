//! Azure's identifiable keys: base64 of random bytes, a signature of four letters and a checksum. How they are made is
//! published in Microsoft's security-utilities (github.com/microsoft/security-utilities, `IdentifiableSecrets`); the
//! checksum is Marvin32 over all bytes before it, seeded with a name of eight letters that tells the kind of key.

use base64::Engine as _;

use super::Verdict;
use super::lenient::{STANDARD, URL_SAFE};

/// The checksum's length in bytes, and as base64 without padding.
const SUM: usize = 4;
const SUM_LETTERS: usize = 6;

/// A kind of key: its signature, and the seeds that are published for it.
struct Kind {
    signature: &'static [u8; 4],
    seeds: &'static [[u8; 8]],
}

/// `IdentifiableMetadata` of the same library, where a seed is written as the number that these letters are.
const KINDS: &[Kind] = &[
    Kind { signature: b"+ASt", seeds: &[*b"Default0"] },
    Kind { signature: b"+ABa", seeds: &[*b"AbAcct00"] },
    Kind { signature: b"+AMC", seeds: &[*b"Classic0"] },
    Kind {
        signature: b"ACDb",
        seeds: &[*b"MastRW00", *b"MastRO00", *b"SystRW00", *b"SystRO00", *b"SysAll00", *b"Resour00", *b"Encryp00"],
    },
    // What is published for subscriptions is the seed of IoT hubs.
    Kind { signature: b"APIM", seeds: &[*b"Tenant00", *b"IoTHub00", *b"Gateway0", *b"GitKey00"] },
    Kind { signature: b"AIoT", seeds: &[*b"IoTHub00", *b"DpsKey00", *b"Device00"] },
    Kind { signature: b"+ASb", seeds: MESSAGING },
    Kind { signature: b"+AEh", seeds: MESSAGING },
    Kind { signature: b"+ARm", seeds: MESSAGING },
    Kind { signature: b"AzSe", seeds: &[*b"Query000", *b"PAdmin00"] },
    Kind { signature: b"AzFu", seeds: &[*b"Functi00", *b"System00", *b"Master00"] },
    Kind { signature: b"+ACR", seeds: &[*b"ACRDflt0"] },
    // Some of these had signs replaced after they were made, and how is not told: see `REPLACED`.
    Kind { signature: REPLACED, seeds: &[*b"Access00"] },
];

const MESSAGING: &[[u8; 8]] = &[*b"Send0000", *b"Listen00", *b"Manage00", *b"System00", *b"Unknown0"];

/// Keys of Redis, of which a mismatch says nothing.
const REPLACED: &[u8; 4] = b"AzCa";

/// The newer, annotated keys: what stands behind 52 letters, the bytes under the checksum, and the seed of all of them.
/// How they are laid out was changed while some were in use already, so that a mismatch says nothing.
const ANNOTATED: &[u8] = b"JQQJ99";
const ANNOTATED_AT: usize = 52;
const ANNOTATED_BYTES: usize = 60;
const ANNOTATED_SEED: [u8; 8] = *b"Default0";

/// Marvin32 (`lib/marvin32.c` of Microsoft's SymCrypt), its two halves combined as .NET does for a hash of 32 bits.
fn marvin32(bytes: &[u8], seed: [u8; 8]) -> u32 {
    let (high, low) = marvin(bytes, u64::from_be_bytes(seed));
    high ^ low
}

fn marvin(bytes: &[u8], seed: u64) -> (u32, u32) {
    #[allow(clippy::cast_possible_truncation, reason = "the two halves")]
    let (mut low, mut high) = (seed as u32, (seed >> 32) as u32);
    let mut block = |word: u32| {
        low = low.wrapping_add(word);
        high ^= low;
        low = low.rotate_left(20).wrapping_add(high);
        high = high.rotate_left(9) ^ low;
        low = low.rotate_left(27).wrapping_add(high);
        high = high.rotate_left(19);
    };
    let (words, rest) = bytes.as_chunks::<4>();
    words.iter().for_each(|word| block(u32::from_le_bytes(*word)));
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    last[rest.len()] = 0x80;
    block(u32::from_le_bytes(last));
    block(0);
    (high, low)
}

/// What its checksum says of a key.
pub(super) fn key(value: &[u8]) -> Verdict {
    if value.get(ANNOTATED_AT..ANNOTATED_AT + ANNOTATED.len()) == Some(ANNOTATED) {
        // The checksum's last byte is written in the longer form only.
        let holds = STANDARD.decode(value).is_ok_and(|bytes| {
            let sum = bytes.get(..ANNOTATED_BYTES).map(|bytes| marvin32(bytes, ANNOTATED_SEED).to_le_bytes());
            let written = bytes.get(ANNOTATED_BYTES..).unwrap_or_default();
            sum.is_some_and(|sum| matches!(written.len(), 3 | 4) && sum.starts_with(written))
        });
        return if holds { Verdict::Certain } else { Verdict::Pass };
    }
    let letters = value.iter().position(|b| *b == b'=').map_or(value, |end| &value[..end]);
    let Some(kind) = letters.len().checked_sub(SUM_LETTERS).and_then(|end| kind(&letters[..end])) else {
        return Verdict::Pass;
    };
    let Some(bytes) = decode(letters) else { return Verdict::Reject };
    let Some((bytes, sum)) = bytes.split_last_chunk::<SUM>() else { return Verdict::Reject };
    match kind.seeds.iter().any(|seed| marvin32(bytes, *seed).to_le_bytes() == *sum) {
        true => Verdict::Certain,
        false if kind.signature == REPLACED => Verdict::Pass,
        false => Verdict::Reject,
    }
}

/// Of a key that ends with its signature.
fn kind(start: &[u8]) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| start.ends_with(kind.signature))
}

/// Keys of Functions are written for URLs.
fn decode(letters: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(letters).or_else(|_| URL_SAFE.decode(letters)).ok()
}

/// What belongs behind the signature that `start` ends with, with its padding.
pub(super) fn complete(start: &[u8]) -> Option<Vec<u8>> {
    let kind = kind(start)?;
    // Where the signature ends inside a byte, zeros fill it.
    let whole = (start.len() * 6).div_ceil(8);
    let mut padded = start.to_vec();
    padded.resize((whole * 8).div_ceil(6), b'A');
    let mut bytes = decode(&padded)?;
    bytes.truncate(whole);
    bytes.extend(marvin32(&bytes, *kind.seeds.first()?).to_le_bytes());
    let text = if kind.signature == b"AzFu" { URL_SAFE.encode(&bytes) } else { STANDARD.encode(&bytes) };
    Some(text.into_bytes().split_off(start.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marvin_agrees_with_the_published_vectors() {
        // Of .NET's own tests of `System.Marvin`, with one seed and texts of each length modulo four.
        let seed = 0x004F_B61A_001B_DBCC;
        for (bytes, sum) in [
            (&b""[..], 0x30ED_35C1_00CD_3C7D_u64),
            (&[0xAF], 0x48E7_3FC7_7D75_DDC1),
            (&[0xE7, 0x0F], 0xB5F6_E1FC_485D_BFF8),
            (&[0x37, 0xF4, 0x95], 0xF0B0_7C78_9B8C_F7E8),
            (&[0x86, 0x42, 0xDC, 0x59], 0x7008_F2E8_7E9C_F556),
        ] {
            let (high, low) = marvin(bytes, seed);
            assert_eq!(u64::from(high) << 32 | u64::from(low), sum, "{bytes:x?}");
        }
    }

    #[test]
    fn a_changed_letter_breaks_the_checksum() {
        for (letters, signature, total) in
            [(76, "+ASt", 88), (76, "ACDb", 88), (33, "+ASb", 44), (42, "AzSe", 52), (44, "AzFu", 56)]
        {
            let mut token = "q7".repeat(letters / 2 + 1).into_bytes();
            token.truncate(letters);
            token.extend(signature.as_bytes());
            token.extend(complete(&token).unwrap());
            assert_eq!(token.len(), total, "{signature}");
            assert_eq!(key(&token), Verdict::Certain, "{signature}");
            token[3] = b'x';
            assert_eq!(key(&token), Verdict::Reject, "{signature}");
        }
    }

    #[test]
    fn a_mismatch_says_nothing_where_the_scheme_is_not_certain() {
        let redis = format!("{}AzCaA12345=", "q7k".repeat(11));
        assert_eq!(key(redis.as_bytes()), Verdict::Pass);
        let start = format!("{}JQQJ99BAACYeBjFXJ3w3AAABACOG", "q7".repeat(26));
        let sum = marvin32(&STANDARD.decode(&start).unwrap(), ANNOTATED_SEED).to_le_bytes();
        for written in [STANDARD.encode(&sum[..3]), STANDARD.encode(sum)] {
            assert_eq!(key(format!("{start}{written}").as_bytes()), Verdict::Certain);
        }
        assert_eq!(key(format!("{start}AAAA").as_bytes()), Verdict::Pass);
    }
}
