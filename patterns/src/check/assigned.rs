//! Judges a value that only its name marks as a secret, as a reviewer would: is the name a secret's, or that of its
//! hash, length or field; is the value a literal, or a reference, a type, a path, a word?

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
    "service",
    "store",
    "storage",
    "ref",
    "reference",
    "arn",
    "version",
    "algorithm",
    "alg",
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

/// First words that make a name a question or an action rather than a thing.
const ASKS: &[&str] = &[
    "is", "has", "use", "allow", "enable", "require", "show", "hide", "forgot", "reset", "change", "no", "public",
    "invalid", "missing", "wrong", "with", "need", "can", "should", "verify", "validate", "check", "min", "max",
];

/// The verdict on a candidate of a generic rule.
pub(super) fn judge(candidate: &Candidate<'_>) -> Verdict {
    let value = candidate.value;
    let Some(name) = candidate.name else { return Verdict::Reject };
    if !(4..=256).contains(&value.len())
        || name_is_about(name)
        || is_placeholder(value)
        || is_reference(value)
        || repeats_name(name, value)
    {
        return Verdict::Reject;
    }
    if candidate.quote.is_none() && !bare_literal(candidate) {
        return Verdict::Reject;
    }
    if !value.iter().all(|b| (0x20..0x7f).contains(b)) || looks_ordinary(value) {
        return Verdict::Reject;
    }
    if is_password_name(name) { judge_password(candidate) } else { judge_key(value) }
}

/// Beside `password`, what a person would choose counts too.
fn judge_password(candidate: &Candidate<'_>) -> Verdict {
    let value = candidate.value;
    if value.len() < 6 || value.iter().filter(|&&b| b == b' ').count() > 3 {
        return Verdict::Reject;
    }
    let kinds = [
        u8::is_ascii_lowercase as fn(&u8) -> bool,
        u8::is_ascii_uppercase,
        u8::is_ascii_digit,
        u8::is_ascii_punctuation,
    ]
    .iter()
    .filter(|k| value.iter().any(|b| k(b)))
    .count();
    let digits = value.iter().any(u8::is_ascii_digit);
    let sentence = value.contains(&b' ') && !digits;
    match (kinds, sentence) {
        (_, true) => Verdict::Reject,
        (3.., _) => Verdict::Is(Confidence::Likely),
        (2, _) if digits => Verdict::Is(Confidence::Likely),
        // Words alone: an identifier in code, perhaps a weak password in a configuration.
        _ => Verdict::Is(Confidence::Possible),
    }
}

/// Beside `token` or `api_key`, only what a machine made counts.
fn judge_key(value: &[u8]) -> Verdict {
    let token = value.iter().all(|&b| b.is_ascii_alphanumeric() || b"-_+/=.~:!@#$%^&*".contains(&b));
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    if !token || value.len() < 12 || digits == 0 {
        return Verdict::Reject;
    }
    let hex = value.iter().all(u8::is_ascii_hexdigit);
    let floor = if hex { 2.8 } else { 3.3 };
    if entropy(value) < floor {
        return Verdict::Reject;
    }
    // Words joined by dashes or dots, with a number at the end, are an identifier.
    let joints = value.iter().filter(|&&b| matches!(b, b'-' | b'_' | b'.' | b'/' | b':')).count();
    if joints * 7 >= value.len() && digits * 6 < value.len() {
        return Verdict::Reject;
    }
    Verdict::Is(if value.len() >= 20 || hex { Confidence::Likely } else { Confidence::Possible })
}

fn name_words(name: &[u8]) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = b'_';
    for &b in name {
        if !b.is_ascii_alphanumeric() || (b.is_ascii_uppercase() && before.is_ascii_lowercase()) {
            words.push(String::new());
        }
        if b.is_ascii_alphanumeric() {
            words.last_mut().expect("there is always a word").push(char::from(b.to_ascii_lowercase()));
        }
        before = b;
    }
    words.retain(|w| !w.is_empty());
    words
}

