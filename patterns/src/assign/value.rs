//! Where a value is and ends: in quotes, bare, in a call that decodes it, as codes.

use std::ops::Range;

use super::{GAP_REACH, Operator, VALUE_REACH, blanks};

/// The signs around a name and its value, as HTML, URLs and strings write them.
const CODED: [(&[u8], u8); 16] = [
    (b"&quot;", b'"'),
    (b"&#34;", b'"'),
    (b"&#39;", b'"'),
    (b"&apos;", b'"'),
    (b"&#x27;", b'"'),
    (b"%22", b'"'),
    (b"%27", b'"'),
    (b"\\u0022", b'"'),
    (b"\\x22", b'"'),
    (b"\\u003d", b'='),
    (b"%3d", b'='),
    (b"&#61;", b'='),
    (b"&#x3d;", b'='),
    (b"&#58;", b':'),
    (b"&#x3a;", b':'),
    (b"%3a", b':'),
];

/// The value behind a name whose quotes or operator are written as codes: `password&quot;:&quot;…&quot;`, `password%3D…`.
pub(super) fn coded(text: &[u8], name_end: usize) -> Option<Range<usize>> {
    if !matches!(text.get(name_end)?, b'&' | b'%' | b'\\') {
        return None;
    }
    let sign = |at: usize| {
        let here = text.get(at..text.len().min(at + 6))?;
        let begins = |code: &[u8]| here.get(..code.len()).is_some_and(|here| here.eq_ignore_ascii_case(code));
        CODED.iter().find(|(code, _)| begins(code)).map(|(code, sign)| (*sign, at + code.len()))
    };
    // How many of them are codes: where none is, it is no such text.
    let mut codes = 0;
    let mut at = name_end;
    let mut take = |at: &mut usize, wanted: &[u8]| match sign(*at) {
        Some((sign, next)) if wanted.contains(&sign) => {
            codes += 1;
            *at = next;
            true
        }
        None if text.get(*at).is_some_and(|b| wanted.contains(b)) => {
            *at += 1;
            true
        }
        _ => false,
    };
    take(&mut at, b"\"");
    if !take(&mut at, b":=") {
        return None;
    }
    while matches!(text.get(at), Some(b' ' | b'+')) {
        at += 1;
    }
    take(&mut at, b"\"");
    if codes == 0 {
        return None;
    }
    let ends = |i: &usize| {
        matches!(text[*i], b'"' | b'\'' | b'<' | b'>' | b'&' | b',' | b';' | b'\\')
            || text[*i].is_ascii_whitespace()
            || sign(*i).is_some()
            || text[*i..]
                .get(..3)
                .is_some_and(|code| [b"%26", b"%7D", b"%7d", b"%2C", b"%2c", b"%0A", b"%0a"].iter().any(|c| code == *c))
    };
    let high = text.len().min(at + VALUE_REACH);
    let end = (at..high).find(ends).unwrap_or(high);
    (end > at && end < at + VALUE_REACH).then_some(at..end)
}

/// What a bare value is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// A query: `?name=value&…`.
    Query,
    /// Fields that bars divide: `|name=value|…`.
    Bars,
    Text,
}

/// Where a bare value ends that is one of several in a query, or in a string with escapes.
pub(super) fn bare_end(value: &[u8], within: Within) -> usize {
    let in_query = within == Within::Query;
    let next = |i: usize| value[i + 1..].iter().take_while(|b| b.is_ascii_lowercase() || **b == b'_').count();
    let ends = |i: usize| match value[i] {
        b'#' => in_query,
        b'&' => in_query || value.get(i + 1 + next(i)) == Some(&b'='),
        b'\\' => matches!(value.get(i + 1), Some(b'n' | b'r' | b't' | b'"' | b'\'')),
        b'|' => within == Within::Bars,
        // What closes code in a wiki.
        b'{' => [b"{code}".as_slice(), b"{noformat}", b"{monospace}"].iter().any(|mark| value[i..].starts_with(mark)),
        _ => false,
    };
    (0..value.len()).find(|&i| ends(i)).unwrap_or(value.len())
}

