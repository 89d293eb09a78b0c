//! Beside `password` and its kin, what a person would choose counts too.

use super::name::{ends_in_password, names_a_setting, property_of};
use super::phrase::{is_phrase, is_phrase_of_setting};
use super::told::{is_marked, is_marked_word, is_told_word};
use super::value::{
    is_cipher_suite, is_label, is_path_of_variables, is_stored_hash, is_term, joined_words, names_a_state,
};
use crate::assign::Operator;
use crate::check::surprisal::{DRAWN, is_drawn_word, surprisal};
use crate::check::{Candidate, Verdict};
use crate::rule::Confidence;

/// Beside `password`, what a person would choose counts too.
pub(super) fn judge_password(candidate: &Candidate<'_>) -> Verdict {
    let value = candidate.value;
    let name = candidate.name.unwrap_or_default();
    let phrase = is_phrase(name, value) || is_phrase_of_setting(name, value);
    if !(6..=256).contains(&value.len()) || (value.iter().filter(|&&b| b == b' ').count() > 3 && !phrase) {
        return Verdict::Reject;
    }
    let kinds = [
        u8::is_ascii_lowercase as fn(&u8) -> bool,
        u8::is_ascii_uppercase,
        u8::is_ascii_digit,
        u8::is_ascii_punctuation,
    ]
    .iter()
    .filter(|k| value.iter().any(k))
    .count();
    let digits = value.iter().any(u8::is_ascii_digit);
    // `password.encode("latin1")`, `TLS1_TXT_PSK_WITH_RC4_128_SHA "PSK-RC4-SHA"`.
    if is_term(value) || is_cipher_suite(value) {
        return Verdict::Reject;
    }
    // `required|min:8`: what a form asks of one.
    if [b"required|".as_slice(), b"|min:", b"|max:"].iter().any(|rule| memchr::memmem::find(value, rule).is_some()) {
        return Verdict::Reject;
    }
    if is_label(value) || is_stored_hash(value) || memchr::memmem::find(value, b"&nbsp;").is_some() {
        return Verdict::Is(Confidence::Possible);
    }
    // `pref_password_v2`: the name of a setting.
    let named = [b"pwd".as_slice(), b"password", b"passwd"];
    if joined_words(value) && named.iter().any(|word| memchr::memmem::find(value, word).is_some()) {
        return Verdict::Is(Confidence::Possible);
    }
    // `WLAN-Key`, `TestList/Modules`: words.
    let joined = value.iter().all(|b| b.is_ascii_alphabetic() || b"-/._:".contains(b));
    let kinds = if joined { kinds.min(2) } else { kinds };
    // `at least 8 characters` too: words and numbers.
    let word = |word: &[u8]| word.iter().all(u8::is_ascii_alphabetic) || word.iter().all(u8::is_ascii_digit);
    let sentence = value.contains(&b' ')
        && !phrase
        && !is_app_password(value)
        && (!digits || value.split(|b| *b == b' ').all(word));
    match (kinds, sentence) {
        (_, true) => Verdict::Reject,
        _ if phrase || is_app_password(value) => Verdict::Is(Confidence::Likely),
        (3.., _) => Verdict::Is(Confidence::Likely),
        (2, _) if digits => Verdict::Is(Confidence::Likely),
        // `DB_PASSWORD=walnut`, `spring.datasource.password=walnut`: no line of code.
        _ if (candidate.setting || candidate.operator == Some(Operator::Element)) && names_a_setting(name, value) => {
            Verdict::Is(Confidence::Likely)
        }
        _ if is_numeric_password(candidate) || is_plain_word(candidate) || is_literal_word(candidate) => {
            Verdict::Is(Confidence::Likely)
        }
        _ if is_drawn_word(value) && !is_macro(candidate) => Verdict::Is(Confidence::Likely),
        _ if candidate.operator == Some(Operator::Prose) && is_marked_word(value) => Verdict::Is(Confidence::Likely),
        // `Login: anna  Password: walnutharbor`.
        _ if candidate.operator == Some(Operator::Login) && is_told_word(value) => Verdict::Is(Confidence::Likely),
        // Words alone: an identifier in code, perhaps a weak password in a configuration.
        _ => Verdict::Is(Confidence::Possible),
    }
}

/// `FUNCTION_PASS("mergeicmps", MergeICmpsPass)`: a macro of a compiler, called with what a run is called.
fn is_macro(candidate: &Candidate<'_>) -> bool {
    let name = candidate.name.unwrap_or_default();
    candidate.operator == Some(Operator::Call) && name.ends_with(b"_PASS") && !is_set(candidate)
}

/// `tpqg jpjo pvqs bijg`: how Google writes a password for one application.
pub(super) fn is_app_password(value: &[u8]) -> bool {
    let mut groups = value.split(|b| *b == b' ');
    value.len() == 19
        && groups.all(|group| group.len() == 4 && group.iter().all(u8::is_ascii_lowercase))
        && surprisal(value) >= DRAWN
}

