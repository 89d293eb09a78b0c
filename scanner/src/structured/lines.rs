//! Formats in which the place on a line says what is the credential, and no name does.

use std::ops::Range;

use oakum_patterns::Confidence;

use super::reading::Reading;
use super::value::{Path, Scalar};

/// The lines of a text that are no comment.
fn lines(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        at = start + length + 1;
        Some(start..start + rest[..length].strip_suffix(b"\r").unwrap_or(&rest[..length]).len())
    })
    .filter(|line| !text[line.clone()].is_empty() && text[line.start] != b'#')
}

/// `host:port:database:user:password`; a backslash takes its meaning from a colon.
pub(crate) fn pgpass<'t>(text: &'t [u8], reading: &mut Reading<'t, '_>) {
    for line in lines(text) {
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
    for line in lines(text) {
        let body = &text[line.clone()];
        let Some(from) = memchr::memmem::find(body, b"://").map(|at| at + 3) else { continue };
        let Some(host) = memchr::memrchr(b'@', body).filter(|at| *at > from) else { continue };
        let Some(colon) = memchr::memchr(b':', &body[from..host]).map(|at| from + at + 1) else { continue };
        let password = Scalar::plain(text, line.start + colon..line.start + host);
        let name = Path::key(&body[host + 1..]);
        reading.credential("url.password", Confidence::Certain, &name, &password);
    }
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
    for line in lines(text) {
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
