//! Judges a value that only its name marks as a secret, as a reviewer would: is the name a secret's, or that of its
//! hash, length or field; is the value a literal, or a reference, a type, a path, a word?

mod bytes;
mod key;
mod name;
mod phrase;
mod value;

use name::{
    assigns, ends_in_password, is_foreign_password, is_key_word, is_password_word, is_seasoning, is_shared_key,
    name_is_about, name_words, names_a_setting, names_what_may_be_a_uuid, property_of, repeats_name,
};
use value::{
    is_address, is_file, is_file_name, is_foreign, is_hole, is_import, is_label, is_locale, is_member, is_method,
    is_path_of_variables, is_salted, is_stored_hash, is_term, is_type, is_uuid, is_word_and_number, joined_words,
    looks_ordinary, names_a_secret, names_a_state, stands_out,
};

use super::reference::is_reference;
use super::surprisal::{DRAWN, PERHAPS_DRAWN, SURELY_DRAWN, is_drawn_word, surprisal};
use super::{Candidate, Verdict, entropy, is_placeholder};
use crate::assign::Operator;
use crate::rule::Confidence;

/// The longest value that is one: keys that are files in one line are longer than any password.
const LONGEST: usize = 1024;

/// Whether [`judge`] may say anything but no: a look at the commonest that it rejects, at a tenth of the cost.
pub(crate) fn plausible(name: &[u8], value: &[u8]) -> bool {
    let key = value.len() >= 12 && (value.len() >= 16 || value.iter().any(u8::is_ascii_digit));
    // Pieces of all that `is_password_word` takes for one.
    let begins =
        |at: usize, piece: &[u8]| name.get(at..at + piece.len()).is_some_and(|w| w.eq_ignore_ascii_case(piece));
    let any = |at: usize, pieces: &[&[u8]]| pieces.iter().any(|piece| begins(at, piece));
    // A secret of letters alone is one if it is no word, one with a digit and a sign if two share it.
    let letters = value.len() >= 8
        && (value.iter().all(u8::is_ascii_alphabetic)
            || (value.iter().any(u8::is_ascii_digit) && value.iter().any(u8::is_ascii_punctuation)));
    let piece = |(at, b): (usize, &u8)| match b | 0x20 {
        b'p' => any(at, &[b"pas", b"pw", b"psk", b"parol"]),
        b'w' => any(at, &[b"wor", b"wacht"]),
        b'r' => begins(at, b"ras"),
        b'n' => begins(at, b"nha"),
        b'h' => any(at, &[b"hesl", b"hasl"]),
        b'c' => begins(at, b"clav") || (letters && begins(at, b"cred")),
        b'm' => any(at, &[b"mdp", b"masterauth"]),
        b's' => {
            any(at, &[b"seno", b"shared"])
                || (value.len() >= 8 && begins(at, b"salt"))
                || (letters && begins(at, b"secret"))
        }
        b'd' => value.len() == 8 && any(at, &[b"deskey", b"des_key", b"des.key"]),
        b'l' => begins(at, b"lozin"),
        b'g' => begins(at, b"geslo"),
        b'a' => any(at, &[b"adgang", b"authtok"]),
        b'b' => begins(at, b"bindpw"),
        b'j' => begins(at, b"jelsz"),
        b'i' => begins(at, b"ifre"),
        // The word for it may be one of letters beyond ASCII.
        _ => !b.is_ascii(),
    };
    let password = || name.iter().enumerate().any(piece);
    key || (value.len() >= 6 && password())
}

/// The verdict on a candidate of a generic rule.
pub(super) fn judge(candidate: &Candidate<'_>) -> Verdict {
    // Beside a user, what could stand without one counts as it would there.
    if candidate.operator == Some(Operator::Login) {
        let alone = judge(&Candidate { operator: Some(Operator::Assign), ..*candidate });
        if alone == Verdict::Is(Confidence::Likely) {
            return alone;
        }
    }
    match unescaped(candidate.value) {
        // `"\x31\x47…"`: a key as bytes.
        // What has other signs too is an expression of such.
        Some(bytes) if bytes.iter().any(|b| !(0x20..0x7f).contains(b)) => {
            if candidate.value.len() == 4 * bytes.len() {
                judge_bytes(candidate, &bytes)
            } else {
                Verdict::Reject
            }
        }
        Some(value) => judge_plain(&Candidate { value: &value, ..*candidate }),
        None => judge_plain(candidate),
    }
}

