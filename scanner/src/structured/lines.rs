//! Formats in which the place on a line says what is the credential, and no name does.

use std::ops::Range;

use oakum_patterns::Confidence;

use super::reading::Reading;
use super::value::{Path, Scalar};

/// Where the lines of a text are, without their ends.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        at = start + length + 1;
        Some(start..start + rest[..length].strip_suffix(b"\r").unwrap_or(&rest[..length]).len())
    })
}

/// Those that say something: no comment, and not empty.
fn told(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    lines(text).filter(|line| !text[line.clone()].is_empty() && text[line.start] != b'#')
}

/// `host:port:database:user:password`; a backslash takes its meaning from a colon.
pub(crate) fn pgpass<'t>(text: &'t [u8], reading: &mut Reading<'t, '_>) {
    for line in told(text) {
        let escaped = |at: &usize| text[line.start..*at].iter().rev().take_while(|b| **b == b'\\').count() % 2 == 1;
        let colons: Vec<usize> = line.clone().filter(|at| text[*at] == b':' && !escaped(at)).take(5).collect();
        if let [_, _, _, fourth] = colons[..] {
            let password = Scalar::plain(text, fourth + 1..line.end);
            reading.credential("connection.pgpass", Confidence::Certain, &Path::key(b"password"), &password);
        }
    }
}

/// Words in pairs, over as many lines as one likes: `machine NAME`, `login NAME`, `password WORD`.
pub(crate) fn netrc<'t>(text: &'t [u8], reading: &mut Reading<'t, '_>) {
    let (mut at, mut machine) = (0, 0..0);
    let (mut before, mut login): (&[u8], &[u8]) = (b"", b"");
    while at < text.len() {
        at += text[at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
        let end = at + text[at..].iter().take_while(|b| !b.is_ascii_whitespace()).count();
        let word = &text[at..end];
        match before {
            b"machine" => machine = at..end,
            b"login" => login = word,
            // Whoever is anonymous gives an address for a password.
            b"password" if login != b"anonymous" => {
                let path = Path::key(b"machine").then("password");
                let named = Path::key(&text[machine.clone()]).then("password");
                let path = if machine.is_empty() { path } else { named };
                reading.credential("http.netrc", Confidence::Certain, &path, &Scalar::plain(text, at..end));
            }
            _ => {}
        }
        // What follows one of these is a value, even if it is such a word itself.
        let is_value = matches!(before, b"machine" | b"login" | b"account" | b"password");
        before = if is_value { b"" } else { word };
        at = end;
    }
}

/// `https://user:password@host`, a line each.
pub(crate) fn git_credentials<'t>(text: &'t [u8], reading: &mut Reading<'t, '_>) {
    for line in told(text) {
        let body = &text[line.clone()];
        let Some(from) = memchr::memmem::find(body, b"://").map(|at| at + 3) else { continue };
        let Some(host) = memchr::memrchr(b'@', body).filter(|at| *at > from) else { continue };
        let Some(colon) = memchr::memchr(b':', &body[from..host]).map(|at| from + at + 1) else { continue };
        let password = Scalar::plain(text, line.start + colon..line.start + host);
        let name = Path::key(&body[host + 1..]);
        reading.credential("url.password", Confidence::Certain, &name, &password);
    }
}

/// The words of a line, some in double quotes, and where each stands without them.
fn words(text: &[u8], line: Range<usize>) -> Vec<Range<usize>> {
    let (mut found, mut at) = (Vec::new(), line.start);
    while found.len() < 8 {
        at += text[at..line.end].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        if at >= line.end {
            break;
        }
        let quoted = text[at] == b'"';
        let start = at + usize::from(quoted);
        let ends = |b: &u8| if quoted { *b == b'"' } else { matches!(b, b' ' | b'\t') };
        let end = text[start..line.end].iter().position(ends).map_or(line.end, |length| start + length);
        found.push(start..end);
        at = end + usize::from(quoted);
    }
    found
}

