//! What stands in a cell, without what markup puts around it.

use std::ops::Range;

use oakum_patterns::check::is_hash;

use super::trimmed;
use crate::structured::value::Scalar;

/// What markup puts around a text.
const MARKS: &[(&[u8], &[u8])] = &[
    (b"'''", b"'''"),
    (b"''", b"''"),
    (b"**", b"**"),
    (b"``", b"``"),
    (b"`", b"`"),
    (b"{{{", b"}}}"),
    (b"{{", b"}}"),
    (b"<nowiki>", b"</nowiki>"),
    (b"<em>", b"</em>"),
    (b"<i>", b"</i>"),
    (b"\"", b"\""),
    (b"__", b"__"),
    (b"*", b"*"),
    (b"_", b"_"),
    (b"=", b"="),
    (b"~", b"~"),
    (b"<code>", b"</code>"),
    (b"<b>", b"</b>"),
    (b"<strong>", b"</strong>"),
    (b"<kbd>", b"</kbd>"),
    (b"<tt>", b"</tt>"),
    (b"<pre>", b"</pre>"),
    (b"\\texttt{", b"}"),
    (b"\\textbf{", b"}"),
    (b"\\verb|", b"|"),
];

/// A cell without blanks and marks of emphasis.
pub(super) fn clean(text: &[u8], cell: Range<usize>) -> Range<usize> {
    let mut cell = trimmed(text, cell);
    // How Textile says that a cell is a head.
    if text[cell.clone()].starts_with(b"_. ") {
        cell = trimmed(text, cell.start + 3..cell.end);
    }
    for _ in 0..4 {
        let body = &text[cell.clone()];
        let around = MARKS.iter().find(|(open, close)| {
            body.len() > open.len() + close.len()
                && body.starts_with(open)
                && body.ends_with(close)
                // Two texts in marks, side by side, are no text in marks.
                && memchr::memmem::find(&body[open.len()..body.len() - close.len()], open).is_none()
        });
        let Some((open, close)) = around else { break };
        cell = trimmed(text, cell.start + open.len()..cell.end - close.len());
    }
    cell
}

/// What a cell of lines with bars says: a backslash takes its meaning from a bar.
pub(super) fn scalar(text: &[u8], cell: Range<usize>) -> Scalar<'_> {
    let cell = clean(text, cell);
    let escapes = |at: usize| {
        text[at] == b'\\' && matches!(text.get(at + 1), Some(b'|' | b'_' | b'*' | b'#' | b'&' | b'%' | b'$'))
    };
    if !cell.clone().any(escapes) {
        return Scalar::plain(text, cell);
    }
    let kept = |at: &usize| !(escapes(*at) && at + 1 < cell.end);
    let places: Vec<usize> = cell.clone().filter(kept).collect();
    let bytes = places.iter().map(|at| text[*at]).collect();
    let places = places.into_iter().map(|at| u32::try_from(at).unwrap_or(u32::MAX)).collect();
    Scalar::decoded(cell.clone(), bytes, places)
}

/// The password behind a user: `anna / walnut94`, `anna:walnut94`.
pub(super) fn behind_user<'t>(scalar: &Scalar<'t>) -> Option<Scalar<'t>> {
    let text = &*scalar.text;
    let sign = text.iter().position(|b| matches!(b, b'/' | b':' | b'|' | b' '))?;
    let user = &text[..sign];
    let rest = text[sign..].iter().take_while(|b| matches!(b, b'/' | b':' | b'|' | b' ')).count();
    let mark = |b: &u8| matches!(b, b'`' | b'*' | b'"' | b'\'');
    let from = sign + rest + text[sign + rest..].iter().take_while(|b| mark(b)).count();
    let length = text[from..].iter().take_while(|b| !mark(b) || **b == b'*').count();
    let joined = text[sign..sign + rest].iter().any(|b| *b != b' ');
    (!user.is_empty() && joined && from < text.len()).then(|| scalar.part(from..from + length).trimmed())
}

/// Whether a cell has one word, and no link.
pub(super) fn is_word(value: &[u8]) -> bool {
    value.iter().all(u8::is_ascii_graphic)
        && !matches!(value, [b'[', ..] | [b'(', .., b')'] | [b'<', ..])
        && memchr::memmem::find(value, b"://").is_none()
        && memchr::memmem::find(value, b"<br").is_none()
}

/// Where people say that a password is: `1Password`, `KeePass`.
const ELSEWHERE: [&[u8]; 16] = [
    b"1password",
    b"bitwarden",
    b"vaultwarden",
    b"lastpass",
    b"keepass",
    b"dashlane",
    b"passbolt",
    b"ldap",
    b"oauth",
    b"kerberos",
    b"saml",
    b"vault",
    b"sops",
    b"openid",
    b"publickey",
    b"ssh-key",
];

pub(super) fn is_elsewhere(value: &[u8]) -> bool {
    ELSEWHERE.iter().any(|word| value.len() >= word.len() && value[..word.len()].eq_ignore_ascii_case(word))
}

/// What is kept of a password, as databases show it: also in base64, and what names its method.
pub(super) fn is_kept(value: &[u8]) -> bool {
    let of_base64 = matches!((value.len(), value), (24 | 28 | 44 | 88, [.., b'=']))
        && value.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
    let methods = [b"pbkdf2".as_slice(), b"sha1$", b"sha256", b"md5$", b"bcrypt", b"argon2", b"scrypt"];
    is_hash(value)
        || of_base64
        || matches!(value, [b'$' | b'{' | b'*', ..])
        || methods.iter().any(|method| value.starts_with(method))
}
