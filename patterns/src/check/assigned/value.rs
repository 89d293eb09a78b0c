//! What a value is, whatever stands beside it: a path, a type, a number, a host, a word of a message, a hash.

use super::super::surprisal::{DRAWN, SURELY_DRAWN, surprisal};

/// `%DB_PASSWORD%`, `@password`, `!password!`: what shells and SQL put in.
pub(super) fn is_path_of_variables(value: &[u8]) -> bool {
    let name = |b: &u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-' | b'.');
    match value {
        [b'%' | b'!' | b'@' | b'&' | b'$', middle @ ..] => {
            let middle = middle.strip_suffix(b"%").or_else(|| middle.strip_suffix(b"!")).unwrap_or(middle);
            middle.iter().all(name)
        }
        _ => false,
    }
}

/// Whether it says how things are with a password, or which one it is.
pub(super) fn names_a_state(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    STATES.iter().any(|state| memchr::memmem::find(&lower, state).is_some())
}

/// What a field for passwords is labelled with, in some of the languages that programs are translated to.
const LABELS: [&[u8]; 20] = [
    b"password",
    b"passwort",
    b"kennwort",
    b"wachtwoord",
    b"wagwoord",
    b"passord",
    b"senord",
    b"adgangskode",
    b"salasana",
    b"contrase",
    b"mot de passe",
    b"palavra",
    b"senha",
    b"pasahitza",
    b"parola",
    b"haslo",
    b"heslo",
    b"lozinka",
    b"geslo",
    b"cyfrinair",
];

/// `"password": "Wachtwoord"`, in a file of translations.
pub(super) fn is_label(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    value.iter().all(|b| b.is_ascii_alphabetic() || matches!(b, b' ' | b'-' | b'\'' | b':' | b'.'))
        && LABELS.iter().any(|label| memchr::memmem::find(&lower, label).is_some())
}

/// `pbkdf2_sha256$…`, `md5$salt$…`: how frameworks keep passwords, which is not what anybody signs in with.
pub(super) fn is_stored_hash(value: &[u8]) -> bool {
    let method = value.split(|b| *b == b'$').next().unwrap_or_default();
    [b"pbkdf2_".as_slice(), b"md5", b"sha1", b"sha256", b"bcrypt", b"argon2", b"scrypt", b"unsalted_"]
        .iter()
        .any(|known| method.starts_with(known))
        && value.iter().filter(|b| **b == b'$').count() >= 2
}

/// What stands beside a password's name and is none: a type, a state, a word of a message.
const STATES: [&[u8]; 43] = [
    b"attribut",
    b"obfuscat",
    b"bad_",
    b"invalid",
    b"required",
    b"missing",
    b"incorrect",
    b"forgot",
    b"reset",
    b"change",
    b"confirm",
    b"match",
    b"strong",
    b"string",
    b"hidden",
    b"input",
    b"field",
    b"numeric",
    b"number",
    b"boolean",
    b"object",
    b"varchar",
    b"unknown",
    b"default",
    b"always",
    b"never",
    b"secur",
    b"lock",
    b"login",
    b"signin",
    b"account",
    b"user",
    b"plain",
    b"prompt",
    b"mask",
    b"encrypt",
    b"clear",
    b"optional",
    b"enable",
    b"disable",
    b"pass",
    b"pwd",
    b"secret",
];

/// Whether a word of a sentence can only be a password: `the password is walnut!94`, not `is sha256-hashed`.
pub(super) fn stands_out(value: &[u8]) -> bool {
    let kinds = [u8::is_ascii_lowercase as fn(&u8) -> bool, u8::is_ascii_uppercase, u8::is_ascii_punctuation];
    value.len() >= 8
        && value.iter().any(u8::is_ascii_digit)
        && kinds.iter().filter(|k| value.iter().any(k)).count() >= 2
        && !is_method(value)
}

/// `report2024.pdf`.
pub(super) fn is_file_name(value: &[u8]) -> bool {
    let kind = value.rsplit(|b| *b == b'.').next().unwrap_or_default();
    (1..=5).contains(&kind.len())
        && kind.iter().all(u8::is_ascii_alphanumeric)
        && kind.iter().any(u8::is_ascii_lowercase)
}

