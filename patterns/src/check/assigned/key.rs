//! Beside `token`, `secret` or `api_key`, only what a machine made counts, and a few of what people thought of.

use super::cipher::names_cipher;
use super::value::{is_salted, is_type, is_uuid, joined_words, names_a_secret, names_a_state};
use crate::assign::Operator;
use crate::check::surprisal::{DRAWN, PERHAPS_DRAWN, SURELY_DRAWN, is_drawn_word, surprisal};
use crate::check::{Candidate, Verdict, entropy};
use crate::rule::Confidence;

/// Beside `token` or `api_key`, only what a machine made counts.
pub(super) fn judge_key(value: &[u8], name: &[String]) -> Verdict {
    // `PRIVATE_KEY = "0x…"`, not the address or the hash of one.
    let private = name.iter().any(|word| matches!(word.as_str(), "private" | "secret" | "pk" | "privatekey"));
    let value = value.strip_prefix(b"0x").filter(|hex| private && hex.len() == 64).unwrap_or(value);
    // Datadog's tokens for browsers are public.
    if value.len() == 35 && value.starts_with(b"pub") {
        return Verdict::Reject;
    }
    // Git's `signingkey` is the id of one of GPG.
    let id = |b: &u8| b.is_ascii_digit() || matches!(b, b'A'..=b'F');
    let signing = name.last().is_some_and(|last| last == "signingkey");
    if signing && matches!(value.len(), 8 | 16 | 40) && value.iter().all(id) {
        return Verdict::Reject;
    }
    let token = value.iter().all(|&b| b.is_ascii_alphanumeric() || b"-_+/=.~:!@#$%^&*".contains(&b));
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    if !token && (is_salted(value) || is_of_all_signs(value)) {
        return Verdict::Is(Confidence::Likely);
    }
    if !token || value.len() < 12 {
        return Verdict::Reject;
    }
    if is_uuid(value) {
        return Verdict::Is(Confidence::Likely);
    }
    if value.iter().all(u8::is_ascii_hexdigit) {
        let drawn = digits > 0 && entropy(value) >= 2.8;
        // A key of nothing is one of a table of test vectors, or of a map.
        let sure = if matches!(name, [word] if word == "key") { Confidence::Possible } else { Confidence::Likely };
        return if drawn { Verdict::Is(sure) } else { Verdict::Reject };
    }
    let least = if value.len() < 16 { 2.9 } else { 3.3 };
    if entropy(value) < least || joined_words(value) || names_a_secret(value) {
        return Verdict::Reject;
    }
    let surprise = surprisal(value);
    // Beside a mere `…_key`, what is short has to look like one.
    if value.len() < 24 && digits < 3 && name.last().is_some_and(|word| word == "key") && !name.iter().any(|w| opens(w))
    {
        return Verdict::Is(Confidence::Possible);
    }
    // What encrypts has sixteen characters, whatever they are.
    if digits >= 3
        && value.len() >= 16
        && names_cipher(name)
        && value.iter().filter(|b| b.is_ascii_alphabetic()).count() >= 4
        && !is_type(value)
    {
        return Verdict::Is(Confidence::Likely);
    }
    match value.len() {
        // Of random keys of sixteen characters one in seventeen has no digit.
        _ if digits == 0 && (surprise < DRAWN || value.len() < 16) => Verdict::Reject,
        20.. if surprise >= PERHAPS_DRAWN => Verdict::Is(Confidence::Likely),
        16.. if surprise >= DRAWN => Verdict::Is(Confidence::Likely),
        12.. if digits >= 2 && surprise >= SURELY_DRAWN => Verdict::Is(Confidence::Likely),
        _ => Verdict::Is(Confidence::Possible),
    }
}

/// Words before `key` that say what it opens.
pub(super) fn opens(word: &str) -> bool {
    [
        "api",
        "secret",
        "access",
        "private",
        "auth",
        "app",
        "master",
        "encryption",
        "signing",
        "admin",
        "service",
        "license",
    ]
    .contains(&word)
}

