//! Values that stand for another: a variable, a template's hole, a path in a secret store.

use super::surprisal::{DRAWN, SURELY_DRAWN, surprisal};

/// What a reference begins with, in code and configuration.
const STARTS: &[&[u8]] = &[
    b"{",
    b"vault:",
    b"ENC[",
    b"ENC(",
    b"env:",
    b"file:",
    b"arn:",
    b"ssm:",
    b"sops:",
    b"op://",
    b"http://",
    b"https://",
    b"secret/",
    b"./",
    b"../",
    b"~/",
    b"var.",
    b"local.",
    b"data.",
    b"process.",
    b"os.",
    b"System.",
    b"env.",
    b"self.",
    b"this.",
    b"config.",
    b"settings.",
    b"AQICAH",
    // JBoss's masked passwords, and TeamCity's references.
    b"MASK-",
    b"credentialsJSON:",
    // Keys that pages show to everybody.
    b"pk_live_",
    b"pk_test_",
    b"pk.eyJ",
    b"-----BEGIN",
    b"sha1-",
    b"sha256-",
    b"sha384-",
    b"sha512-",
    b"sha1:",
    b"sha256:",
    b"sha512:",
    b"refs/",
    b"projects/",
];

/// Signs that names of other things begin with: `$DB_PASSWORD`, `@string/password`, `!Ref Password`, `&self.password`.
const SIGILS: &[u8] = b"$%@#!&*";

/// What makes a template of whatever it stands in.
const INSIDE: &[&[u8]] =
    &[b"${", b"{{", b"}}", b"<%", b"%>", b"$(", b"#{", b"%(", b"://", b"\\n\\n", b"@@", b"/../", b"/./"];

/// Whether any value, in a token's place or a password's, is plainly filled in from elsewhere.
#[must_use]
pub fn refers(value: &[u8]) -> bool {
    let name = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let variable = match value {
        [b'$', first, rest @ ..] => (first.is_ascii_alphabetic() || *first == b'_') && rest.iter().all(name),
        [b'%', middle @ .., b'%']
        | [b'@', middle @ .., b'@']
        | [b'{', middle @ .., b'}']
        | [b'<', middle @ .., b'>'] => middle.iter().all(|b| name(b) || matches!(b, b' ' | b'-' | b'.')),
        _ => false,
    };
    variable || [b"${".as_slice(), b"{{", b"$(", b"<%", b"#{"].iter().any(|s| memchr::memmem::find(value, s).is_some())
}

/// Whether a value beside a telling name is looked up elsewhere, or put in later.
pub(super) fn is_reference(value: &[u8]) -> bool {
    STARTS.iter().any(|s| value.starts_with(s))
        || is_sigiled(value)
        || is_path(value)
        || INSIDE.iter().any(|s| memchr::memmem::find(value, s).is_some())
        || (value.starts_with(b"<") || value.ends_with(b">"))
        || has_hole(value)
        || has_verb(value)
        || is_public_key(value)
        // Sealed for a cluster, as Sealed Secrets does it: longer than any token.
        || (value.len() >= 300 && value.starts_with(b"Ag"))
        || PATTERNS.iter().any(|s| memchr::memmem::find(value, s).is_some())
}

/// What regular expressions are known by: `[0-9a-f]{32}`, `(?P<name>…)`; the dots that hide a password; and how manuals
/// change the font before what is to be filled in: `--password=\\fIpassword\\fR`.
const PATTERNS: &[&[u8]] = &[
    b"(?", b"[0-9", b"[a-z", b"[A-Z", b"[^", b"\\d", b"\\w", b"\\s", b"\\u20", b"]{", b"]+", b"]*", b"\\fI", b"\\fB",
    b"\\fR", b"\\fP",
];

