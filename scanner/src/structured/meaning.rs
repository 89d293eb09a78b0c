//! What a value is called by the way to it: where its own key says nothing, a key above it may, as in
//! `tokens: [VALUE]`, `password: {default: VALUE}` and `credentials: {github: VALUE}`.

use std::borrow::Cow;

use super::kubernetes::is_public;
use super::value::Path;

/// Keys that say no more than that something has this value.
const VALUE: [&[u8]; 14] = [
    b"value",
    b"default",
    b"defaultvalue",
    b"default_value",
    b"default-value",
    b"plain",
    b"plaintext",
    b"plaintext_value",
    b"plain_text",
    b"literal",
    b"_",
    b"$",
    b"#text",
    b"__text",
];

/// Of what a key may be that holds many credentials, and what one of them is called.
const MANY: [(&[u8], &[u8]); 7] = [
    (b"passwords", b"password"),
    (b"tokens", b"token"),
    (b"secrets", b"secret"),
    (b"apikeys", b"api_key"),
    (b"accesskeys", b"access_key"),
    (b"credentials", b"credential"),
    (b"creds", b"credential"),
];

/// Words before these of which there are many that open nothing: how a text is cut, how a page looks.
const OF_TEXTS: [&[u8]; 9] = [b"max", b"min", b"stop", b"added", b"special", b"design", b"color", b"theme", b"prompt"];

/// Whether a name may be that of a secret, at a glance.
pub(super) fn tells(name: &[u8]) -> bool {
    let has = |piece: &&[u8]| name.windows(piece.len()).any(|w| w.eq_ignore_ascii_case(piece));
    [b"pass".as_slice(), b"pwd", b"pw", b"secret", b"token", b"key", b"cred", b"auth", b"wort", b"senha", b"contrasen"]
        .iter()
        .any(has)
}

/// What a value at the end of a path is called.
pub(super) fn name<'v>(path: &Path<'v>) -> Cow<'v, [u8]> {
    let (name, outer) = path.last_keys();
    if path.ends_in_item()
        && let Some((kind, one)) = many(name)
    {
        // `npmTokens[0]` is a `npmToken`.
        let before = &name[..name.len() - kind];
        return [before, one].concat().into();
    }
    if VALUE.iter().any(|word| name.eq_ignore_ascii_case(word)) && tells(outer) {
        return outer.into();
    }
    match many(outer) {
        Some((_, one)) if !tells(name) && !is_public(name) && !name.is_empty() => match one {
            // A word beside a password is one of a translation as often.
            b"password" => [one, b"_", name].concat().into(),
            _ => [name, b"_", one].concat().into(),
        },
        _ => name.into(),
    }
}

/// Whether a key is one of many credentials: how much of it says so, and what one is called.
fn many(key: &[u8]) -> Option<(usize, &'static [u8])> {
    // From behind, letter by letter, whatever joins the words.
    let ends = |word: &[u8]| {
        let mut left = word.iter().rev().peekable();
        let mut length = 0;
        for b in key.iter().rev() {
            let Some(wanted) = left.peek() else { break };
            if b.eq_ignore_ascii_case(wanted) {
                left.next();
            } else if !matches!(b, b'_' | b'-' | b'.' | b' ') {
                return None;
            }
            length += 1;
        }
        left.peek().is_none().then_some(length)
    };
    let (length, one) = MANY.iter().find_map(|(word, one)| Some((ends(word)?, *one)))?;
    let before = key[..key.len() - length].to_ascii_lowercase();
    let texts = OF_TEXTS.iter().any(|word| memchr::memmem::find(&before, word).is_some());
    (!texts).then_some((length, one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structured::value::Step;

    #[test]
    fn what_stands_above_tells() {
        let path = |steps: &[Step<'static>]| steps.iter().fold(Path::default(), |path, step| path.join(*step));
        let key = |key: &'static str| Step::Key(key.as_bytes());
        for (steps, expected) in [
            (vec![key("tokens"), Step::Item(1)], "token"),
            (vec![key("npmTokens"), Step::Item(1)], "npmtoken"),
            (vec![key("API_KEYS"), Step::Item(0)], "api_key"),
            (vec![key("credentials"), key("github"), Step::Item(0)], "github_credential"),
            (vec![key("api_keys"), key("maps")], "maps_api_key"),
            (vec![key("passwords"), key("anna")], "password_anna"),
            (vec![key("db_password"), key("default")], "db_password"),
            (vec![key("adminPassword"), key("defaultValue")], "adminPassword"),
            (vec![key("secrets"), key("path")], "path"),
            (vec![key("stop_tokens"), Step::Item(0)], "stop_tokens"),
            (vec![key("colour"), key("default")], "default"),
            (vec![key("db"), key("password")], "password"),
        ] {
            assert_eq!(String::from_utf8_lossy(&name(&path(&steps))), expected);
        }
    }
}