/// A key in which any sign of the keyboard may stand, as Django makes them.
pub(super) fn is_of_all_signs(value: &[u8]) -> bool {
    let count = |kind: fn(&u8) -> bool| value.iter().filter(|b| kind(b)).count();
    (20..=128).contains(&value.len())
        && value.iter().all(u8::is_ascii_graphic)
        && count(u8::is_ascii_digit) >= 1
        && count(u8::is_ascii_uppercase) >= 2
        && count(u8::is_ascii_lowercase) >= 2
        && surprisal(value) >= SURELY_DRAWN
}

/// `secret = walnut!94`, `shared_secret = "…"`: a secret that people thought of, as two devices share it.
pub(super) fn is_shared_secret(candidate: &Candidate<'_>, words: &[String]) -> bool {
    let value = candidate.value;
    let has = |kind: fn(&u8) -> bool| value.iter().any(kind);
    let symbol = |b: &u8| b.is_ascii_punctuation() && !matches!(b, b'-' | b'_' | b'.' | b'/' | b':');
    // Without a quote, what joins two names in code tells nothing.
    let literal = candidate.quote.is_some() || candidate.setting;
    let sign = |b: &u8| if literal { symbol(b) } else { matches!(b, b'@' | b'!' | b'#' | b'$' | b'^' | b'~') };
    // `SECRET=walnut65`.
    let constant = candidate.setting && !candidate.name.unwrap_or_default().iter().any(u8::is_ascii_lowercase);
    let odd = value.iter().any(sign)
        || (constant && !joined_words(value))
        || (candidate.setting && has(u8::is_ascii_uppercase) && !joined_words(value));
    let odd = odd
        || (literal
            && has(u8::is_ascii_uppercase)
            && value.iter().filter(|b| b.is_ascii_digit()).count() >= 2
            && !joined_words(value)
            && !is_type(value));
    let signs = match words {
        [.., before, last] if last == "key" => before == "secret" || before == "jwt",
        _ => words
            .last()
            .is_some_and(|w| w.ends_with("secret") || w == "credentials" || w == "jwtkey" || w == "secretkey"),
    };
    signs
        && matches!(candidate.operator, Some(Operator::Assign | Operator::Default | Operator::Call))
        && (8..=64).contains(&value.len())
        && !value.contains(&b' ')
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_lowercase)
        && odd
        && !names_a_secret(value)
}

/// `JWT_SECRET=walnutharbor`, `secret: 'qzkfwjtrbn'`: letters alone, where what signs sessions or tokens is kept, or that
/// are no word.
pub(super) fn is_worded_secret(candidate: &Candidate<'_>, words: &[String]) -> bool {
    let value = candidate.value;
    let secret = match words {
        [.., before, last] if last == "key" => before.ends_with("secret") || before == "or" || before == "jwt",
        [.., last] => last.ends_with("secret") || last.ends_with("secretkey"),
        [] => false,
    };
    let signs = ["jwt", "session", "cookie", "app", "auth", "hmac", "signing", "webhook"]
        .iter()
        .any(|what| words.iter().any(|word| word.starts_with(what)));
    // What Flask and Django sign with has this name.
    let signs = signs
        || (matches!(words, [secret, key] if secret == "secret" && key == "key")
            && candidate.name.is_some_and(|name| name.contains(&b'_')));
    let letters = value.iter().take_while(|b| b.is_ascii_lowercase()).count();
    let digits = value[letters..].iter().take_while(|b| b.is_ascii_digit()).count();
    let plain = letters >= 5 && digits <= 4 && letters + digits == value.len();
    let word = || signs && plain && !names_a_secret(value) && !names_a_state(value);
    secret
        && (8..=64).contains(&value.len())
        && (candidate.quote.is_some() || candidate.setting)
        && matches!(candidate.operator, Some(Operator::Assign | Operator::Default))
        && (is_drawn_word(value) || word())
}