/// What names of systems, standards and types begin with that have numbers in them.
const TERMS: [&[u8]; 49] = [
    b"x86", b"aarch", b"latin", b"utf", b"base", b"cp", b"amd", b"arm", b"win", b"rfc", b"cve", b"iso", b"int",
    b"uint", b"float", b"node", b"python", b"py3", b"py2", b"php", b"java", b"jdk", b"ubuntu", b"debian", b"centos",
    b"ipv", b"tls", b"ssl", b"x509", b"ed25519", b"curve", b"secp", b"es20", b"ecma", b"log4j", b"issue", b"version",
    b"release", b"linux", b"port", b"page", b"chapter", b"table", b"figure", b"hs256", b"rs256", b"es256", b"hs512",
    b"crc",
];

/// `x86_64`, `ubuntu2204`, `rfc7617`.
pub(super) fn is_term(value: &[u8]) -> bool {
    let term = |word: &&[u8]| {
        value.len() > word.len()
            && value[..word.len()].eq_ignore_ascii_case(word)
            && value[word.len()..].iter().all(|b| b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.' | b'/'))
    };
    TERMS.iter().any(term)
}

/// `sha256-hashed`, `v1beta1`: what passwords are kept or sent by.
pub(super) fn is_method(value: &[u8]) -> bool {
    let methods = [
        b"sha".as_slice(),
        b"md5",
        b"base",
        b"utf",
        b"bcrypt",
        b"scram",
        b"pkcs",
        b"argon",
        b"pbkdf",
        b"aes",
        b"rsa",
        b"oauth",
        b"http",
        b"v1",
        b"v2",
    ];
    let begins = |word: &[u8]| value.len() >= word.len() && value[..word.len()].eq_ignore_ascii_case(word);
    methods.into_iter().any(begins)
}

/// `TLS_PSK_WITH_AES_256_CCM`, `DHE-PSK-RC4-SHA`: two ciphers or hashes among what joints part.
pub(super) fn is_cipher_suite(value: &[u8]) -> bool {
    const PARTS: [&[u8]; 13] = [
        b"aes",
        b"sha",
        b"cbc",
        b"gcm",
        b"ccm",
        b"rc4",
        b"3des",
        b"hmac",
        b"psk",
        b"dhe",
        b"ecdhe",
        b"chacha20",
        b"poly1305",
    ];
    let part = |part: &&[u8]| {
        let letters = part.len() - part.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        PARTS.iter().any(|known| part.eq_ignore_ascii_case(known) || part[..letters].eq_ignore_ascii_case(known))
    };
    value.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        && value.split(|b| matches!(b, b'-' | b'_')).filter(part).count() >= 2
}

/// A key of all signs of the keyboard, as WordPress makes them: `define('AUTH_KEY', '…')`.
pub(super) fn is_salted(value: &[u8]) -> bool {
    let count = |kind: fn(&u8) -> bool| value.iter().filter(|b| kind(b)).count();
    (40..=128).contains(&value.len())
        && count(u8::is_ascii_punctuation) * 8 >= value.len()
        && count(|b| *b == b' ') * 16 <= value.len()
        && count(u8::is_ascii_digit) >= 2
        && count(u8::is_ascii_uppercase) >= 4
        && count(u8::is_ascii_lowercase) >= 4
        && surprisal(value) >= SURELY_DRAWN
}

/// `V1SecretVolumeSource`, `crypto_setkey_aes`, `args.enable_k8s_tokens`: code that is about secrets; chance puts no such word into a key.
pub(super) fn names_a_secret(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    ["secret", "token", "password", "credential", "private", "account", "_key", "setkey", "getkey"]
        .iter()
        .any(|w| memchr::memmem::find(&lower, w.as_bytes()).is_some())
}

/// Words and numbers joined by dashes, dots and the like are an identifier: `my-service-2`, `dk.encryptionKey1024`.
pub(super) fn joined_words(value: &[u8]) -> bool {
    // `walnut543_`: no name ends so.
    if matches!(value, [.., digit, sign] if digit.is_ascii_digit() && !sign.is_ascii_alphanumeric()) {
        return false;
    }
    let mut parts = 0;
    for part in value.split(|b| matches!(b, b'-' | b'_' | b'.' | b'/' | b':' | b'~' | b'=')) {
        // `users`, `USERS`, `userNames2`, `v2`, `8080`: letters in humps of three and more, then a small number.
        let letters = part.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let number = &part[letters..];
        let humps = part[..letters].windows(2).filter(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase());
        if number.len() > 4 || !number.iter().all(u8::is_ascii_digit) || humps.count() * 3 > letters {
            return false;
        }
        parts += 1;
    }
    parts > 1
}

/// `anna@example.com`, `aws-cli#847`: where mail goes, and the number of an issue.
pub(super) fn is_address(value: &[u8]) -> bool {
    let (at, number) = (memchr::memchr(b'@', value), memchr::memchr(b'#', value));
    at.is_some_and(|at| value[at..].contains(&b'.') && is_host(&value[at + 1..]))
        || number.is_some_and(|at| {
            value[..at].iter().any(|b| matches!(b, b'-' | b'/')) && value[at + 1..].iter().all(u8::is_ascii_digit)
        })
}

/// `Marble.89`, `copper_89`: a word, a sign and two digits or so, as people make passwords.
pub(super) fn is_word_and_number(value: &[u8]) -> bool {
    let letters = value.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let number = value.get(letters + 1..).unwrap_or_default();
    letters >= 5 && (2..=4).contains(&number.len()) && number.iter().all(u8::is_ascii_digit)
}

/// `\u0421\u0435`: letters of another alphabet in a file of translations. What is ASCII was undone before.
pub(super) fn is_foreign(value: &[u8]) -> bool {
    let code = |at: usize| value.get(at + 2..at + 6).is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit));
    memchr::memmem::find_iter(value, b"\\u").any(code)
}