/// How the DER of a public key begins, in base64 and hex: two sequences and the object identifier of RSA, of an elliptic
/// curve, of Ed25519 or X25519 (RFC 5280, `SubjectPublicKeyInfo`).
const PUBLIC_KEYS: [&[u8]; 9] = [
    b"MIIBIjANBgkqhkiG9w0B",
    b"MIICIjANBgkqhkiG9w0B",
    b"MIGfMA0GCSqGSIb3DQEB",
    b"MFkwEwYHKoZIzj0C",
    b"MHYwEAYHKoZIzj0C",
    b"MIGbMBAGByqGSM49AgEG",
    b"MCowBQYDK2V",
    b"302a300506032b65",
    b"3059301306072a8648ce3d",
];

fn is_public_key(value: &[u8]) -> bool {
    matches!(value.first(), Some(b'M' | b'3')) && PUBLIC_KEYS.iter().any(|start| value.starts_with(start))
}

/// `%s:%d`, `%.4s`: a verb of `printf` with nothing, or a sign, behind it.
fn has_verb(value: &[u8]) -> bool {
    memchr::memchr_iter(b'%', value).any(|percent| {
        let precise = value[percent + 1..].iter().take(2).take_while(|b| b.is_ascii_digit() || **b == b'.').count();
        let at = percent + 1 + if value.get(percent + 1) == Some(&b'.') { precise } else { 0 };
        matches!(value.get(at), Some(b's' | b'd' | b'v' | b'w' | b'q'))
            && value.get(at + 1).is_none_or(|b| !b.is_ascii_alphanumeric())
    })
}

/// A hole with a name: `<api-key>`, `<base62:20>`.
fn has_hole(value: &[u8]) -> bool {
    memchr::memchr_iter(b'<', value).any(|open| {
        let name = value[open + 1..].iter().take_while(|b| b.is_ascii_alphanumeric() || b" _-:.".contains(b)).count();
        name >= 3 && value.get(open + 1 + name) == Some(&b'>')
    })
}

/// A name behind a sigil. What has a further sign that names have not, or is drawn, is a password: `$ecr3t!x`, `@dm1n#99`.
fn is_sigiled(value: &[u8]) -> bool {
    let [sigil, name @ ..] = value else { return false };
    let part = |b: &u8| b.is_ascii_alphanumeric() || b"_-.:/>[]()\"' ".contains(b);
    let digits = name.iter().filter(|b| b.is_ascii_digit()).count();
    let drawn = !name.contains(&b' ')
        && digits >= 2
        && surprisal(name) >= SURELY_DRAWN
        && !name.iter().all(u8::is_ascii_hexdigit);
    SIGILS.contains(sigil) && name.iter().all(part) && !drawn
}

/// An absolute path. One base64 string in sixty-four begins with a slash too, so what is drawn is none.
fn is_path(value: &[u8]) -> bool {
    let kinds = [u8::is_ascii_lowercase as fn(&u8) -> bool, u8::is_ascii_uppercase, u8::is_ascii_digit];
    let drawn = value.len() >= 8
        && kinds.iter().all(|k| value.iter().any(k))
        && !value.iter().any(|b| matches!(b, b'.' | b'-' | b'_' | b' '))
        && surprisal(value) >= DRAWN;
    value.starts_with(b"/") && !drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_templates_refer() {
        for text in
            ["$DB_PASSWORD", "${DB_PASSWORD}", "%DB_PASSWORD%", "{password}", "a{{ b }}", "<your key>", "$(pass db)"]
        {
            assert!(refers(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn public_keys_are_no_secrets() {
        assert!(is_reference(b"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"));
        assert!(!is_reference(b"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg"));
    }

    #[test]
    fn holes_and_patterns_refer() {
        for text in
            ["<base62:20><digit:1>", "key-<your-key>-1", "%.4s-%.2s", "%s:%d", "acme_[0-9a-f]{32}", "(?P<x>\\w{3})"]
        {
            assert!(is_reference(text.as_bytes()), "{text}");
        }
        for text in ["a<b>c!9", "x<3y>zz9"] {
            assert!(!is_reference(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn passwords_with_odd_signs_do_not() {
        for text in ["$ecr3t!x", "p%40ss", "a$b{c", "<3-you"] {
            assert!(!refers(text.as_bytes()), "{text}");
        }
    }
}