/// A value that somebody wrote as codes, for the most part: `\x4b\x70`, `\u0053\u0062`.
fn unescaped(value: &[u8]) -> Option<Vec<u8>> {
    let coded = |at: usize| matches!(value.get(at + 1), Some(b'x' | b'u'));
    let codes = memchr::memchr_iter(b'\\', value).filter(|at| coded(*at)).count();
    if codes < 4 || codes * 8 < value.len() {
        return None;
    }
    let code = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    let (mut plain, mut rest) = (Vec::new(), value);
    while let Some((first, after)) = rest.split_first() {
        let decoded = match rest {
            [b'\\', b'x', one, two, ..] => code(&[*one, *two]).map(|b| (b, 4)),
            [b'\\', b'u', b'0', b'0', one, two, ..] => code(&[*one, *two]).map(|b| (b, 6)),
            _ => None,
        };
        let (byte, length) = decoded.unwrap_or((*first, 1));
        plain.push(byte);
        rest = if length == 1 { after } else { &rest[length..] };
    }
    Some(plain)
}

fn judge_plain(candidate: &Candidate<'_>) -> Verdict {
    if let Some(bytes) = bytes::listed(candidate.value) {
        return judge_bytes(candidate, &bytes);
    }
    // `{noop}` is how Spring says that a password is kept as it is.
    if let Some(value) = candidate.value.strip_prefix(b"{noop}") {
        return judge_plain(&Candidate { value, ..*candidate });
    }
    let value = candidate.value;
    let Some(name) = candidate.name else { return Verdict::Reject };
    // The cheapest first.
    if !(4..=LONGEST).contains(&value.len())
        || !value.iter().all(|b| (0x20..0x7f).contains(b))
        || (candidate.quote.is_none() && !bare_literal(candidate))
        || repeats_name(name, value)
        || assigns(name, value)
        || is_listed(candidate)
        || is_foreign(value)
        || is_field(candidate)
        || is_import(value)
        || is_file(value)
        || is_locale(value)
        || (looks_ordinary(value) && !is_numeric_password(candidate) && !key::is_number_of_cipher(name, value))
        || (is_uuid(value) && !names_what_may_be_a_uuid(name))
    {
        return Verdict::Reject;
    }
    let mut words = name_words(property_of(name));
    // `PSK for the office: …`.
    if words.len() > 1 && words.last().is_some_and(|word| word == "for") {
        words.pop();
    }
    if name_is_about(name, &words) || is_reference(value) || is_placeholder(value) {
        return Verdict::Reject;
    }
    // What is called with the value has to be the secret's own: `setPassword("…")`, not `password.encode("…")`.
    let subject = match candidate.operator {
        Some(Operator::Call) => words.last().map_or(&[][..], std::slice::from_ref),
        _ => &words[..],
    };
    let told = match candidate.operator {
        Some(Operator::Prose) => {
            let key = words.last().is_some_and(|w| is_key_word(w)) && value.len() >= 20;
            key || (words.last().is_some_and(|w| is_password_word(w)) || is_foreign_password(name))
                && (is_told(value)
                    || stands_out(value)
                    || (candidate.quote.is_some() && phrase::is_phrase(name, value))
                    || (is_marked(candidate) && (is_drawn_word(value) || is_marked_word(value))))
        }
        Some(Operator::Login) => is_marked(candidate) || ends_sentence(candidate.after),
        Some(Operator::Remark | Operator::Apposed) => is_remarkable(value, &words),
        _ => true,
    };
    if !told {
        Verdict::Reject
    } else if (subject.iter().any(|w| is_password_word(w)) && !subject.last().is_some_and(|w| is_seasoning(w)))
        || is_foreign_password(name)
        || is_shared_key(subject)
    {
        judge_password(candidate)
    } else if subject.iter().any(|w| is_key_word(w)) || subject.last().is_some_and(|w| is_seasoning(w)) {
        match judge_key(value, &words) {
            Verdict::Is(Confidence::Likely) => Verdict::Is(Confidence::Likely),
            _ if is_shared_secret(candidate, &words)
                || is_worded_secret(candidate, &words)
                || key::is_of_cipher(value, &words)
                || key::is_salt(value, &words) =>
            {
                Verdict::Is(Confidence::Likely)
            }
            other => other,
        }
    } else {
        Verdict::Reject
    }
}