/// `password_hash`, `tokenType`, `isPassword`: about a secret, not one.
fn name_is_about(name: &[u8]) -> bool {
    let words = name_words(name);
    let ends = words.last().is_some_and(|w| ABOUT.contains(&w.as_str()));
    let starts = words.len() > 1 && words.first().is_some_and(|w| ASKS.contains(&w.as_str()));
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
                | "tokenizer"
        )
    });
    ends || starts || within
}

fn is_password_name(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    ["pass", "pwd", "contrasena", "senha", "passwort", "kennwort"]
        .iter()
        .any(|w| memchr::memmem::find(&lower, w.as_bytes()).is_some())
}

/// `password: password`, `apiKey: config.apiKey`.
fn repeats_name(name: &[u8], value: &[u8]) -> bool {
    let squeeze =
        |b: &[u8]| b.iter().filter(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect::<Vec<_>>();
    let (name, value) = (squeeze(name), squeeze(value));
    !value.is_empty() && (name.ends_with(&value) || value.ends_with(&name))
}

/// A value that is looked up elsewhere, or put in later.
fn is_reference(value: &[u8]) -> bool {
    const STARTS: &[&[u8]] = &[
        b"$",
        b"{",
        b"%",
        b"@",
        b"vault:",
        b"ENC[",
        b"env:",
        b"file:",
        b"arn:",
        b"ssm:",
        b"sops:",
        b"op://",
        b"http://",
        b"https://",
        b"secret/",
        b"/",
        b"./",
        b"../",
        b"~/",
        b"#",
        b"var.",
        b"local.",
        b"data.",
        b"process.",
        b"os.",
        b"System.",
        b"AQICAH",
        b"!",
        b"-----BEGIN",
        b"sha256:",
        b"sha512-",
        b"sha1-",
        b"refs/",
        b"&",
        b"*",
    ];
    const INSIDE: &[&[u8]] =
        &[b"${", b"{{", b"}}", b"<%", b"%>", b"$(", b"#{", b"%(", b"%s", b"%d", b"%v", b"://", b"\\n\\n"];
    STARTS.iter().any(|s| value.starts_with(s))
        || INSIDE.iter().any(|s| memchr::memmem::find(value, s).is_some())
        || (value.starts_with(b"<") || value.ends_with(b">"))
}

/// Paths, dates, versions, UUID-free identifiers, sentences, types.
fn looks_ordinary(value: &[u8]) -> bool {
    let number = value.iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b':' | b'/' | b'+' | b','));
    let dotted = value.contains(&b'.')
        && value
            .split(|&b| b == b'.')
            .all(|p| !p.is_empty() && p.iter().all(|b| b.is_ascii_alphabetic() || *b == b'_'));
    let uuid = value.len() == 36
        && value
            .iter()
            .enumerate()
            .all(|(i, b)| if matches!(i, 8 | 13 | 18 | 23) { *b == b'-' } else { b.is_ascii_hexdigit() });
    number || dotted || uuid
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
        || memchr::memmem::find(value, b"->").is_some();
    let goes_on = candidate.after.first() == Some(&b'(');
    let digits = value.iter().any(u8::is_ascii_digit);
    let symbols = value.iter().any(|b| b.is_ascii_punctuation() && !matches!(b, b'_' | b'.' | b'-'));
    // A bare word of letters is a variable as often as a password.
    !code && !goes_on && (digits || symbols)
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
        })
    }

    #[test]
    fn a_persons_password_counts() {
        for value in ["hunter2!", "S3cr3t!pass", "Summer2019", "x9$Kq!27"] {
            assert_eq!(judged("db_password", value), Verdict::Is(Confidence::Likely), "{value}");
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
            ("secret", "correct-horse-battery-staple"),
        ] {
            assert_eq!(judged(name, value), Verdict::Reject, "{name}={value}");
        }
    }
}
