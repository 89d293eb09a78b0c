//! Passphrases: a few words that were drawn, which is no sentence.

use super::value::names_a_state;

/// Words that sentences have, and lists of drawn words do not.
const OF_SENTENCES: [&[u8]; 35] = [
    b"the", b"and", b"are", b"for", b"your", b"this", b"that", b"not", b"must", b"with", b"from", b"has", b"have",
    b"can", b"will", b"should", b"when", b"you", b"all", b"any", b"use", b"see", b"ask", b"was", b"been", b"than",
    b"least", b"into", b"only", b"our", b"new", b"please", b"where", b"which", b"does",
];

/// `walnut harbor meadow falcon`, `walnut-harbor-meadow`, beside a name of a passphrase.
pub(super) fn is_phrase(name: &[u8], value: &[u8]) -> bool {
    let named = name.len() >= 6 && name[name.len() - 6..].eq_ignore_ascii_case(b"phrase");
    if !named || value.len() > 80 {
        return false;
    }
    let sign = if value.contains(&b' ') { b' ' } else { b'-' };
    let (least, shortest) = if sign == b' ' { (4, 3) } else { (3, 4) };
    let words: Vec<&[u8]> = value.split(|b| *b == sign).collect();
    (least..=8).contains(&words.len())
        && words.iter().all(|word| word.len() >= shortest && word.iter().all(u8::is_ascii_lowercase))
        && !words.iter().any(|word| OF_SENTENCES.contains(word) || names_a_state(word))
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
