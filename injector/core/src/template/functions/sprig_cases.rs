//! Sprig's names in another case, as the library `xstrings` makes them: `FirstName` to `first_name`, `first-name` and back.
//! Letters and digits beyond ASCII are known; signs beyond ASCII count as symbols.

use super::sprig_words::small;
use super::{Function, Value, function, text_of};

pub(super) const TABLE: &[Function] = &[
    function("sprig_camelcase", 1, 1, |a, _| Ok(Value::text(camel(text_of(&a[0])?)))),
    function("sprig_kebabcase", 1, 1, |a, _| Ok(Value::text(joined(text_of(&a[0])?, '-')))),
    function("sprig_snakecase", 1, 1, |a, _| Ok(Value::text(joined(text_of(&a[0])?, '_')))),
];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Number,
    /// It begins with a capital: `HTTP`, `Server`.
    Capital,
    Small,
    /// Blanks, `-` and `_`.
    Gap,
    Sign,
    Other,
}

impl Kind {
    fn of(c: char) -> Self {
        match c {
            '-' | '_' => Self::Gap,
            _ if c.is_whitespace() => Self::Gap,
            // What Unicode has as symbols.
            '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~' => Self::Other,
            _ if c.is_ascii_punctuation() => Self::Sign,
            _ if c.is_uppercase() => Self::Capital,
            // Signs of Chinese have no case.
            '\u{3400}'..='\u{4d85}' | '\u{4e00}'..='\u{9fcc}' | '\u{20000}'..='\u{2b81d}' => Self::Other,
            _ if c.is_alphabetic() => Self::Small,
            _ if c.is_numeric() => Self::Number,
            _ => Self::Other,
        }
    }
}

/// The words of a text, nothing left out.
fn words(text: &str) -> Vec<(Kind, &str)> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let kind = Kind::of(first);
        let while_it_is = |text: &str, kind: Kind| text.find(|c| Kind::of(c) != kind).unwrap_or(text.len());
        let mut end = while_it_is(rest, kind);
        if kind == Kind::Capital {
            let behind = Kind::of(rest[end..].chars().next().unwrap_or(' '));
            let last = rest[..end].char_indices().next_back().map_or(0, |(at, _)| at);
            if behind == Kind::Small && last == 0 {
                end += while_it_is(&rest[end..], Kind::Small);
            } else if behind == Kind::Small {
                // The last capital of `HTTPStatus` is the next word's.
                end = last;
            }
        }
        words.push((kind, &rest[..end]));
        rest = &rest[end..];
    }
    words
}

/// Small letters, and `gap` between words. A number goes with the word before it, but with the letters behind it if there
/// are any: `Bld4Floor` is `bld4_floor`, `http2xx` is `http_2xx`.
fn joined(text: &str, gap: char) -> String {
    let words = words(text);
    let kind = |at: usize| words.get(at).map(|(kind, _)| *kind);
    let parts = |at: usize| matches!(kind(at), Some(Kind::Number | Kind::Capital | Kind::Small | Kind::Other));
    let mut out = String::with_capacity(text.len() + words.len());
    let write = |out: &mut String, at: usize| {
        let (kind, word) = words[at];
        match kind {
            Kind::Gap => out.extend(word.chars().map(|_| gap)),
            Kind::Capital => out.extend(word.chars().map(small)),
            _ => out.push_str(word),
        }
    };
    // Writes a number's letters and what goes on with them.
    let write_run = |out: &mut String, mut at: usize| {
        while matches!(kind(at), Some(Kind::Small | Kind::Number)) {
            write(out, at);
            at += 1;
        }
        at
    };
    let mut at = 0;
    while at < words.len() {
        let here = words[at].0;
        write(&mut out, at);
        at += 1;
        match here {
            Kind::Gap | Kind::Sign => continue,
            Kind::Number => at = write_run(&mut out, at),
            _ if kind(at) == Some(Kind::Number) && at + 1 < words.len() => {
                if kind(at + 1) == Some(Kind::Small) {
                    out.push(gap);
                    at = write_run(&mut out, at);
                } else {
                    write(&mut out, at);
                    at += 1;
                }
            }
            _ if kind(at) == Some(Kind::Number) => continue,
            _ => {}
        }
        if parts(at) {
            out.push(gap);
        }
    }
    out
}

/// A capital at each word's beginning, and no gaps between words; what is all capitals has only the first one left. Gaps
/// before the first word are kept; a text of nothing else gets one more, as there.
fn camel(text: &str) -> String {
    let gap = |c: char| Kind::of(c) == Kind::Gap;
    let start = text.find(|c| !gap(c)).unwrap_or(text.len());
    let (mut out, rest) = (text[..start].to_owned(), &text[start..]);
    let mut rest = rest.chars();
    let Some(first) = rest.next() else {
        out.extend(text.chars().next_back());
        return out;
    };
    let (mut capitals, mut held) = (first.is_uppercase(), large(first));
    for mut c in rest {
        match (gap(held), gap(c)) {
            (true, true) => out.push(held),
            (true, false) => {
                capitals = c.is_uppercase();
                c = large(c);
            }
            (false, _) => {
                capitals &= c.is_uppercase();
                if capitals {
                    c = small(c);
                }
                out.push(held);
            }
        }
        held = c;
    }
    out.push(held);
    out
}

/// The capital of a letter, where it is one letter.
fn large(c: char) -> char {
    let mut large = c.to_uppercase();
    if large.len() == 1 { large.next().unwrap_or(c) } else { c }
}