/// `k8s.io/client-go/kubernetes`: what a name is imported from, lines of a passwd file, versions of a lock file.
pub(super) fn is_import(value: &[u8]) -> bool {
    let host = value.split(|&b| b == b'/').next().unwrap_or_default();
    let path = value.len() > host.len()
        && value.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"./-_@".contains(b));
    let version =
        matches!(value, [b'^' | b'~' | b'>', rest @ ..] if is_number(rest.strip_prefix(b"=").unwrap_or(rest)));
    (path && is_host(host)) || version || memchr::memmem::find(value, b":x:").is_some()
}

/// `en_001`, `pt_BR`: a language and where it is spoken. One of them is that of Palau, `en_PW`.
pub(super) fn is_locale(value: &[u8]) -> bool {
    matches!(value, [a, b, b'_', place @ ..] if a.is_ascii_lowercase() && b.is_ascii_lowercase()
        && ((place.len() == 3 && place.iter().all(u8::is_ascii_digit))
            || (place.len() == 2 && place.iter().all(u8::is_ascii_uppercase))))
}

/// `tests/run-pass/**/*.rs`, `a%2Fb%2Fc`: a path that ends in a file's kind, or one in a URL.
pub(super) fn is_file(value: &[u8]) -> bool {
    let kind = value.rsplit(|b| *b == b'.').next().unwrap_or_default();
    let named = (1..=4).contains(&kind.len()) && kind.iter().all(u8::is_ascii_lowercase) && kind.len() < value.len();
    (named && value.contains(&b'/'))
        || memchr::memmem::find(value, b"**/").is_some()
        || memchr::memmem::find_iter(value, b"%2F").count() > 1
}

pub(super) fn is_uuid(value: &[u8]) -> bool {
    let dash = |i: usize| matches!(i, 8 | 13 | 18 | 23);
    value.len() == 36 && value.iter().enumerate().all(|(i, b)| if dash(i) { *b == b'-' } else { b.is_ascii_hexdigit() })
}