/// Reads a value: to its closing quote, or to the first byte that ends a bare word.
pub(super) fn value(text: &[u8], mut from: usize, operator: Operator) -> Option<(Range<usize>, Option<u8>)> {
    // What leaves a literal what it is, in code: `*b"…"`, `Some("…")`, `base64.b64decode("…")`.
    if matches!(text.get(from), Some(b'*' | b'&')) && matches!(text.get(from + 1), Some(b'b' | b'"')) {
        from += 1;
    }
    let begin = from;
    for _ in 0..3 {
        let Some(inside) = wrapped(text, from) else { break };
        from = inside;
    }
    // What Haskell and its kin call with a blank.
    if let Some(call) = APPLIED.iter().find(|call| text.get(from..).is_some_and(|rest| rest.starts_with(call))) {
        from += call.len();
        if text.get(from) != Some(&b'"') {
            return None;
        }
    }
    let is_wrapped = from > begin;
    // A string's own prefix: b"…", r"…", f"…", @"…", L"…"; and the backslashes of a string within a string.
    let quoted_at = |i: usize| text.get(i).is_some_and(|b| matches!(b, b'"' | b'\'' | b'`'));
    let prefix = |b: &u8| matches!(b, b'b' | b'r' | b'u' | b'N' | b'@' | b'L' | b'(' | b'[' | b'{');
    // `%q(…)` of Ruby, `q{…}` of Perl, `[[…]]` of Lua.
    if let Some((open, close)) = BRACKETS.iter().find(|(open, _)| text.get(from..).is_some_and(|r| r.starts_with(open)))
    {
        let start = from + open.len();
        let rest = &text[start..text.len().min(start + VALUE_REACH)];
        let end = memchr::memmem::find(rest, close).filter(|end| *end > 0 && !rest[..*end].contains(&b'\n'))?;
        return Some((start..start + end, close.first().copied()));
    }
    // `<<"…">>` of Erlang, `r#"…"#` of Rust.
    if let Some(open) = [b"<<\"".as_slice(), b"r#\""]
        .into_iter()
        .find(|open| text.get(from..).is_some_and(|rest| rest.starts_with(open)))
    {
        from += open.len() - 1;
    }
    // `$'…'` of a shell, `name = $"…"`.
    if text.get(from..).is_some_and(|rest| rest.starts_with(b"$'")) {
        from += 1;
    }
    if !quoted_at(from) && quoted_at(from + 1) && text.get(from).is_some_and(prefix) {
        from += 1;
    }
    // `(const char *)"…"`.
    if let Some(cast) = text.get(from..).and_then(|rest| rest.strip_prefix(b"(")) {
        let word = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'_' | b'*');
        let length = cast.iter().take(24).take_while(word).count();
        let end = from + length + 2;
        if cast.get(length) == Some(&b')') && quoted_at(end) {
            from = end;
        }
    }
    let escapes = text[from.min(text.len())..].iter().take(7).take_while(|&&b| b == b'\\').count();
    if escapes > 0 && quoted_at(from + escapes) {
        from += escapes;
    }
    let first = *text.get(from)?;
    if let Some(list) = bytes(text, from, first) {
        return Some((list, None));
    }
    if matches!(first, b'"' | b'\'' | b'`') {
        let escaped = from > 0 && text[from - 1] == b'\\';
        return quoted(text, from, first, escaped);
    }
    // What is no literal in a call is an argument like any other: `fields.String(allow_none=True)`.
    if matches!(operator, Operator::Call | Operator::Typed) || is_wrapped {
        return None;
    }
    let high = text.len().min(from + VALUE_REACH);
    let mut end = from;
    while end < high && !ends_bare(text[end], operator) {
        end += 1;
    }
    // `Vec<Token>rest` of a type's name is no element: an element is closed.
    if operator == Operator::Element && text.get(end..end + 2) != Some(b"</") {
        return None;
    }
    // Sentence and list punctuation is not part of a bare word, nor are signs of emphasis.
    while end > from && matches!(text[end - 1], b'.' | b':' | b'\\') {
        end -= 1;
    }
    if text[from..end].ends_with(b"**") && text[..from].ends_with(b"**") {
        end -= 2;
    }
    (end > from && end < from + VALUE_REACH).then_some((from..end, None))
}

