//! Judges a value that only its name marks as a secret, as a reviewer would: is the name a secret's, or that of its
//! hash, length or field; is the value a literal, or a reference, a type, a path, a word?

use super::reference::is_reference;
use super::surprisal::{DRAWN, PERHAPS_DRAWN, SURELY_DRAWN, is_drawn_word, surprisal};
use super::{Candidate, Verdict, entropy, is_placeholder};
use crate::assign::Operator;
use crate::rule::Confidence;

/// Last words of names that speak *about* a secret.
const ABOUT: &[&str] = &[
    "hash",
    "hashed",
    "digest",
    "checksum",
    "salt",
    "length",
    "len",
    "size",
    "count",
    "min",
    "max",
    "field",
    "label",
    "prompt",
    "input",
    "placeholder",
    "hint",
    "name",
    "names",
    "path",
    "file",
    "filename",
    "dir",
    "url",
    "uri",
    "endpoint",
    "host",
    "type",
    "kind",
    "format",
    "policy",
    "pattern",
    "regex",
    "regexp",
    "rule",
    "rules",
    "expiry",
    "expires",
    "expiration",
    "ttl",
    "age",
    "lifetime",
    "timeout",
    "interval",
    "date",
    "time",
    "at",
    "id",
    "ids",
    "index",
    "error",
    "errors",
    "message",
    "msg",
    "text",
    "title",
    "description",
    "help",
    "env",
    "var",
    "variable",
    "header",
    "param",
    "parameter",
    "parameters",
    "column",
    "attribute",
    "attr",
    "provider",
    "manager",
    "management",
    "service",
    "store",
    "storage",
    "ref",
    "reference",
    "arn",
    "version",
    "algorithm",
    "alg",
    "authentication",
    "authenticator",
    "method",
    "mode",
    "enabled",
    "required",
    "reset",
    "changed",
    "strength",
    "valid",
    "validator",
    "confirm",
    "confirmation",
    "form",
    "class",
    "selector",
    "component",
    "handler",
    "callback",
    "fn",
    "func",
    "function",
    "status",
    "state",
    "scope",
    "scopes",
    "usage",
    "uses",
    "info",
    "config",
    "policies",
    "grant",
    "issuer",
    "audience",
    "response",
    "request",
    "usedby",
    "bits",
    "scheme",
    "encryption",
    "encoding",
    "encoder",
    "algo",
    "helper",
    "public",
    "pub",
    "fingerprint",
    "thumbprint",
    "mount",
    "volume",
    "kid",
    "prefix",
    "suffix",
    "separator",
    "chars",
    "charset",
    "limit",
    "template",
    "link",
    "icon",
    "page",
    "view",
    "screen",
    "button",
    "dialog",
    "test",
];

/// The longest value that is one: keys that are files in one line are longer than any password.
const LONGEST: usize = 1024;

/// First words that make a name a question or an action rather than a thing.
const ASKS: &[&str] = &[
    "is", "has", "use", "allow", "enable", "require", "show", "hide", "forgot", "reset", "change", "no", "public",
    "invalid", "missing", "wrong", "with", "need", "can", "should", "verify", "validate", "check", "min", "max",
];

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
        b'w' => begins(at, b"wor"),
        b'r' => begins(at, b"ras"),
        b'n' => begins(at, b"nha"),
        b'h' => any(at, &[b"hesl", b"hasl"]),
        b'c' => begins(at, b"clav"),
        b'm' => any(at, &[b"mdp", b"masterauth"]),
        b's' => begins(at, b"seno") || (letters && begins(at, b"secret")),
        b'l' => begins(at, b"lozin"),
        b'g' => begins(at, b"geslo"),
        b'a' => begins(at, b"adgang"),
        // The word for it may be one of letters beyond ASCII.
        _ => !b.is_ascii(),
    };
    let password = || name.iter().enumerate().any(piece);
    key || (value.len() >= 6 && password())
}

