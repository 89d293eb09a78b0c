//! Passphrases: a few words that were drawn, which is no sentence.

use super::value::names_a_state;
use crate::assign::names_phrase;

/// Words that sentences have, and lists of drawn words do not.
const OF_SENTENCES: [&[u8]; 35] = [
    b"the", b"and", b"are", b"for", b"your", b"this", b"that", b"not", b"must", b"with", b"from", b"has", b"have",
    b"can", b"will", b"should", b"when", b"you", b"all", b"any", b"use", b"see", b"ask", b"was", b"been", b"than",
    b"least", b"into", b"only", b"our", b"new", b"please", b"where", b"which", b"does",
];

/// `walnut harbor meadow falcon`, `walnut-harbor-meadow`, beside a name of a passphrase.
pub(super) fn is_phrase(name: &[u8], value: &[u8]) -> bool {
    if !names_phrase(name) || value.len() > 80 {
        return false;
    }
    let sign = if value.contains(&b' ') { b' ' } else { b'-' };
    let (least, shortest) = if sign == b' ' { (4, 3) } else { (3, 4) };
    let words: Vec<&[u8]> = value.split(|b| *b == sign).collect();
    (least..=8).contains(&words.len())
        && words.iter().all(|word| word.len() >= shortest && word.iter().all(u8::is_ascii_lowercase))
        && !words.iter().any(|word| OF_SENTENCES.contains(word) || names_a_state(word))
}

/// `BORG_PASSPHRASE='walnut bridge meadow falcon'`: four words beside a constant.
pub(super) fn is_phrase_of_setting(name: &[u8], value: &[u8]) -> bool {
    value.iter().all(|b| b.is_ascii_lowercase() || *b == b' ')
        && value.iter().filter(|b| **b == b' ').count() == 3
        && !name.iter().any(u8::is_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_words_are_no_sentence() {
        for value in ["walnut harbor meadow falcon", "walnut-harbor-meadow"] {
            assert!(is_phrase(b"disk_passphrase", value.as_bytes()), "{value}");
            assert!(!is_phrase(b"password", value.as_bytes()), "{value}");
        }
        for value in [
            "walnut harbor",
            "must have four words",
            "enter your disk passphrase",
            "a-b-c",
            "Walnut harbor meadow falcon",
        ] {
            assert!(!is_phrase(b"passphrase", value.as_bytes()), "{value}");
        }
    }
}