/// `"user" "password"`, or what the database keeps of it.
pub(crate) fn user_list<'t>(text: &'t [u8], reading: &mut Reading<'t, '_>) {
    for line in told(text).filter(|line| text[line.start] == b'"') {
        if let [user, password, ..] = &words(text, line)[..] {
            let (user, password) = (Path::key(&text[user.clone()]), Scalar::plain(text, password.clone()));
            reading.credential("daemon.pool-user", Confidence::Certain, &user, &password);
        }
    }
}

/// `[host]:port user:password`, or `host:user:password`.
pub(crate) fn relay<'t>(text: &'t [u8], reading: &mut Reading<'t, '_>) {
    for line in told(text) {
        let words = words(text, line.clone());
        let password = match &words[..] {
            [_, login] => memchr::memchr(b':', &text[login.clone()]).map(|colon| login.start + colon + 1..login.end),
            [all] => memchr::memchr_iter(b':', &text[all.clone()]).nth(1).map(|colon| all.start + colon + 1..all.end),
            _ => None,
        };
        let (Some(password), Some(host)) = (password, words.first()) else { continue };
        let host = text[host.clone()].split(|b| matches!(b, b':' | b' ')).next().unwrap_or_default();
        reading.credential("daemon.relay", Confidence::Certain, &Path::key(host), &Scalar::plain(text, password));
    }
}

/// `user:password`, or `@group:password`.
pub(crate) fn rsync_secrets<'t>(text: &'t [u8], reading: &mut Reading<'t, '_>) {
    for line in told(text) {
        let Some(colon) = memchr::memchr(b':', &text[line.clone()]) else { continue };
        let user = Path::key(&text[line.start..line.start + colon]);
        let password = Scalar::plain(text, line.start + colon + 1..line.end);
        reading.credential("generic.password", Confidence::Certain, &user, &password);
    }
}

/// `client server secret addresses`.
pub(crate) fn chap_secrets<'t>(text: &'t [u8], reading: &mut Reading<'t, '_>) {
    for line in told(text) {
        if let [client, _, secret, ..] = &words(text, line)[..] {
            let client = Path::key(&text[client.clone()]);
            let secret = Scalar::plain(text, secret.clone());
            reading.credential("generic.password", Confidence::Certain, &client, &secret);
        }
    }
}

/// The one word that all nodes of a cluster know.
pub(crate) fn erlang_cookie<'t>(text: &'t [u8], reading: &mut Reading<'t, '_>) {
    let Some(line) = told(text).next().filter(|line| line.len() <= 256) else { return };
    reading.credential("generic.secret", Confidence::Certain, &Path::key(b"cookie"), &Scalar::plain(text, line));
}

/// `user:hash`; a hash is cracked before it is used.
pub(crate) fn htpasswd<'t>(text: &'t [u8], reading: &mut Reading<'t, '_>) {
    hashes(text, "http.htpasswd", reading);
}

/// `user:hash:…`; `*` and `!` stand for none.
pub(crate) fn shadow<'t>(text: &'t [u8], reading: &mut Reading<'t, '_>) {
    hashes(text, "unix.shadow-hash", reading);
}

fn hashes<'t>(text: &'t [u8], rule: &str, reading: &mut Reading<'t, '_>) {
    for line in told(text) {
        let mut fields = text[line.clone()].split(|b| *b == b':');
        let (Some(user), Some(hash)) = (fields.next(), fields.next()) else { continue };
        let start = line.start + user.len() + 1;
        let known = hash.starts_with(b"$") || hash.starts_with(b"{SHA}") || hash.len() == 13;
        let written = hash.len() >= 13 && hash.iter().all(|b| b.is_ascii_alphanumeric() || b"$./+={},_-".contains(b));
        if known && written && !user.is_empty() {
            let hash = Scalar::plain(text, start..start + hash.len());
            reading.credential(rule, Confidence::Likely, &Path::key(user), &hash);
        }
    }
}
