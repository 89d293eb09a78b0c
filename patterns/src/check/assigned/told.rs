//! What people tell in sentences and remarks, where a word stands among others: whether it can only be the credential.

use super::name::is_password_word;
use super::value::{
    is_address, is_file_name, is_member, is_method, is_term, is_type, is_uuid, is_word_and_number, joined_words,
    looks_ordinary, names_a_state,
};
use crate::check::surprisal::{SURELY_DRAWN, is_drawn_word, surprisal};
use crate::check::{Candidate, is_placeholder};

/// Whether a value stands in quotes, or in what markup has for them.
pub(super) fn is_marked(candidate: &Candidate<'_>) -> bool {
    let marks = [b"**".as_slice(), b"</code>", b"</b>", b"</stro", b"</kbd>", b"</tt>"];
    let quotes = ["”", "“", "»", " »", "」"];
    candidate.quote.is_some()
        || marks.iter().any(|mark| candidate.after.starts_with(mark))
        || quotes.iter().any(|quote| candidate.after.starts_with(quote.as_bytes()))
}

/// Whether no other word of a sentence follows.
pub(super) fn ends_sentence(after: &[u8]) -> bool {
    match after {
        [] | [b'\n' | b'\r' | b')' | b'}' | b',' | b'|' | b'<', ..] => true,
        [b'.' | b';' | b' ' | b'!', next, ..] => !next.is_ascii_alphanumeric(),
        [_] => true,
        _ => false,
    }
}

/// `Login: anna  Password: walnutharbor`: a word, and none that says how the password is, or where.
pub(super) fn is_told_word(value: &[u8]) -> bool {
    const SAID: [&[u8]; 16] = [
        b"provided",
        b"nothing",
        b"below",
        b"above",
        b"needed",
        b"generated",
        b"random",
        b"mailed",
        b"same",
        b"sent",
        b"given",
        b"whatever",
        b"same-as",
        b"respective",
        b"choice",
        b"chosen",
    ];
    let lower = value.to_ascii_lowercase();
    (6..=24).contains(&value.len())
        && value.iter().any(u8::is_ascii_lowercase)
        && !names_a_state(value)
        && !SAID.iter().any(|said| lower.ends_with(said))
}

/// ``the password is `walnutharbor` ``: a word in marks of code, or two, and none of those that say how a password is.
pub(super) fn is_marked_word(value: &[u8]) -> bool {
    (8..=24).contains(&value.len()) && value.iter().all(u8::is_ascii_lowercase) && !names_a_state(value)
}

/// Whether what a remark is about can be what it says: a password with a digit, a key that a machine drew.
pub(super) fn is_remarkable(value: &[u8], words: &[String]) -> bool {
    let Some(last) = words.last() else { return false };
    let digit = value.iter().any(u8::is_ascii_digit);
    let other = value.iter().any(|b| !b.is_ascii_digit());
    !value.contains(&b' ')
        && if is_password_word(last) {
            value.len() >= 6 && digit && other && !is_method(value)
        } else {
            value.len() >= 16
        }
}

/// Whether a word among others can only be a password: letters and several digits, or a sign with one, and no term of the
/// trade, no name with a number, no version, host or file.
pub(in crate::check) fn is_told(value: &[u8]) -> bool {
    let count = |kind: fn(&u8) -> bool| value.iter().filter(|b| kind(b)).count();
    let (letters, digits) = (count(u8::is_ascii_alphabetic), count(u8::is_ascii_digit));
    let signs = count(|b| matches!(b, b'!' | b'@' | b'#' | b'$' | b'%' | b'^' | b'&' | b'*' | b'+' | b'?'));
    (6..=40).contains(&value.len())
        && letters >= 2
        && (digits >= 2 || (digits == 1 && signs > 0) || is_drawn(value))
        && value.first().is_some_and(u8::is_ascii_alphanumeric)
        && !(value.contains(&b'.') && signs == 0 && (is_member(value) || is_file_name(value)))
        && !looks_ordinary(value)
        && (!joined_words(value) || is_word_and_number(value))
        && !is_method(value)
        && !is_type(value)
        && !is_term(value)
        && !is_address(value)
        && !is_uuid(value)
        && !value.iter().all(u8::is_ascii_hexdigit)
        && !is_placeholder(value)
}

/// `OZgt0PAsw`, `bXkHhfzMqs`: nobody's word.
pub(super) fn is_drawn(value: &[u8]) -> bool {
    value.len() >= 8
        && value.iter().all(u8::is_ascii_alphanumeric)
        && (is_drawn_word(value) || (value.iter().any(u8::is_ascii_digit) && surprisal(value) >= SURELY_DRAWN))
}
