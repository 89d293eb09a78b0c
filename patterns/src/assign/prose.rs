//! What people write in sentences and headings: `the password is …`, `Password` and then a line of its own.

use std::ops::Range;

use super::{NAME_REACH, blanks};

/// Whether a word that no sentence has begins here: a key that a machine made.
pub(super) fn is_drawn(text: &[u8], at: usize) -> bool {
    let rest = &text[at..text.len().min(at + 129)];
    let word =
        rest.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'_' | b'-' | b'=')).count();
    let ends = rest.get(word).is_none_or(|b| b" \n\r\"'`.,)\\<".contains(b));
    let digits = rest[..word].iter().filter(|b| b.is_ascii_digit()).count();
    let long = word >= 20 && digits >= 2;
    (16..=128).contains(&word) && ends && (long || digits >= 3) && digits < word
}

/// What stands before `key` and says what it opens.
const OPENED: [&[u8]; 27] = [
    b"api",
    b"secret",
    b"access",
    b"private",
    b"license",
    b"licence",
    b"server",
    b"master",
    b"encryption",
    b"decryption",
    b"signing",
    b"deploy",
    b"storage",
    b"account",
    b"service",
    b"sandbox",
    b"merchant",
    b"partner",
    b"webhook",
    b"app",
    b"auth",
    b"activation",
    b"backup",
    b"cluster",
    b"session",
    b"aes",
    b"hmac",
];

/// Where a name begins whose last word is `key`: a word before it may say what it opens.
pub(super) fn begins_name(text: &[u8], start: usize) -> usize {
    let Some(end) = start.checked_sub(1).filter(|at| text[*at] == b' ') else { return start };
    let word = text[end.saturating_sub(12)..end].iter().rev().take_while(|b| b.is_ascii_alphabetic()).count();
    let is = |known: &[u8]| text[end - word..end].eq_ignore_ascii_case(known);
    // `The fingerprint of the signing key: …`.
    let before = &text[(end - word).saturating_sub(32)..end - word];
    let about = [b"fingerprint".as_slice(), b"thumbprint", b"hash", b"sum ", b"digest", b"public", b" id "];
    let is_about = || about.iter().any(|what| memchr::memmem::find(before, what).is_some());
    let opens = OPENED.iter().any(|known| is(known)) || is_service(text, end - word..end);
    if opens && !is_about() { end - word } else { start }
}

/// `Kaggle key: …` at the start of a line, or of an item of a list: a word with a capital that can be the name of a service.
fn is_service(text: &[u8], word: Range<usize>) -> bool {
    const OTHERS: [&[u8]; 30] = [
        b"primary",
        b"cache",
        b"foreign",
        b"sort",
        b"partition",
        b"host",
        b"index",
        b"hash",
        b"current",
        b"default",
        b"example",
        b"random",
        b"wrong",
        b"invalid",
        b"unknown",
        b"missing",
        b"next",
        b"first",
        b"last",
        b"object",
        b"message",
        b"group",
        b"lock",
        b"this",
        b"that",
        b"with",
        b"found",
        b"actual",
        b"client",
        b"block",
    ];
    let name = &text[word.clone()];
    let low = word.start.saturating_sub(8);
    let line =
        memchr::memrchr(b'\n', &text[low..word.start]).map(|newline| low + newline + 1).or((low == 0).then_some(0));
    name.len() >= 4
        && name[0].is_ascii_uppercase()
        && name[1..].iter().all(u8::is_ascii_lowercase)
        && !name.ends_with(b"ing")
        && !name.ends_with(b"ed")
        && !OTHERS.iter().any(|other| name.eq_ignore_ascii_case(other))
        && line.is_some_and(|line| text[line..word.start].iter().all(|b| matches!(b, b' ' | b'-' | b'*')))
}

/// Whether a name is one of a passphrase.
pub(crate) fn names_phrase(name: &[u8]) -> bool {
    name.len() >= 6 && name[name.len() - 6..].eq_ignore_ascii_case(b"phrase")
}

/// Where the value of a passphrase ends: behind as many words as the line has, if they are few and nothing else.
pub(super) fn phrase_end(text: &[u8], value: &Range<usize>) -> usize {
    let rest = &text[value.start..text.len().min(value.start + 80)];
    let length = rest.iter().take_while(|b| b.is_ascii_lowercase() || **b == b' ').count();
    let ends = matches!(rest.get(length), Some(b'\n' | b'\r')) || value.start + length == text.len();
    let phrase = rest[..length].trim_ascii_end();
    let words = phrase.split(|b| *b == b' ');
    let plain = words.clone().all(|word| word.len() >= 3) && (4..=8).contains(&words.count());
    if ends && plain { value.start + phrase.len() } else { value.end }
}