/// The fewest commas of a list of bytes that may be a key.
const FEWEST_COMMAS: usize = 7;

/// What a list of bytes has between its brackets: `{ 0x3a, 0x91, … }`, `new byte[] {58, …}`, `bytes([58, …])`.
fn bytes(text: &[u8], from: usize, first: u8) -> Option<Range<usize>> {
    if !matches!(first, b'{' | b'[' | b'n' | b'b' | b'B' | b'U' | b'u' | b'v' | b'(') {
        return None;
    }
    let rest = &text[from..text.len().min(from + GAP_REACH)];
    let before =
        |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'!' | b' ' | b'(' | b'[' | b']' | b'{');
    let at = rest.iter().take_while(|b| before(b)).count();
    // `{ (byte) 0x3a, … }` of Java.
    let casts = rest[..at].ends_with(b"(byte") && rest.get(at) == Some(&b')');
    let number = if casts { 5 } else { rest[..at].iter().rev().take_while(|b| b.is_ascii_alphanumeric()).count() };
    let start = from + at - number;
    let opens = text[from..start].trim_ascii_end().last();
    if !(casts || rest.get(at) == Some(&b',')) || number == 0 || !matches!(opens, Some(b'{' | b'[' | b'(')) {
        return None;
    }
    let inside = &text[start..text.len().min(start + VALUE_REACH)];
    let of_list = |b: &u8| b.is_ascii_hexdigit() || matches!(b, b'x' | b'X' | b',' | b' ');
    let of_cast = |b: &u8| casts && b"(byte)".contains(b);
    let length = inside.iter().take_while(|b| of_list(b) || of_cast(b)).count();
    let list = inside[..length].trim_ascii_end();
    let closed = matches!(inside.get(length), Some(b'}' | b']' | b')'));
    (closed && list.iter().filter(|b| **b == b',').count() >= FEWEST_COMMAS).then(|| start..start + list.len())
}

/// Quotes of more than one sign, and how they end.
const BRACKETS: [(&[u8], &[u8]); 5] = [(b"%q(", b")"), (b"%q{", b"}"), (b"q{", b"}"), (b"q(", b")"), (b"[[", b"]]")];

/// Calls without brackets that leave their argument what it is.
const APPLIED: [&[u8]; 5] = [b"T.pack ", b"pack ", b"Just ", b"pure ", b"BS.pack "];

/// The calls that give back the literal they are called with, or what it encodes; by the last word, in lower case.
const WRAPPERS: [&[u8]; 59] = [
    b"hashsync",
    b"encode",
    b"hashpw",
    b"password_hash",
    b"pack",
    b"aslist",
    b"literal",
    b"text",
    b"field",
    b"qstringliteral",
    b"qlatin1string",
    b"from_static",
    b"from_str",
    b"fromstring",
    b"hextobytes",
    b"parsehex",
    b"getbytes",
    b"frombase64",
    b"tobytes",
    b"data",
    b"secretvalue",
    b"bcrypt",
    b"make",
    b"md5",
    b"make_password",
    b"generate_password_hash",
    b"some",
    b"just",
    b"of",
    b"from",
    b"string",
    b"str",
    b"bytes",
    b"bytearray",
    b"securestring",
    b"secretstring",
    b"secretstr",
    b"secret",
    b"b64decode",
    b"base64_decode",
    b"base64decode",
    b"urlsafe_b64decode",
    b"decode",
    b"decodestring",
    b"frombase64string",
    b"fromhex",
    b"unhexlify",
    b"hex2bin",
    b"atob",
    b"getstring",
    b"tochararray",
    b"byte",
    b"decodehex",
    b"converttosecurestring",
    b"usestate",
    b"useref",
    b"ref",
    b"texteditingcontroller",
    b"fromutf8",
];