/// Beside `password`, what a person would choose counts too.
fn judge_password(candidate: &Candidate<'_>) -> Verdict {
    let value = candidate.value;
    let phrased = phrase::is_phrase(candidate.name.unwrap_or_default(), value);
    if !(6..=256).contains(&value.len()) || (value.iter().filter(|&&b| b == b' ').count() > 3 && !phrased) {
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
    // `password.encode("latin1")`.
    if is_term(value) {
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
    // `BORG_PASSPHRASE='walnut bridge meadow falcon'`: words that were drawn, and no sentence.
    let phrase = value.iter().all(|b| b.is_ascii_lowercase() || *b == b' ')
        && value.iter().filter(|b| **b == b' ').count() == 3
        && candidate.name.is_some_and(|name| !name.iter().any(u8::is_ascii_lowercase));
    let sentence = value.contains(&b' ')
        && !phrase
        && !is_app_password(value)
        && (!digits || value.split(|b| *b == b' ').all(word));
    let phrase = phrase || phrased;
    match (kinds, sentence && !phrase) {
        (_, true) => Verdict::Reject,
        _ if phrase || is_app_password(value) => Verdict::Is(Confidence::Likely),
        (3.., _) => Verdict::Is(Confidence::Likely),
        (2, _) if digits => Verdict::Is(Confidence::Likely),
        // `DB_PASSWORD=walnut`, `spring.datasource.password=walnut`: no line of code.
        _ if (candidate.setting || candidate.operator == Some(Operator::Element))
            && names_a_setting(candidate.name.unwrap_or_default(), value) =>
        {
            Verdict::Is(Confidence::Likely)
        }
        _ if is_numeric_password(candidate) || is_plain_word(candidate) => Verdict::Is(Confidence::Likely),
        _ if is_drawn_word(value) => Verdict::Is(Confidence::Likely),
        _ if candidate.operator == Some(Operator::Prose) && is_marked_word(value) => Verdict::Is(Confidence::Likely),
        // `Login: anna  Password: walnutharbor`.
        _ if candidate.operator == Some(Operator::Login) && is_told_word(value) => Verdict::Is(Confidence::Likely),
        // Words alone: an identifier in code, perhaps a weak password in a configuration.
        _ => Verdict::Is(Confidence::Possible),
    }
}

/// `tpqg jpjo pvqs bijg`: how Google writes a password for one application.
fn is_app_password(value: &[u8]) -> bool {
    let mut groups = value.split(|b| *b == b' ');
    value.len() == 19
        && groups.all(|group| group.len() == 4 && group.iter().all(u8::is_ascii_lowercase))
        && surprisal(value) >= DRAWN
}

/// Whether it can be a password where another thing may stand too: letters and digits both, or letters that are no word.
pub(super) fn is_no_word(value: &[u8]) -> bool {
    let digit = value.iter().any(u8::is_ascii_digit);
    let letter = value.iter().any(u8::is_ascii_alphabetic);
    (digit && letter) || is_drawn_word(value) || is_app_password(value)
}

/// Whether it can be a password where only one can stand: not what a manual or a script puts there.
pub(super) fn is_chosen(value: &[u8]) -> bool {
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
pub(super) fn opens_elsewhere(candidate: &Candidate<'_>) -> bool {
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
pub(super) fn is_hash(value: &[u8]) -> bool {
    (matches!(value.len(), 32 | 40 | 56 | 64 | 96 | 128) && value.iter().all(u8::is_ascii_hexdigit))
        || value.starts_with(b"$2")
        || is_stored_hash(value)
}

/// `DEVICE_PASSWORD = "370049"`: digits that are quoted, or a setting, are no number in code.
fn is_numeric_password(candidate: &Candidate<'_>) -> bool {
    let value = candidate.value;
    (6..=16).contains(&value.len())
        && value.iter().all(u8::is_ascii_digit)
        && (candidate.quote.is_some() || candidate.setting)
        && (matches!(candidate.operator, Some(Operator::Assign | Operator::Default)) || is_set(candidate))
        && candidate.name.is_some_and(ends_in_password)
}

/// `setPassword("…")`, `withPassword("…")`: a call that can be given nothing else.
fn is_set(candidate: &Candidate<'_>) -> bool {
    let name = candidate.name.unwrap_or_default();
    let last = name.rsplit(|b| *b == b'.').next().unwrap_or_default();
    candidate.operator == Some(Operator::Call)
        && [b"set".as_slice(), b"with"]
            .iter()
            .any(|verb| last.len() > 4 && last[..verb.len()].eq_ignore_ascii_case(verb))
}

/// `password = "swordfish"`, `password: swordfish`: a small word, assigned where nothing else is.
fn is_plain_word(candidate: &Candidate<'_>) -> bool {
    let value = candidate.value;
    value.len() >= 6
        && value.iter().all(|b| b.is_ascii_lowercase() || matches!(b, b'-' | b'_'))
        && (is_marked(candidate) || candidate.setting)
        && (matches!(candidate.operator, Some(Operator::Assign | Operator::Blank)) || is_set(candidate))
        && candidate.name.is_some_and(ends_in_password)
        && !names_a_state(value)
}

/// Whether a value stands in quotes, or in what markup has for them.
fn is_marked(candidate: &Candidate<'_>) -> bool {
    let marks = [b"**".as_slice(), b"</code>", b"</b>", b"</stro", b"</kbd>", b"</tt>"];
    let quotes = ["”", "“", "»", " »", "」"];
    candidate.quote.is_some()
        || marks.iter().any(|mark| candidate.after.starts_with(mark))
        || quotes.iter().any(|quote| candidate.after.starts_with(quote.as_bytes()))
}

/// Whether no other word of a sentence follows.
fn ends_sentence(after: &[u8]) -> bool {
    match after {
        [] | [b'\n' | b'\r' | b')' | b'}' | b',' | b'|' | b'<', ..] => true,
        [b'.' | b';' | b' ' | b'!', next, ..] => !next.is_ascii_alphanumeric(),
        [_] => true,
        _ => false,
    }
}

/// `Login: anna  Password: walnutharbor`: a word, and none that says how the password is, or where.
fn is_told_word(value: &[u8]) -> bool {
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

/// A key or what belongs to it, as a list of bytes.
fn judge_bytes(candidate: &Candidate<'_>, bytes: &[u8]) -> Verdict {
    let Some(name) = candidate.name else { return Verdict::Reject };
    let words = name_words(name);
    let Some(last) = words.last() else { return Verdict::Reject };
    // A key of nothing is one of a table of test vectors.
    let lone = words.len() == 1 && matches!(last.as_str(), "key" | "iv" | "secret" | "token");
    let known = !lone && (is_key_word(last) || key::names_cipher(&words));
    if !known || !bytes::are_drawn(bytes) || name_is_about(name, &words) {
        return Verdict::Reject;
    }
    Verdict::Is(Confidence::Likely)
}

/// ``the password is `walnutharbor` ``: a word in marks of code, or two, and none of those that say how a password is.
fn is_marked_word(value: &[u8]) -> bool {
    (8..=24).contains(&value.len()) && value.iter().all(u8::is_ascii_lowercase) && !names_a_state(value)
}

/// Whether what a remark is about can be what it says: a password with a digit, a key that a machine drew.
fn is_remarkable(value: &[u8], words: &[String]) -> bool {
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
pub(super) fn is_told(value: &[u8]) -> bool {
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

/// Words before `key` that say what it opens.
fn opens(word: &str) -> bool {
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

/// `OZgt0PAsw`, `bXkHhfzMqs`: nobody's word.
fn is_drawn(value: &[u8]) -> bool {
    value.len() >= 8
        && value.iter().all(u8::is_ascii_alphanumeric)
        && (is_drawn_word(value) || (value.iter().any(u8::is_ascii_digit) && surprisal(value) >= SURELY_DRAWN))
}

/// Beside `token` or `api_key`, only what a machine made counts.
fn judge_key(value: &[u8], name: &[String]) -> Verdict {
    // `PRIVATE_KEY = "0x…"`, not the address or the hash of one.
    let private = name.iter().any(|word| matches!(word.as_str(), "private" | "secret" | "pk" | "privatekey"));
    let value = value.strip_prefix(b"0x").filter(|hex| private && hex.len() == 64).unwrap_or(value);
    // Datadog's tokens for browsers are public.
    if value.len() == 35 && value.starts_with(b"pub") {
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
    let encrypts = ["encrypt", "encryption", "aes", "des", "crypt", "cipher", "iv", "crypto"];
    if digits >= 3
        && value.len() >= 16
        && name.iter().any(|word| encrypts.contains(&word.as_str()))
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

/// A key in which any sign of the keyboard may stand, as Django makes them.
fn is_of_all_signs(value: &[u8]) -> bool {
    let count = |kind: fn(&u8) -> bool| value.iter().filter(|b| kind(b)).count();
    (20..=128).contains(&value.len())
        && value.iter().all(u8::is_ascii_graphic)
        && count(u8::is_ascii_digit) >= 1
        && count(u8::is_ascii_uppercase) >= 2
        && count(u8::is_ascii_lowercase) >= 2
        && surprisal(value) >= SURELY_DRAWN
}

/// `secret = walnut!94`, `shared_secret = "…"`: a secret that people thought of, as two devices share it.
fn is_shared_secret(candidate: &Candidate<'_>, words: &[String]) -> bool {
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
fn is_worded_secret(candidate: &Candidate<'_>, words: &[String]) -> bool {
    let value = candidate.value;
    let secret = match words {
        [.., before, last] if last == "key" => before.ends_with("secret") || before == "or",
        [.., last] => last.ends_with("secret") || last.ends_with("secretkey"),
        [] => false,
    };
    let signs = ["jwt", "session", "cookie", "app", "auth", "hmac", "signing", "webhook"]
        .iter()
        .any(|what| words.iter().any(|word| word.starts_with(what)));
    let word = || signs && value.iter().all(u8::is_ascii_lowercase) && !names_a_secret(value) && !names_a_state(value);
    secret
        && (8..=64).contains(&value.len())
        && (candidate.quote.is_some() || candidate.setting)
        && matches!(candidate.operator, Some(Operator::Assign | Operator::Default))
        && (is_drawn_word(value) || word())
}

/// `["userPassword", "adminPassword2"]`: two names in a list, of which the first is not called with the second.
fn is_listed(candidate: &Candidate<'_>) -> bool {
    let name = |value: &[u8]| value.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b' '));
    let constant = |value: &[u8]| value.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_');
    let goes_on =
        matches!(candidate.after, [b'"', b',', b'"', ..] | [b'\'', b',', b'\'', ..] | [b'"', b',', b' ', b'"', ..]);
    let identifier = |value: &[u8]| value.iter().all(|b| b.is_ascii_alphabetic() || *b == b'_');
    candidate.operator == Some(Operator::Call)
        && !is_set(candidate)
        && ((names_a_secret(candidate.value) && name(candidate.value))
            || constant(candidate.value)
            || (goes_on && identifier(candidate.value)))
}

/// `"password": {"description": "…"}`: the name of a field of what is assigned.
fn is_field(candidate: &Candidate<'_>) -> bool {
    let quoted = |rest: &[u8]| matches!(rest, [b':' | b'=', ..] | [b' ', b':' | b'=', ..]) && !rest.starts_with(b" ::");
    candidate.quote.is_some()
        && candidate.value.iter().all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-' | b'$'))
        && candidate.after.get(1..).is_some_and(quoted)
        && candidate.operator != Some(Operator::Compare)
}

/// An unquoted value counts where text is data (`KEY=value`), not where it is code.
fn bare_literal(candidate: &Candidate<'_>) -> bool {
    let value = candidate.value;
    if candidate.operator == Some(Operator::Compare) {
        return false;
    }
    let code = value
        .iter()
        .any(|b| matches!(b, b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b'|' | b'`' | b'"' | b'\''))
        || memchr::memmem::find(value, b"::").is_some()
        || [b"->".as_slice(), b"===", b"&&"].iter().any(|sign| memchr::memmem::find(value, sign).is_some());
    // A call, or a hole: `<base62:20>`.
    let goes_on = matches!(candidate.after, [b'(', ..]) || is_hole(candidate.after);
    let digits = value.iter().any(u8::is_ascii_digit);
    let symbols = value.iter().any(|b| b.is_ascii_punctuation() && !matches!(b, b'_' | b'.' | b'-' | b':'));
    // `password: XmlStringMaxLen256;`.
    let annotates = matches!(candidate.after, [b';' | b',' | b')', ..]) && !candidate.setting && is_type(value);
    // A bare word of letters is a variable as often as a password, but for a file of settings.
    let ends =
        !matches!(candidate.after, [b',' | b';' | b')' | b'.' | b'[', ..] | [b' ', b'a'..=b'z' | b'A'..=b'Z', ..]);
    let drawn = || (ends || candidate.operator == Some(Operator::Blank)) && is_drawn_word(value);
    // A word of a sentence that is one of two, or set apart by marks.
    let told = || {
        candidate.operator == Some(Operator::Login)
            || (matches!(candidate.operator, Some(Operator::Prose | Operator::Assign)) && is_marked(candidate))
            || phrase::is_phrase(candidate.name.unwrap_or_default(), value)
    };
    !code
        && !goes_on
        && !annotates
        && (digits || symbols || candidate.setting || drawn() || told())
        && !is_member(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(name: &str, value: &str) -> Verdict {
        judge(&Candidate {
            value: value.as_bytes(),
            name: Some(name.as_bytes()),
            operator: Some(Operator::Assign),
            quote: Some(b'"'),
            after: b"",
            setting: false,
        })
    }

    #[test]
    fn keys_are_told_from_names() {
        for value in ["yXchymWECaLP7dwE", "kQzWpVxJtRbNmHgY", "d2307d4d-dc2b-49d0-b2c6-510e27b4edb0"] {
            assert_eq!(judged("api_secret", value), Verdict::Is(Confidence::Likely), "{value}");
        }
        for value in
            ["crypto4xx_setkey_aes_cbc", "someLongNameOfAThing", "000102030405060708090a0b0c0d0e0f", "a/b/c1.json"]
        {
            assert_ne!(judged("api_secret", value), Verdict::Is(Confidence::Likely), "{value}");
        }
        // Of what is a UUID, few names make a key.
        for name in ["device_token", "requestToken", "trace_secret_id", "keyword"] {
            assert_eq!(judged(name, "d2307d4d-dc2b-49d0-b2c6-510e27b4edb0"), Verdict::Reject, "{name}");
        }
        // A key of nothing may be one of a map.
        let hex = "d2307d4ddc2b49d0b2c6510e27b4edb0";
        assert_eq!(judged("key", hex), Verdict::Is(Confidence::Possible));
        assert_eq!(judged("hmac_key", hex), Verdict::Is(Confidence::Likely));
    }

    #[test]
    fn what_a_program_calls_its_settings_is_no_key() {
        assert_eq!(judged("LOGGER_INTERNAL_VERBOSITY_KEY", "logger.internal.verbosity"), Verdict::Reject);
        assert_eq!(judged("en_PW", "en_001"), Verdict::Reject);
        assert_eq!(judged("en_PW", "en_150x"), Verdict::Is(Confidence::Likely));
    }

    #[test]
    fn codes_are_read() {
        let coded: String = "Walnut!942".bytes().map(|b| format!("\\x{b:02x}")).collect();
        assert_eq!(unescaped(coded.as_bytes()).as_deref(), Some(b"Walnut!942".as_slice()));
        assert_eq!(unescaped(br"C:\\users\\a"), None);
        assert_eq!(judged("password", &coded), Verdict::Is(Confidence::Likely));
    }

    #[test]
    fn a_plain_word_counts_in_settings() {
        let judged = |name: &str, setting| {
            judge(&Candidate {
                value: b"walnutharbor",
                name: Some(name.as_bytes()),
                operator: Some(Operator::Assign),
                quote: None,
                after: b"\n",
                setting,
            })
        };
        assert_eq!(judged("DB_PASSWORD", true), Verdict::Is(Confidence::Likely));
        assert_eq!(judged("spring.datasource.password", true), Verdict::Is(Confidence::Likely));
        assert_ne!(judged("DB_PASSWORD", false), Verdict::Is(Confidence::Likely));
        assert_eq!(judged("password", true), Verdict::Is(Confidence::Likely));
        assert_ne!(judged("password", false), Verdict::Is(Confidence::Likely));
    }

    #[test]
    fn words_and_digits_count_beside_the_plainest_names() {
        for value in ["swordfish", "river-stone", "370049"] {
            assert_eq!(judged("db_password", value), Verdict::Is(Confidence::Likely), "{value}");
        }
        for value in ["required", "new_password", "string", "123456"] {
            assert_ne!(judged("db_password", value), Verdict::Is(Confidence::Likely), "{value}");
        }
        assert_ne!(judged("passwords.total", "370049"), Verdict::Is(Confidence::Likely));
        assert_eq!(judged("enable_password", "Walnut!9"), Verdict::Is(Confidence::Likely));
        assert_eq!(judged("enable_password_reset", "Walnut!9"), Verdict::Reject);
    }

    #[test]
    fn letters_count_where_they_are_no_word_or_nothing_else_can_stand() {
        for value in ["qzkfwjtr", "XqkTvRbN", "tpqg jzkw pvqs bijg"] {
            assert_eq!(judged("db_password", value), Verdict::Is(Confidence::Likely), "{value}");
        }
        assert_eq!(judged("jwt_secret", "qzkfwjtrbn"), Verdict::Is(Confidence::Likely));
        for value in ["getUserPass", "XMLHttpReq", "Geheimnis"] {
            assert_ne!(judged("client_secret", value), Verdict::Is(Confidence::Likely), "{value}");
        }
        assert!(is_no_word(b"qzkfwjtr") && is_no_word(b"walnut9") && !is_no_word(b"walnut"));
        assert!(is_chosen(b"walnut"));
        for value in ["password", "PASSWORD", "%DB_PASSWORD%", "/etc/pw", "new-password"] {
            assert!(!is_chosen(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn a_sentence_has_terms_that_are_no_passwords() {
        for value in ["walnut94", "Walnut!9", "qx7kd2pw"] {
            assert!(is_told(value.as_bytes()), "{value}");
        }
        for value in ["x86_64", "ubuntu2204", "issue-1234", "v1.2.34", "2024-01-31", "report24.pdf", "sha256", "fd4e1c"]
        {
            assert!(!is_told(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn a_persons_password_counts() {
        for value in ["hunter2!", "S3cr3t!pass", "Summer2019", "x9$Kq!27"] {
            assert_eq!(judged("db_password", value), Verdict::Is(Confidence::Likely), "{value}");
        }
    }

    #[test]
    fn names_are_split_where_a_reader_would() {
        for (name, words) in [
            ("p256SHA512PublicKeyBytes", "p256sha512 public key bytes"),
            ("DBPassword", "db password"),
            ("tokenIDs", "token ids"),
            ("api_key2", "api key2"),
        ] {
            assert_eq!(name_words(name.as_bytes()).join(" "), words);
        }
    }

    #[test]
    fn what_finds_or_labels_is_no_secret() {
        let key = "kQzWpVxJtRbN7mHgYd2c";
        for name in ["nextPageToken", "object_key", "ui.login.change_password.submit"] {
            assert_eq!(judged(name, key), Verdict::Reject, "{name}");
        }
        assert_eq!(judged("page_access_token", key), Verdict::Is(Confidence::Likely));
        for value in ["Wachtwoord", "WLAN-Passwort", "md5$seasalt$1e9bf2bf5606aa5c39852cc30f0f6f22"] {
            assert_eq!(judged("ui.login.password", value), Verdict::Is(Confidence::Possible), "{value}");
        }
        assert_eq!(judged("passwordLastUsed", "2016-09-08T21:47:36Z"), Verdict::Reject);
    }

    #[test]
    fn a_member_of_something_is_no_value() {
        for value in ["keystone.v3._loading:ADFSPassword", "emr.XmlStringMaxLen256"] {
            assert!(is_member(value.as_bytes()), "{value}");
        }
        assert!(is_type(b"XmlStringMaxLen256") && !is_type(b"WinterSummer24") && !is_type(b"Qf1s5zigZ4OX6akY"));
        assert!(is_member(b"v1beta1.WatchChangeDetectionStrategy"));
        for value in ["s.Qf1s5zigZ4OX6akY", "abc", "1.word", "a.b.c"] {
            assert!(!is_member(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn names_about_secrets_and_values_that_refer_do_not() {
        for (name, value) in [
            ("password_hash", "x9$Kq!27aa"),
            ("passwordField", "x9$Kq!27aa"),
            ("password", "${DB_PASSWORD}"),
            ("password", "vault:secret/db#password"),
            ("password", "Please enter your password"),
            ("api_key", "config.production.apiKey"),
            ("token", "access_token"),
            ("token_type", "Bearer12345678abc"),
            ("passwordAuthentication", "scram-sha-256"),
            ("authorization", "k8s.io/api/authorization/v1"),
            ("parse-passwd", "^1.0.0"),
            ("passwd", "root:x:0:0:root:/root:/bin/sh"),
            ("secret", "correct-horse-battery-staple"),
        ] {
            assert_eq!(judged(name, value), Verdict::Reject, "{name}={value}");
        }
    }
}