/// Numbers, dates, versions, host names, names joined by dots.
pub(super) fn looks_ordinary(value: &[u8]) -> bool {
    let dotted = value.contains(&b'.')
        && value
            .split(|&b| b == b'.')
            .all(|p| !p.is_empty() && p.iter().all(|b| b.is_ascii_alphabetic() || *b == b'_'));
    // `10.0.1.99.dev4`.
    let version = value.first().is_some_and(u8::is_ascii_digit)
        && value.iter().filter(|b| **b == b'.').count() >= 3
        && value.iter().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase() || *b == b'.');
    dotted || version || is_number(value) || is_date(value) || is_host(value)
}

/// `2024-01-31T12:00:00Z`.
pub(super) fn is_date(value: &[u8]) -> bool {
    let part = |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b':' | b'.' | b'+' | b' ' | b'T' | b'Z');
    value.len() >= 10 && value[4] == b'-' && value[7] == b'-' && value.iter().all(part)
}

/// `12`, `-1.5`, `2024-01-31`, `v1.2`, `0x1f`, `8192u32`, `10_000L`.
pub(super) fn is_number(value: &[u8]) -> bool {
    let unsigned = value.strip_prefix(b"-").or_else(|| value.strip_prefix(b"+")).unwrap_or(value);
    if let Some(hex) = unsigned.strip_prefix(b"0x").filter(|h| h.len() <= 20) {
        return hex.iter().all(|b| b.is_ascii_hexdigit() || matches!(b, b'_' | b'u' | b'i' | b'U' | b'L'));
    }
    let letter = unsigned.first().is_some_and(u8::is_ascii_alphabetic) && unsigned.len() > 1;
    let body = &unsigned[usize::from(letter)..];
    let mark = |b: &u8| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b':' | b'/' | b'+' | b',' | b'_');
    let digits = body.iter().take_while(|b| mark(b)).count();
    let suffix = &body[digits..];
    let typed =
        [b"u8".as_slice(), b"u16", b"u32", b"u64", b"i8", b"i16", b"i32", b"i64", b"usize", b"isize", b"f32", b"f64"];
    let short = [b"".as_slice(), b"l", b"u", b"ul", b"f", b"d", b"ll", b"ms", b"s", b"m", b"h", b"px", b"mb", b"kb"];
    digits > 0 && (short.iter().any(|s| suffix.eq_ignore_ascii_case(s)) || typed.contains(&suffix))
}

/// `db.example.com`, `proxy:3128`, `10.0.0.1:80`.
pub(super) fn is_host(value: &[u8]) -> bool {
    let host = value.split(|&b| b == b':').next().unwrap_or_default();
    let port = value.get(host.len() + 1..).unwrap_or_default();
    let last = host.rsplit(|&b| b == b'.').next().unwrap_or_default();
    let named = (2..=8).contains(&last.len()) && last.iter().all(u8::is_ascii_lowercase);
    host.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
        && port.iter().all(u8::is_ascii_digit)
        && named
        && (host.contains(&b'.') || !port.is_empty())
}

/// `v1beta1.WatchChangeDetectionStrategy`, `keystone.loading:Password`: names joined by dots, the last of letters alone or
/// of words.
pub(super) fn is_member(value: &[u8]) -> bool {
    let mut parts = value.split(|&b| b == b'.' || b == b':').rev();
    let last = parts.next().unwrap_or_default();
    let name = |part: &[u8]| {
        part.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
            && part.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
    };
    let letters = last.len() >= 4 && last.iter().all(u8::is_ascii_alphabetic);
    value.contains(&b'.') && (letters || is_type(last)) && parts.all(name)
}

/// `XmlStringMaxLen256`: capitals that begin words, and no more digits than such names have.
pub(super) fn is_type(value: &[u8]) -> bool {
    let humps = value.windows(2).filter(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase()).count();
    value.first().is_some_and(u8::is_ascii_uppercase)
        && value.iter().all(u8::is_ascii_alphanumeric)
        && humps >= 2
        && humps * 3 <= value.len()
        && surprisal(value) < DRAWN
}

/// `<`, a word and a colon: no markup has that, and a template does. What follows a value is cut short.
pub(super) fn is_hole(after: &[u8]) -> bool {
    matches!(after, [b'<', rest @ ..] if {
        let word = rest.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        word >= 3 && matches!(rest.get(word), Some(b':') | None)
    })
}
