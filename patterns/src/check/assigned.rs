//! Judges a value that only its name marks as a secret, as a reviewer would: is the name a secret's, or that of its
//! hash, length or field; is the value a literal, or a reference, a type, a path, a word?

mod bytes;
mod cipher;
mod key;
mod name;
mod password;
mod phrase;
mod told;
mod value;

use bytes::{judge_bytes, listed, unescaped};
use key::{is_shared_secret, is_worded_secret, judge_key};
use name::{
    assigns, is_foreign_password, is_foreign_secret, is_key_word, is_password_word, is_seasoning, is_shared_key,
    name_is_about, name_words, names_what_may_be_a_uuid, property_of, repeats_name,
};
pub(super) use password::{is_chosen, is_hash, is_no_word, opens_elsewhere};
use password::{is_numeric_password, is_set, judge_password};
use phrase::is_phrase;
pub(super) use told::is_told;
use told::{ends_sentence, is_marked, is_marked_word, is_remarkable};
use value::{
    is_file, is_foreign, is_hole, is_import, is_locale, is_member, is_type, is_uuid, looks_ordinary, names_a_secret,
    stands_out,
};

use super::reference::is_reference;
use super::surprisal::is_drawn_word;
use super::{Candidate, Verdict, is_placeholder};
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
            || (value.iter().any(u8::is_ascii_digit) && value.iter().any(u8::is_ascii_punctuation))
            || value.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
    let piece = |(at, b): (usize, &u8)| match b | 0x20 {
        b'p' => any(at, &[b"pas", b"pw", b"psk", b"psw", b"parol"]),
        b'w' => any(at, &[b"wor", b"wacht"]),
        b'r' => begins(at, b"ras"),
        b'n' => begins(at, b"nha"),
        b'h' => any(at, &[b"hesl", b"hasl"]),
        b'c' => begins(at, b"clav") || (letters && begins(at, b"cred")),
        b'm' => any(at, &[b"mdp", b"masterauth"]),
        b's' => {
            any(at, &[b"seno", b"shared", b"salas"])
                || (value.len() >= 8 && begins(at, b"salt"))
                || (letters && begins(at, b"secret"))
        }
        b'd' => value.len() == 8 && any(at, &[b"deskey", b"des_key", b"des.key"]),
        b'l' => begins(at, b"lozin"),
        b'g' => begins(at, b"geslo"),
        b'a' => any(at, &[b"adgang", b"authtok"]),
        b'b' => begins(at, b"bindpw"),
        b'j' => begins(at, b"jelsz") || (letters && begins(at, b"jwt")),
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

fn judge_plain(candidate: &Candidate<'_>) -> Verdict {
    if let Some(bytes) = listed(candidate.value) {
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
        || (looks_ordinary(value) && !is_numeric_password(candidate) && !cipher::is_number_of_cipher(name, value))
        || (is_uuid(value) && !names_what_may_be_a_uuid(name))
    {
        return Verdict::Reject;
    }
    let mut words = name_words(property_of(name));
    if is_foreign_secret(name) {
        words.push("secret".to_owned());
    }
    // `PSK for the office: …`.
    if words.len() > 1 && words.last().is_some_and(|word| word == "for") {
        words.pop();
    }
    // `check_password("walnut!94", hash)`: what is asked about is given, and is a password if it can be nothing else.
    let asked = matches!(&words[..], [verb, word] if is_password_word(word)
        && matches!(verb.as_str(), "check" | "verify" | "validate"))
        && candidate.operator == Some(Operator::Call)
        && candidate.quote.is_some()
        && is_told(value);
    if (name_is_about(name, &words) && !asked) || is_reference(value) || is_placeholder(value) {
        return Verdict::Reject;
    }
    // What is called with the value has to be the secret's own: `setPassword("…")`, not `password.encode("…")`.
    let subject = match candidate.operator {
        // `setPasswordConfirmation("…")`.
        Some(Operator::Call) if words.last().is_some_and(|word| word == "confirmation") => &words[..],
        Some(Operator::Call) => words.last().map_or(&[][..], std::slice::from_ref),
        _ => &words[..],
    };
    let told = match candidate.operator {
        Some(Operator::Prose) => {
            let key = words.last().is_some_and(|w| is_key_word(w)) && value.len() >= 12;
            key || (words.last().is_some_and(|w| is_password_word(w)) || is_foreign_password(name))
                && (is_told(value)
                    || stands_out(value)
                    || (candidate.quote.is_some() && is_phrase(name, value))
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
                || cipher::is_of_cipher(value, &words)
                || cipher::is_salt(value, &words) =>
            {
                Verdict::Is(Confidence::Likely)
            }
            other => other,
        }
    } else {
        Verdict::Reject
    }
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
        matches!(candidate.operator, Some(Operator::Login | Operator::Default))
            || (matches!(candidate.operator, Some(Operator::Prose | Operator::Assign)) && is_marked(candidate))
            || is_phrase(candidate.name.unwrap_or_default(), value)
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