/// Whether it can be a password where another thing may stand too: letters and digits both, or letters that are no word.
pub(in crate::check) fn is_no_word(value: &[u8]) -> bool {
    let digit = value.iter().any(u8::is_ascii_digit);
    let letter = value.iter().any(u8::is_ascii_alphabetic);
    (digit && letter) || is_drawn_word(value) || is_app_password(value)
}

/// Whether it can be a password where only one can stand: not what a manual or a script puts there.
pub(in crate::check) fn is_chosen(value: &[u8]) -> bool {
    let words = value.iter().all(|b| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_' | b'.'));
    let shouts = !value.iter().any(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    value.len() >= 4
        // Strings of a program, one behind another.
        && !value.iter().any(u8::is_ascii_control)
        && !(words && (names_a_state(value) || shouts || value.contains(&b'.')) && !is_drawn_word(value))
        && !matches!(value.first(), Some(b'/' | b'-' | b'\\' | b'='))
        && !value.starts_with(b"./")
        && !is_path_of_variables(value)
}

/// Whether a word before a host is a password that somebody chose, of a server that is not only the reader's own.
pub(in crate::check) fn opens_elsewhere(candidate: &Candidate<'_>) -> bool {
    // Whoever is anonymous says so twice.
    if candidate.value == b"anonymous" {
        return false;
    }
    let own = [b"@local".as_slice(), b"@127.0.", b"@0.0.0", b"@exampl", b"@host", b"@[::1]", b"@your", b"@my"];
    candidate.value.len() >= 6
        && is_chosen(candidate.value)
        && !own.iter().any(|host| candidate.after.starts_with(host))
}

/// MD5, SHA-1, SHA-256 or SHA-512 in hex, and what is kept in a password file.
pub(in crate::check) fn is_hash(value: &[u8]) -> bool {
    (matches!(value.len(), 32 | 40 | 56 | 64 | 96 | 128) && value.iter().all(u8::is_ascii_hexdigit))
        || value.starts_with(b"$2")
        || is_stored_hash(value)
}

/// `DEVICE_PASSWORD = "370049"`: digits that are quoted, or a setting, are no number in code.
pub(super) fn is_numeric_password(candidate: &Candidate<'_>) -> bool {
    let value = candidate.value;
    (6..=16).contains(&value.len())
        && value.iter().all(u8::is_ascii_digit)
        && (candidate.quote.is_some() || candidate.setting)
        && (matches!(candidate.operator, Some(Operator::Assign | Operator::Default)) || is_set(candidate))
        && candidate.name.is_some_and(ends_in_password)
}

/// `setPassword("…")`, `withPassword("…")`: a call that can be given nothing else.
pub(super) fn is_set(candidate: &Candidate<'_>) -> bool {
    let name = candidate.name.unwrap_or_default();
    let last = name.rsplit(|b| *b == b'.').next().unwrap_or_default();
    candidate.operator == Some(Operator::Call)
        && [b"set".as_slice(), b"with"]
            .iter()
            .any(|verb| last.len() > 4 && last[..verb.len()].eq_ignore_ascii_case(verb))
}

/// `password == "walnutharbor"`, `env("DB_PASSWORD", "walnutharbor")`, `${DB_PASSWORD:walnutharbor}`: a word that is
/// compared with what was typed, or that stands in for a variable of the environment.
fn is_literal_word(candidate: &Candidate<'_>) -> bool {
    let value = candidate.value;
    let name = property_of(candidate.name.unwrap_or_default());
    let constant = name.contains(&b'_') && !name.iter().any(u8::is_ascii_lowercase);
    let stands_in = match candidate.operator {
        Some(Operator::Compare) => candidate.quote.is_some(),
        Some(Operator::Default) => true,
        Some(Operator::Call) => constant && candidate.quote.is_some() && matches!(candidate.after, [_, b')', ..]),
        _ => false,
    };
    // A first pass may be compared with a word too.
    let least = if candidate.operator == Some(Operator::Compare) && !is_of_pass(name) { 6 } else { 8 };
    stands_in
        && (least..=24).contains(&value.len())
        && value.iter().all(u8::is_ascii_lowercase)
        && is_told_word(value)
        && ends_in_password(name)
}

/// `pass`, `first_pass`, `pwd`: a run, or a folder, as well as a password.
fn is_of_pass(name: &[u8]) -> bool {
    let ends = |word: &[u8]| name.len() >= word.len() && name[name.len() - word.len()..].eq_ignore_ascii_case(word);
    ends(b"pass") || ends(b"pwd")
}

/// `password = "swordfish"`, `password: swordfish`: a small word, assigned where nothing else is.
pub(super) fn is_plain_word(candidate: &Candidate<'_>) -> bool {
    let value = candidate.value;
    value.len() >= 6
        && value.iter().all(|b| b.is_ascii_lowercase() || matches!(b, b'-' | b'_'))
        && (is_marked(candidate) || candidate.setting)
        && (matches!(candidate.operator, Some(Operator::Assign | Operator::Blank)) || is_set(candidate))
        && candidate.name.is_some_and(|name| ends_in_password(property_of(name)))
        && !names_a_state(value)
}