/// The verdict on a candidate of a generic rule.
pub(super) fn judge(candidate: &Candidate<'_>) -> Verdict {
    match unescaped(candidate.value) {
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
        || (looks_ordinary(value) && !is_numeric_password(candidate))
        || (is_uuid(value) && !names_what_may_be_a_uuid(name))
    {
        return Verdict::Reject;
    }
    let words = name_words(property_of(name));
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
                && (is_told(value) || stands_out(value) || (candidate.quote.is_some() && is_drawn_word(value)))
        }
        Some(Operator::Remark | Operator::Apposed) => is_remarkable(value, &words),
        _ => true,
    };
    if !told {
        Verdict::Reject
    } else if subject.iter().any(|w| is_password_word(w)) || is_foreign_password(name) {
        judge_password(candidate)
    } else if subject.iter().any(|w| is_key_word(w)) || subject.last().is_some_and(|w| is_seasoning(w)) {
        match judge_key(value, &words) {
            Verdict::Is(Confidence::Likely) => Verdict::Is(Confidence::Likely),
            _ if is_shared_secret(candidate, &words) || is_worded_secret(candidate, &words) => {
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
    if !(6..=256).contains(&value.len()) || value.iter().filter(|&&b| b == b' ').count() > 3 {
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
    if is_label(value) || is_stored_hash(value) || memchr::memmem::find(value, b"&nbsp;").is_some() {
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
    match (kinds, sentence) {
        (_, true) => Verdict::Reject,
        _ if phrase || is_app_password(value) => Verdict::Is(Confidence::Likely),
        (3.., _) => Verdict::Is(Confidence::Likely),
        (2, _) if digits => Verdict::Is(Confidence::Likely),
        // `DB_PASSWORD=walnut`, `spring.datasource.password=walnut`: no line of code.
        _ if candidate.setting && names_a_setting(candidate.name.unwrap_or_default(), value) => {
            Verdict::Is(Confidence::Likely)
        }
        _ if is_numeric_password(candidate) || is_plain_word(candidate) => Verdict::Is(Confidence::Likely),
        _ if is_drawn_word(value) => Verdict::Is(Confidence::Likely),
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
        && !(words && (names_a_state(value) || shouts || value.contains(&b'.')) && !is_drawn_word(value))
        && !matches!(value.first(), Some(b'/' | b'-' | b'\\' | b'='))
        && !value.starts_with(b"./")
        && !is_path_of_variables(value)
}

/// `%DB_PASSWORD%`, `@password`, `!password!`: what shells and SQL put in.
fn is_path_of_variables(value: &[u8]) -> bool {
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
fn names_a_state(value: &[u8]) -> bool {
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
fn is_label(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    value.iter().all(|b| b.is_ascii_alphabetic() || matches!(b, b' ' | b'-' | b'\'' | b':' | b'.'))
        && LABELS.iter().any(|label| memchr::memmem::find(&lower, label).is_some())
}

/// `pbkdf2_sha256$…`, `md5$salt$…`: how frameworks keep passwords, which is not what anybody signs in with.
fn is_stored_hash(value: &[u8]) -> bool {
    let method = value.split(|b| *b == b'$').next().unwrap_or_default();
    [b"pbkdf2_".as_slice(), b"md5", b"sha1", b"sha256", b"bcrypt", b"argon2", b"scrypt", b"unsalted_"]
        .iter()
        .any(|known| method.starts_with(known))
        && value.iter().filter(|b| **b == b'$').count() >= 2
}

/// Whether a word before a host is a password that somebody chose, of a server that is not only the reader's own.
pub(super) fn opens_elsewhere(candidate: &Candidate<'_>) -> bool {
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

/// Whether a name ends in a word for a password and nothing else; `renderPass` may be of anything.
fn ends_in_password(name: &[u8]) -> bool {
    let constant = !name.iter().any(u8::is_ascii_lowercase);
    name_words(name).last().is_some_and(|word| {
        is_password_word(word) && (constant || word == "pass" || word == "dbpass" || !word.ends_with("pass"))
    })
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

/// `password = "swordfish"`, `password: swordfish`: a small word, assigned where nothing else is.
fn is_plain_word(candidate: &Candidate<'_>) -> bool {
    let value = candidate.value;
    value.len() >= 6
        && value.iter().all(|b| b.is_ascii_lowercase() || matches!(b, b'-' | b'_'))
        && (candidate.quote.is_some() || candidate.setting)
        && (matches!(candidate.operator, Some(Operator::Assign | Operator::Blank)) || is_set(candidate))
        && candidate.name.is_some_and(ends_in_password)
        && !names_a_state(value)
}

/// `DB_PASSWORD`, `spring.datasource.password`: how settings are called. A path of what is shown, in a file of
/// translations, has a word with a capital behind it.
fn names_a_setting(name: &[u8], value: &[u8]) -> bool {
    let constant = name.contains(&b'_') && !name.iter().any(u8::is_ascii_lowercase);
    constant || (name.contains(&b'.') && !value.first().is_some_and(u8::is_ascii_uppercase))
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

/// Whether a word of a sentence can only be a password: `the password is walnut!94`, not `is sha256-hashed`.
fn stands_out(value: &[u8]) -> bool {
    let kinds = [u8::is_ascii_lowercase as fn(&u8) -> bool, u8::is_ascii_uppercase, u8::is_ascii_punctuation];
    value.len() >= 8
        && value.iter().any(u8::is_ascii_digit)
        && kinds.iter().filter(|k| value.iter().any(k)).count() >= 2
        && !is_method(value)
}

/// Whether a word among others can only be a password: letters and several digits, or a sign with one, and no term of the
/// trade, no name with a number, no version, host or file.
pub(super) fn is_told(value: &[u8]) -> bool {
    let count = |kind: fn(&u8) -> bool| value.iter().filter(|b| kind(b)).count();
    let (letters, digits) = (count(u8::is_ascii_alphabetic), count(u8::is_ascii_digit));
    let signs = count(|b| matches!(b, b'!' | b'@' | b'#' | b'$' | b'%' | b'^' | b'&' | b'*' | b'+' | b'?'));
    (6..=40).contains(&value.len())
        && letters >= 2
        && (digits >= 2 || (digits == 1 && signs > 0))
        && value.first().is_some_and(u8::is_ascii_alphanumeric)
        && !(value.contains(&b'.') && signs == 0 && (is_member(value) || is_file_name(value)))
        && !looks_ordinary(value)
        && !joined_words(value)
        && !is_method(value)
        && !is_term(value)
        && !is_uuid(value)
        && !value.iter().all(u8::is_ascii_hexdigit)
        && !is_placeholder(value)
}

/// `report2024.pdf`.
fn is_file_name(value: &[u8]) -> bool {
    let kind = value.rsplit(|b| *b == b'.').next().unwrap_or_default();
    (1..=5).contains(&kind.len())
        && kind.iter().all(u8::is_ascii_alphanumeric)
        && kind.iter().any(u8::is_ascii_lowercase)
}

/// What names of systems, standards and types begin with that have numbers in them.
const TERMS: [&[u8]; 44] = [
    b"x86", b"amd", b"arm", b"win", b"rfc", b"cve", b"iso", b"int", b"uint", b"float", b"node", b"python", b"py3",
    b"py2", b"php", b"java", b"jdk", b"ubuntu", b"debian", b"centos", b"ipv", b"tls", b"ssl", b"x509", b"ed25519",
    b"curve", b"secp", b"es20", b"ecma", b"log4j", b"issue", b"version", b"release", b"linux", b"port", b"page",
    b"chapter", b"table", b"figure", b"hs256", b"rs256", b"es256", b"hs512", b"crc",
];

/// `x86_64`, `ubuntu2204`, `rfc7617`.
fn is_term(value: &[u8]) -> bool {
    let term = |word: &&[u8]| {
        value.len() > word.len()
            && value[..word.len()].eq_ignore_ascii_case(word)
            && value[word.len()..].iter().all(|b| b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.' | b'/'))
    };
    TERMS.iter().any(term)
}

/// The word for a password where letters are other than English ones.
const FOREIGN: [&str; 2] = ["密码", "密碼"];

fn is_foreign_password(name: &[u8]) -> bool {
    !name.is_ascii() && FOREIGN.iter().any(|word| memchr::memmem::find(name, word.as_bytes()).is_some())
}

/// `sha256-hashed`, `v1beta1`: what passwords are kept or sent by.
fn is_method(value: &[u8]) -> bool {
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

/// Beside `token` or `api_key`, only what a machine made counts.
fn judge_key(value: &[u8], name: &[String]) -> Verdict {
    let token = value.iter().all(|&b| b.is_ascii_alphanumeric() || b"-_+/=.~:!@#$%^&*".contains(&b));
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    if !token && is_salted(value) {
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
    match value.len() {
        // Of random keys of sixteen characters one in seventeen has no digit.
        _ if digits == 0 && (surprise < DRAWN || value.len() < 16) => Verdict::Reject,
        20.. if surprise >= PERHAPS_DRAWN => Verdict::Is(Confidence::Likely),
        16.. if surprise >= DRAWN => Verdict::Is(Confidence::Likely),
        12.. if digits >= 2 && surprise >= SURELY_DRAWN => Verdict::Is(Confidence::Likely),
        _ => Verdict::Is(Confidence::Possible),
    }
}

/// A key of all signs of the keyboard, as WordPress makes them: `define('AUTH_KEY', '…')`.
fn is_salted(value: &[u8]) -> bool {
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
fn names_a_secret(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    ["secret", "token", "password", "credential", "private", "account", "_key", "setkey", "getkey"]
        .iter()
        .any(|w| memchr::memmem::find(&lower, w.as_bytes()).is_some())
}

/// Words and numbers joined by dashes, dots and the like are an identifier: `my-service-2`, `dk.encryptionKey1024`.
fn joined_words(value: &[u8]) -> bool {
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

/// The words of a name, in lower case: split at joints, where camel case turns, and behind numbers and abbreviations
/// (`SHA512PublicKey`, `DBPassword`).
fn name_words(name: &[u8]) -> Vec<String> {
    let mut words = vec![String::new()];
    for (at, b) in name.iter().enumerate() {
        let before = at.checked_sub(1).map_or(b'_', |i| name[i]);
        let behind = |n: usize| name.get(at + n).is_some_and(u8::is_ascii_lowercase);
        let turns = b.is_ascii_uppercase()
            && (before.is_ascii_lowercase()
                || before.is_ascii_digit() && behind(1)
                || before.is_ascii_uppercase() && behind(1) && behind(2));
        if !b.is_ascii_alphanumeric() || turns {
            words.push(String::new());
        }
        if b.is_ascii_alphanumeric() {
            words.last_mut().expect("there is always a word").push(char::from(b.to_ascii_lowercase()));
        }
    }
    words.retain(|w| !w.is_empty());
    words
}

/// `nextPageToken`, `object_key`: what finds something and opens nothing.
fn names_a_place(words: &[String]) -> bool {
    let [before @ .., last] = words else { return false };
    let paging = ["skiptoken", "nexttoken", "pagetoken", "nextpagetoken", "continuationtoken"];
    let Some(first) = before.last() else { return paging.contains(&last.as_str()) };
    paging.contains(&last.as_str())
        || match last.as_str() {
            "token" => matches!(
                first.as_str(),
                "next" | "page" | "continuation" | "pagination" | "purchase" | "idempotency" | "cursor"
            ),
            "key" => matches!(
                first.as_str(),
                "cache"
                    | "object"
                    | "s3"
                    | "row"
                    | "idempotency"
                    | "verify"
                    | "verifier"
                    | "verification"
                    | "dedup"
                    | "host"
                    | "site"
            ),
            _ => false,
        }
}

/// `password_hash`, `tokenType`, `isPassword`: about a secret, not one.
fn name_is_about(name: &[u8], words: &[String]) -> bool {
    // A salt that is a key by its length is one: `HASHIDS_SALT`.
    let salt = words.last().is_some_and(|w| w == "salt") && !words.iter().any(|w| is_password_word(w));
    let ends = !salt && words.last().is_some_and(|w| ABOUT.contains(&w.as_str()));
    // `enable password` is what routers call theirs.
    let router = words.len() == 2 && words[0] == "enable" && is_password_word(&words[1]);
    let starts = !router && words.len() > 1 && words.first().is_some_and(|w| ASKS.contains(&w.as_str()));
    // `public_key`, `encrypted_password`, `csrf_token`.
    let within = words.iter().any(|w| {
        matches!(
            w.as_str(),
            "public"
                | "pub"
                | "encrypted"
                | "hashed"
                | "sha256"
                | "md5"
                | "csrf"
                | "xsrf"
                | "foreign"
                | "primary"
                | "sort"
                | "keyboard"
                | "sourcekey"
                | "partition"
                | "secretsmanager"
                | "secretmanager"
                | "tokenizer"
                | "recv"
                | "keyserver"
        )
    });
    // `file_hash_key`.
    let of_hash = matches!(words, [.., before, last] if before == "hash" && last == "key");
    ends || starts || within || of_hash || names_a_place(words) || is_text_of(name)
}

/// `txtPassword.Text`, `passwordInput.value`: what a control holds is named by the control.
fn property_of(name: &[u8]) -> &[u8] {
    let control = [b".Text".as_slice(), b".text", b".Value", b".value", b".string", b".Content"]
        .into_iter()
        .find_map(|end| name.strip_suffix(end));
    let Some(control) = control else { return name };
    [b"Input".as_slice(), b"Field", b"Box", b"TextBox", b"Entry", b"_input", b"_field", b"Edit"]
        .into_iter()
        .find_map(|end| control.strip_suffix(end))
        .unwrap_or(control)
}

/// `ui.login.change_password.submit`: of a long path the last part says what it is.
fn is_text_of(name: &[u8]) -> bool {
    let last = name.rsplit(|b| *b == b'.').next().unwrap_or_default();
    let value = [b"value".as_slice(), b"default", b"plain"].iter().any(|word| last.eq_ignore_ascii_case(word));
    name.iter().filter(|b| **b == b'.').count() >= 2
        && !value
        && !name_words(last).iter().any(|w| is_password_word(w) || (is_key_word(w) && w != "code"))
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
    words.last().is_some_and(|w| w.ends_with("secret") || w == "credentials")
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

/// `password`, `dbpass`, `pwd2`; not `passive`, `bypass`, `compass`.
fn is_password_word(word: &str) -> bool {
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let has = [
        "password",
        "passwd",
        "passphrase",
        "passcode",
        "pwd",
        "passwort",
        "kennwort",
        "contrase",
        "senha",
        "motdepasse",
        "wachtwoord",
        "passord",
        "losenord",
        "adgangskode",
        "salasana",
    ];
    let ends = word.ends_with("pass")
        && ![
            "by", "com", "tres", "sur", "encom", "one", "multi", "first", "last", "render", "mini", "low", "high",
            "band",
        ]
        .iter()
        .any(|w| word.strip_suffix("pass") == Some(w));
    has.iter().any(|w| word.contains(w))
        || ends
        || matches!(
            word,
            "pw" | "userpw"
                | "dbpw"
                | "rootpw"
                | "adminpw"
                | "ftppw"
                | "mailpw"
                | "passe"
                | "psk"
                | "masterauth"
                | "requirepass"
                | "mdp"
                | "clave"
                | "haslo"
                | "heslo"
                | "parol"
                | "parola"
                | "lozinka"
                | "geslo"
        )
}

/// `token`, `apiKey`, `secretKey`: what a machine makes.
fn is_key_word(word: &str) -> bool {
    ["secret", "token", "key", "credential", "cred", "auth", "code", "webhook"].iter().any(|w| word.contains(w))
}

/// `HASHIDS_SALT`, `RELEASE_COOKIE`: what only some programs keep secret.
fn is_seasoning(word: &str) -> bool {
    matches!(word, "salt" | "pepper" | "cookie")
}

/// `\u0421\u0435`: letters of another alphabet in a file of translations. What is ASCII was undone before.
fn is_foreign(value: &[u8]) -> bool {
    let code = |at: usize| value.get(at + 2..at + 6).is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit));
    memchr::memmem::find_iter(value, b"\\u").any(code)
}

/// `password: password`, `apiKey: config.apiKey`.
fn repeats_name(name: &[u8], value: &[u8]) -> bool {
    let squeeze =
        |b: &[u8]| b.iter().filter(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect::<Vec<_>>();
    let (name, value) = (squeeze(name), squeeze(value));
    !value.is_empty() && !name.is_empty() && (name.ends_with(&value) || value.ends_with(&name))
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

/// `k8s.io/client-go/kubernetes`: what a name is imported from, lines of a passwd file, versions of a lock file.
fn is_import(value: &[u8]) -> bool {
    let host = value.split(|&b| b == b'/').next().unwrap_or_default();
    let path = value.len() > host.len()
        && value.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"./-_@".contains(b));
    let version =
        matches!(value, [b'^' | b'~' | b'>', rest @ ..] if is_number(rest.strip_prefix(b"=").unwrap_or(rest)));
    (path && is_host(host)) || version || memchr::memmem::find(value, b":x:").is_some()
}

/// `tests/run-pass/**/*.rs`, `a%2Fb%2Fc`: a path that ends in a file's kind, or one in a URL.
fn is_file(value: &[u8]) -> bool {
    let kind = value.rsplit(|b| *b == b'.').next().unwrap_or_default();
    let named = (1..=4).contains(&kind.len()) && kind.iter().all(u8::is_ascii_lowercase) && kind.len() < value.len();
    (named && value.contains(&b'/'))
        || memchr::memmem::find(value, b"**/").is_some()
        || memchr::memmem::find_iter(value, b"%2F").count() > 1
}

/// `"DB_PASSWORD", "DB_PASSWORD=…"`: what is assigned within the value is judged for itself.
fn assigns(name: &[u8], value: &[u8]) -> bool {
    value.strip_prefix(name).is_some_and(|rest| matches!(rest.first(), Some(b'=' | b':')))
}

fn is_uuid(value: &[u8]) -> bool {
    let dash = |i: usize| matches!(i, 8 | 13 | 18 | 23);
    value.len() == 36 && value.iter().enumerate().all(|(i, b)| if dash(i) { *b == b'-' } else { b.is_ascii_hexdigit() })
}

/// Keys of many services are UUIDs; so is nearly everything else that has one.
fn names_what_may_be_a_uuid(name: &[u8]) -> bool {
    let squeezed: Vec<u8> = name.iter().filter(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect();
    let ends = [
        b"apikey".as_slice(),
        b"secret",
        b"secretkey",
        b"password",
        b"accesskey",
        b"authkey",
        b"accesstoken",
        b"authtoken",
        b"apitoken",
        b"appkey",
        b"adminkey",
        b"masterkey",
        b"servicekey",
        b"licensekey",
        b"refreshtoken",
        b"bottoken",
        b"deploytoken",
        b"recordkey",
        b"npmtoken",
        b"usertoken",
        b"vaulttoken",
        b"consultoken",
        b"httptoken",
        b"codecovtoken",
        b"sessiontoken",
    ];
    ends.iter().any(|end| squeezed.ends_with(end))
}

/// Numbers, dates, versions, host names, names joined by dots.
fn looks_ordinary(value: &[u8]) -> bool {
    let dotted = value.contains(&b'.')
        && value
            .split(|&b| b == b'.')
            .all(|p| !p.is_empty() && p.iter().all(|b| b.is_ascii_alphabetic() || *b == b'_'));
    dotted || is_number(value) || is_date(value) || is_host(value)
}

/// `2024-01-31T12:00:00Z`.
fn is_date(value: &[u8]) -> bool {
    let part = |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b':' | b'.' | b'+' | b' ' | b'T' | b'Z');
    value.len() >= 10 && value[4] == b'-' && value[7] == b'-' && value.iter().all(part)
}

/// `12`, `-1.5`, `2024-01-31`, `v1.2`, `0x1f`, `8192u32`, `10_000L`.
fn is_number(value: &[u8]) -> bool {
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
fn is_host(value: &[u8]) -> bool {
    let host = value.split(|&b| b == b':').next().unwrap_or_default();
    let port = value.get(host.len() + 1..).unwrap_or_default();
    let last = host.rsplit(|&b| b == b'.').next().unwrap_or_default();
    let named = (2..=8).contains(&last.len()) && last.iter().all(u8::is_ascii_lowercase);
    host.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
        && port.iter().all(u8::is_ascii_digit)
        && named
        && (host.contains(&b'.') || !port.is_empty())
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
    let drawn = || ends && is_drawn_word(value);
    !code && !goes_on && !annotates && (digits || symbols || candidate.setting || drawn()) && !is_member(value)
}

/// `v1beta1.WatchChangeDetectionStrategy`, `keystone.loading:Password`: names joined by dots, the last of letters alone or
/// of words.
fn is_member(value: &[u8]) -> bool {
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
fn is_type(value: &[u8]) -> bool {
    let humps = value.windows(2).filter(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase()).count();
    value.first().is_some_and(u8::is_ascii_uppercase)
        && value.iter().all(u8::is_ascii_alphanumeric)
        && humps >= 2
        && humps * 3 <= value.len()
        && surprisal(value) < DRAWN
}

/// `<`, a word and a colon: no markup has that, and a template does. What follows a value is cut short.
fn is_hole(after: &[u8]) -> bool {
    matches!(after, [b'<', rest @ ..] if {
        let word = rest.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        word >= 3 && matches!(rest.get(word), Some(b':') | None)
    })
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
        assert_eq!(judged("token", "d2307d4d-dc2b-49d0-b2c6-510e27b4edb0"), Verdict::Reject);
        // A key of nothing may be one of a map.
        let hex = "d2307d4ddc2b49d0b2c6510e27b4edb0";
        assert_eq!(judged("key", hex), Verdict::Is(Confidence::Possible));
        assert_eq!(judged("hmac_key", hex), Verdict::Is(Confidence::Likely));
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
