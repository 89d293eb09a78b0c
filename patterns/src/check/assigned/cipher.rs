//! What belongs to a cipher, whose length tells it: keys of AES and DES, initialisation vectors, salts.

use super::super::surprisal::{DRAWN, SURELY_DRAWN, is_drawn_word, surprisal};
use super::value::joined_words;

/// Words of names of what encrypts.
const CIPHERS: [&str; 18] = [
    "encrypt",
    "encryption",
    "aes",
    "des",
    "crypt",
    "crypto",
    "cipher",
    "iv",
    "initvector",
    "vector",
    "rijndael",
    "deskey",
    "aeskey",
    "encryptionkey",
    "cryptkey",
    "aesiv",
    "merchant",
    "merchantkey",
];

/// `aes_key`, `initVector`.
pub(super) fn names_cipher(words: &[String]) -> bool {
    words.iter().any(|word| CIPHERS.contains(&word.as_str()))
}

/// `IV = "0653358378823771"`, a salt of 128 bits as one number: digits that are no number in code.
pub(super) fn is_number_of_cipher(name: &[u8], value: &[u8]) -> bool {
    let last = super::name::name_words(name).pop().unwrap_or_default();
    value.iter().all(u8::is_ascii_digit)
        && ((value.len() == 16 && is_vector(&last)) || (value.len() >= 30 && matches!(last.as_str(), "salt" | "pepper")))
        // Not `1234…`, and not `0000…`.
        && value.windows(2).filter(|two| two[1] == two[0] || two[1] == two[0] + 1).count() * 2 < value.len()
}

fn is_vector(word: &str) -> bool {
    matches!(word, "iv" | "initvector" | "vector" | "aesiv")
}

/// A key of sixteen, 24 or 32 characters, or of eight for DES, that a machine drew.
pub(super) fn is_of_cipher(value: &[u8], words: &[String]) -> bool {
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    let named = names_cipher(words);
    let des = words.iter().any(|word| matches!(word.as_str(), "des" | "deskey"));
    let vector = words.last().is_some_and(|word| is_vector(word));
    // One that is called a key and nothing else has to look like none but one.
    let lone =
        matches!(words, [word] if word == "key") || matches!(words, [kind, word] if kind == "string" && word == "key");
    let long = matches!(value.len(), 16 | 24 | 32);
    let letters = value.iter().any(u8::is_ascii_lowercase);
    let mixed = letters && digits >= 2 && value.iter().any(u8::is_ascii_uppercase);
    let sure = value.len() < 16 || (lone && !mixed);
    let drawn = surprisal(value) >= if sure { SURELY_DRAWN } else { DRAWN };
    if vector && value.len() == 16 && digits == 16 {
        return true;
    }
    value.iter().all(u8::is_ascii_alphanumeric)
        && ((long && (named || (lone && letters))) || (value.len() == 8 && des))
        && !value.iter().all(u8::is_ascii_hexdigit)
        && ((digits >= 1 && drawn) || (named && long && is_drawn_word(value)))
}

/// What is hashed with a password, of eight characters or more, as a machine drew it.
pub(super) fn is_salt(value: &[u8], words: &[String]) -> bool {
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    words.last().is_some_and(|word| matches!(word.as_str(), "salt" | "pepper"))
        && (8..=64).contains(&value.len())
        && value.iter().all(|b| b.is_ascii_graphic() && !matches!(b, b'(' | b'[' | b'{' | b'"' | b'<' | b'$'))
        && !joined_words(value)
        && ((digits >= 1 && digits < value.len() && surprisal(value) >= SURELY_DRAWN)
            || (value.len() >= 30 && digits == value.len())
            || is_drawn_word(value))
}

#[cfg(test)]
mod tests {
    use super::super::name::name_words;
    use super::*;

    fn words(name: &str) -> Vec<String> {
        name_words(name.as_bytes())
    }

    #[test]
    fn keys_are_as_long_as_their_cipher_takes() {
        for (name, value) in [
            ("AES_KEY", "QGKDCkadgQaI1fk8"),
            ("desKey", "6qgz7q9h"),
            ("iv", "0653358378823771"),
            ("KEY", "eZH3X4qnKS9SYxz1"),
        ] {
            assert!(is_of_cipher(value.as_bytes(), &words(name)), "{name} {value}");
        }
        for (name, value) in [
            ("AES_KEY", "QGKDCkadgQaI1fk"),
            ("AES_KEY", "encryption_key_1"),
            ("key", "some-name-of-an1"),
            ("user_key", "6qgz7q9h"),
            ("key", "userSettingsKey2"),
        ] {
            assert!(!is_of_cipher(value.as_bytes(), &words(name)), "{name} {value}");
        }
        assert!(is_number_of_cipher(b"IV", b"0653358378823771") && !is_number_of_cipher(b"IV", b"1234567890123456"));
        assert!(!is_number_of_cipher(b"count", b"0653358378823771"));
    }

    #[test]
    fn salts_are_drawn() {
        for value in ["g8xJp8M1ab", "1a9fKq2z"] {
            assert!(is_salt(value.as_bytes(), &words("signing_salt")), "{value}");
        }
        for value in ["seasalt1", "my-app-salt", "somesalt", "12345678"] {
            assert!(!is_salt(value.as_bytes(), &words("salt")), "{value}");
        }
    }
}