/// Whether it is a word and nothing else, as weak passwords are.
pub(super) fn is_plain(value: &[u8]) -> bool {
    (6..=24).contains(&value.len())
        && value.iter().all(|b| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_'))
        && value.iter().any(u8::is_ascii_lowercase)
}

/// Whether a name ends in the plainest words for a password.
pub(super) fn ends_in_password(text: &[u8], name_end: usize) -> bool {
    let ends = |word: &[u8]| name_end >= word.len() && text[name_end - word.len()..name_end].eq_ignore_ascii_case(word);
    const PASSWORDS: [&[u8]; 19] = [
        b"word",
        b"pass",
        b"wd",
        b"pw",
        b"ort",
        b"phrase",
        b"clave",
        b"passe",
        b"senha",
        b"woord",
        b"passord",
        b"heslo",
        b"haslo",
        b"mdp",
        b"psw",
        b"parola",
        b"salasana",
        b"lozinka",
        b"adgangskode",
    ];
    PASSWORDS.into_iter().any(ends)
}

/// Where a word stands behind the password that it is, in a sentence without a verb: `user anna pass walnut94`.
pub(super) fn apposition(text: &[u8], before: &[u8], name_end: usize, at: usize) -> Option<usize> {
    let rest = &text[at..text.len().min(at + NAME_REACH)];
    let word = rest.iter().take_while(|b| !b.is_ascii_whitespace() && !matches!(b, b'"' | b'\'' | b'<')).count();
    let ends = rest[..word].iter().rev().take_while(|b| matches!(b, b',' | b')' | b'.')).count();
    let value = &rest[..word - ends];
    let free = matches!(before.last(), None | Some(b' ' | b'\n' | b'(' | b'\t'));
    let sentence = before.ends_with(b" (")
        || text[name_end.saturating_sub(8)..name_end]
            .iter()
            .all(|b| b.is_ascii_alphabetic() || b" ,:()\n-".contains(b));
    let plain = value.iter().all(|b| b.is_ascii_alphanumeric() || b"!@#$%^&*+?._-".contains(b));
    (free && sentence && plain && value.iter().any(u8::is_ascii_digit)).then_some(at)
}

/// The verbs between a password and what it is.
const VERBS: [&[u8]; 25] = [
    b"to ",
    b"from ",
    b"should be ",
    b"jest ",
    b"je ",
    b"er ",
    "är ".as_bytes(),
    b"is ",
    b"is: ",
    "è ".as_bytes(),
    "это ".as_bytes(),
    b"was ",
    b"war ",
    b"era ",
    b"lautet ",
    b"lautet: ",
    b"ist ",
    b"es ",
    b"est ",
    b"este ",
    "είναι ".as_bytes(),
    "é ".as_bytes(),
    "— ".as_bytes(),
    "– ".as_bytes(),
    b"- ",
];

/// Words between a password and a verb that make it no statement of what it is.
const NO_THING: [&[u8]; 9] =
    [b" not ", b" that ", b" which ", b" who ", b" when ", b" if ", b" should ", b" must ", b" and "];

/// Whether a word begins here that is letters and digits, as no word of a text is.
pub(super) fn stands_alone(text: &[u8], at: usize) -> bool {
    let rest = &text[at..text.len().min(at + NAME_REACH)];
    let word = rest.iter().take_while(|b| b.is_ascii_graphic() && !b",;<\"'".contains(b)).count();
    word >= 6 && rest[..word].iter().any(u8::is_ascii_digit) && rest[..word].iter().any(u8::is_ascii_alphabetic)
}

/// How far the words of a sentence go, of letters beyond ASCII too. An address is one of them: `for anna@example.com is …`.
fn words(text: &[u8], in_word: impl Fn(&u8) -> bool) -> usize {
    let joins = |at: usize| text.get(at + 1).is_some_and(u8::is_ascii_alphanumeric) && at > 0 && text[at - 1] != b' ';
    let is_word = |(at, b): &(usize, &u8)| in_word(b) || !b.is_ascii() || (matches!(b, b'.' | b'@') && joins(*at));
    text.iter().enumerate().take_while(is_word).count()
}

/// Where the value begins in a sentence, of which this is the verb.
pub(super) fn sentence(text: &[u8], at: usize, high: usize) -> Option<usize> {
    let rest = text.get(at..high)?;
    // `the password of the admin's page is …`, `mot de passe par défaut est …`, `the password of \`anna\` is …`.
    let words = || words(rest, |b| b.is_ascii_alphabetic() || b" '-`".contains(b));
    let within = || {
        let words = &rest[..words()];
        let no_label = |word: &[u8]| memchr::memmem::find(words, word).is_some();
        let (before, verb) = memchr::memchr_iter(b' ', words)
            .find_map(|blank| Some((blank + 1, VERBS.iter().find(|verb| words[blank + 1..].starts_with(verb))?)))?;
        (!NO_LABEL.into_iter().chain(NO_THING).any(no_label)).then_some((before, verb))
    };
    let (before, verb) = VERBS.iter().find(|verb| rest.starts_with(verb)).map(|verb| (0, verb)).or_else(within)?;
    let (at, rest) = (at + before, &rest[before + verb.len()..]);
    let still = [b"now ".as_slice(), b"still ", b"currently ", b"jetzt ", "übrigens ".as_bytes()]
        .into_iter()
        .find(|word| rest.starts_with(word));
    let skipped = verb.len() + still.map_or(0, <[u8]>::len);
    // What is a word of the sentence is no password.
    let skipped = emphasis(text, at + skipped, high) - at;
    let value = text.get(at + skipped..high)?;
    let quoted = matches!(value.first(), Some(b'`' | b'"' | b'\''));
    let word = &value[..value.iter().take_while(|b| !b.is_ascii_whitespace()).count()];
    // Letters alone are judged for whether they are a word: `is YbDyWDrC`.
    // In languages that the model hardly knows every word is as rare.
    let foreign = [b"jest ".as_slice(), b"je ", b"er ", "är ".as_bytes()].contains(verb);
    let letters =
        !foreign && (8..=32).contains(&word.len()) && word.iter().all(|b| b.is_ascii_alphabetic() || *b == b'.');
    (quoted || letters || word.iter().any(u8::is_ascii_digit)).then_some(at + skipped)
}

/// What a label is about that is no password.
const NO_LABEL: [&[u8]; 15] = [
    b"hash", b"sha", b"digest", b"salt", b"sum", b"crypt", b"must", b"file", b"path", b"length", b"field", b"polic",
    b"option", b"type", b"format",
];

/// Where the value begins behind a label's other words and a colon: `password (new): value`, `password for ci: \`value\``,
/// and behind an arrow.
pub(super) fn label(text: &[u8], at: usize, high: usize) -> Option<usize> {
    let rest = text.get(at..high)?;
    if rest.starts_with("\u{2192} ".as_bytes()) {
        return Some(at + 4);
    }
    if !matches!(rest.first()?, b'a'..=b'z' | b'(' | 0x80..) {
        return None;
    }
    let words = words(rest, |b| b.is_ascii_alphanumeric() || b" ()-/`".contains(b));
    // `… is: value`.
    let words = if rest[..words].ends_with(b" is") || !rest[..words].contains(&b'@') { words } else { 0 };
    let no_label = |word: &[u8]| memchr::memmem::find(&rest[..words], word).is_some();
    let (sign, value) = [b": ".as_slice(), b":: ", b"= "]
        .iter()
        .find_map(|sign| Some((sign.len(), rest[words..].strip_prefix(*sign)?)))?;
    // What is a word of the sentence is no password.
    let stands_out = value.iter().take_while(|b| !b.is_ascii_whitespace()).any(u8::is_ascii_digit);
    (stands_out && !NO_LABEL.into_iter().any(no_label))
        .then(|| emphasis(text, blanks(text, at + words + sign, high), high))
}

/// Whether a line is a name, which ends at `name_end`, and one word: `requirepass value`, `  set password ENC value`.
pub(super) fn is_directive(text: &[u8], name_end: usize, value: usize) -> bool {
    let before = &text[name_end.saturating_sub(NAME_REACH)..name_end];
    let line = memchr::memrchr(b'\n', before).map_or(before, |newline| &before[newline + 1..]);
    let words = line.split(|b| matches!(b, b' ' | b'\t')).filter(|word| !word.is_empty()).count();
    let rest = &text[value..text.len().min(value + NAME_REACH)];
    let word = rest.iter().take_while(|b| !b.is_ascii_whitespace()).count();
    let first = line.trim_ascii_start();
    (words == 1 || (words == 2 && (first.starts_with(b"set ") || first.starts_with(b"> "))))
        && matches!(text.get(value + word), None | Some(b'\n' | b'\r'))
        && !rest.starts_with(b"-")
        && !rest[..word.min(4)].contains(&b'=')
        && rest[..word].iter().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'(' | b'{' | b'<'))
}

/// How Markdown and HTML begin what stands out: `password: **value**`, `password: <code>value</code>`.
const EMPHASIS: [&[u8]; 18] = [
    b"** ",
    b"**",
    b"__",
    b"<b>",
    b"<code>",
    b"<strong>",
    b"<kbd>",
    b"<em>",
    b"<i>",
    b"<tt>",
    b"<nowiki>",
    b"{{{",
    b"\\texttt{",
    b"\\verb|",
    "「".as_bytes(),
    "“".as_bytes(),
    "„".as_bytes(),
    "« ".as_bytes(),
];

/// Skips the signs of emphasis.
pub(super) fn emphasis(text: &[u8], at: usize, high: usize) -> usize {
    let rest = text.get(at..high).unwrap_or_default();
    if !matches!(rest.first(), Some(b'*' | b'_' | b'<' | b'{' | b'\\' | 0xc2 | 0xe2 | 0xe3)) {
        return at;
    }
    EMPHASIS.iter().find(|sign| rest.starts_with(sign)).map_or(at, |sign| at + sign.len())
}