/// Where the argument begins of a call that leaves its argument what it is.
pub(super) fn wrapped(text: &[u8], from: usize) -> Option<usize> {
    let high = text.len().min(from + GAP_REACH);
    let rest = text.get(from..high)?;
    let rest_from = from + if rest.starts_with(b"new ") { 4 } else { 0 };
    let rest = &text[rest_from..high];
    let in_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'[' | b']');
    let mut callee = 0;
    loop {
        callee += rest[callee..].iter().take_while(|b| in_name(**b)).count();
        // `Base64.getDecoder().decode(`.
        if !rest[callee..].starts_with(b"().") {
            break;
        }
        callee += 2;
    }
    if callee == 0 || !matches!(rest.get(callee), Some(b'(' | b'{')) {
        return None;
    }
    let word = rest[..callee].iter().rev().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    let word = &rest[callee - word..callee];
    // `Lazy::new(|| "…")`, `SecretString::new("…")`, not `Error::new("…")`.
    let of = |what: &[u8]| rest[..callee].windows(what.len()).any(|part| part.eq_ignore_ascii_case(what));
    let made_of = word == b"new" && (of(b"lazy") || of(b"secret") || of(b"password"));
    let known = made_of || WRAPPERS.iter().any(|known| word.eq_ignore_ascii_case(known));
    let inside = blanks(text, rest_from + callee + 1, high);
    // What is made when it is first needed: `Lazy::new(|| "…")`.
    let made = [b"|| ".as_slice(), b"() => ", b"() -> ", b"text: "]
        .into_iter()
        .find(|made| text[inside..high].starts_with(made));
    known.then(|| inside + made.map_or(0, <[u8]>::len))
}

pub(super) fn ends_bare(b: u8, operator: Operator) -> bool {
    match operator {
        Operator::Element => matches!(b, b'<' | b'\n' | b'\r' | 0),
        Operator::Default => b.is_ascii_whitespace() || matches!(b, b'}' | b'"' | 0),
        Operator::Prose => {
            b.is_ascii_whitespace()
                || !b.is_ascii()
                || matches!(b, b'"' | b'\'' | b'`' | b',' | b';' | b'<' | b'|' | b')' | b'}' | 0)
        }
        _ => b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'`' | b',' | b';' | b'<' | 0),
    }
}

pub(super) fn quoted(text: &[u8], open: usize, quote: u8, escaped: bool) -> Option<(Range<usize>, Option<u8>)> {
    // Three quotes open a long string; its first line is read.
    let mut from = open + 1;
    if text.get(from) == Some(&quote) && text.get(from + 1) == Some(&quote) {
        from += 2;
    }
    // Two do in reStructuredText and in wikis: ``value``, ''value''.
    let twice = quote != b'"' && text.get(from) == Some(&quote);
    if twice && text.get(from + 1).is_some_and(u8::is_ascii_alphanumeric) {
        from += 1;
    }
    let high = text.len().min(from + VALUE_REACH);
    let mut at = from;
    while at < high {
        match text[at] {
            // The end of a string within a string, however deep.
            b'\\' if escaped && text[at..].iter().take(8).find(|&&b| b != b'\\') == Some(&quote) => break,
            b'\\' if !escaped => at += 1,
            b if b == quote => break,
            b'\n' | b'\r' | 0 => return None,
            _ => {}
        }
        at += 1;
    }
    // A backslash at the end has nothing behind it to pass over.
    let at = at.min(high);
    // A literal of another language in a literal: `"\"value\""`.
    if let Some(inner) = text[from..at].strip_prefix(b"\\\"").and_then(|rest| rest.strip_suffix(b"\\\"")) {
        return (!inner.is_empty() && !inner.contains(&b'"')).then(|| (from + 2..at - 2, Some(quote)));
    }
    (at > from && at < high).then_some((from..at, Some(quote)))
}
