//! Looks at one keyword's place with one rule: its regular expression in a bounded window, its boundaries, its checks.

use std::ops::Range;

use regex_automata::Input;

use super::expression::{Memory, Whole};
use super::value::is_key;
use super::{BACK, Compiled, Lane, Match};
use crate::assign::{self, Collection, Of, Operator};
use crate::check::{self, Candidate};
use crate::rule::{Bounds, Check};

/// How far a setting is indented at the most.
const MOST_INDENT: usize = 48;
/// How much of a line is looked at, each way, for what a bare value is a part of.
const MOST_LINE: usize = 160;

/// Tries `compiled` at a keyword. Offsets are those of `text`.
pub(super) fn at_keyword<'r>(
    compiled: &'r Compiled,
    text: &[u8],
    keyword: Range<usize>,
    memory: &mut Memory,
) -> Option<Match<'r>> {
    match compiled.lane {
        Lane::Beside => beside(compiled, text, keyword, memory),
        Lane::Everywhere => None,
        Lane::Anchored => {
            let end = text.len().min(keyword.start + compiled.longest);
            let whole = compiled.expression()?.at(text, keyword.start..end, memory)?;
            accept(compiled, text, &whole, keyword.len().min(compiled.rule.shape.written))
        }
        Lane::Window => {
            let end = text.len().min(keyword.start + compiled.longest);
            // What a sentence tells has a digit: most lines have none, and are not worth the expression.
            let line = &text[keyword.start..end];
            let line = &line[..memchr::memchr(b'\n', line).unwrap_or(line.len())];
            if compiled.rule.checks.contains(&Check::Told) && !line.iter().any(u8::is_ascii_digit) {
                return None;
            }
            let (least, most) = compiled.rule.lead.unwrap_or((0, BACK));
            let most = most.min(BACK).min(compiled.longest);
            let starts = keyword.start.saturating_sub(most)..(keyword.start + 1).saturating_sub(least);
            let first = |b: u8| compiled.rule.shape.firsts[usize::from(b >> 6)] >> (b & 63) & 1 != 0;
            // The first match around the keyword may fail its boundaries where a later one holds. Where none may begin, the
            // expression is not even compiled.
            starts.filter(|start| first(text[*start])).find_map(|start| {
                let whole = compiled
                    .expression()?
                    .at(text, start..end, memory)
                    .filter(|whole| whole.all.end > keyword.start)?;
                accept(compiled, text, &whole, 0)
            })
        }
    }
}

/// Tries a rule without keywords at every place in `from..limit`, and gives the first that holds.
///
/// A search sees twice the longest match and no more, so that one that comes to nothing costs each byte twice, and one
/// whose match is refused a bounded stretch: never the rest of the window for each of its places.
pub(super) fn everywhere<'r>(
    compiled: &'r Compiled,
    text: &[u8],
    mut from: usize,
    limit: usize,
    memory: &mut Memory,
) -> Option<Match<'r>> {
    let (regex, expression) = (compiled.anywhere()?, compiled.expression()?);
    while from < limit {
        let end = text.len().min(from + 2 * compiled.longest);
        let Some(place) = regex.search(&Input::new(text).span(from..end)).map(|m| m.start()) else {
            // What begins here and ends behind this is too long.
            from += compiled.longest.max(1);
            continue;
        };
        if place >= limit {
            return None;
        }
        let bounded = text.len().min(place + compiled.longest);
        if let Some(whole) = expression.at(text, place..bounded, memory)
            && let Some(found) = accept(compiled, text, &whole, 0)
        {
            return Some(found);
        }
        from = place + 1;
    }
    None
}

fn accept<'r>(compiled: &'r Compiled, text: &[u8], whole: &Whole, public: usize) -> Option<Match<'r>> {
    let rule = &compiled.rule;
    if !stands_free(rule.bounds, text, &whole.all) || whole.secret.is_empty() {
        return None;
    }
    let name = assign::name_before(text, whole.all.start);
    let candidate = candidate(text, &whole.secret, name.clone(), None);
    let confidence = check::run(&rule.checks, rule.confidence, &candidate)?;
    let public = if whole.secret.start == whole.all.start { public.min(whole.secret.len() / 2) } else { 0 };
    Some(Match { rule, secret: whole.secret.clone(), name, public, confidence, rank: compiled.rank })
}

fn beside<'r>(compiled: &'r Compiled, text: &[u8], keyword: Range<usize>, memory: &mut Memory) -> Option<Match<'r>> {
    let rule = &compiled.rule;
    let assignment = assign::around(text, keyword)?;
    let value = assignment.value.clone();
    let unseen = matches!(assignment.operator, Operator::Apposed | Operator::Remark);
    if compiled.needs_key() && (unseen || !is_key(&text[value.clone()])) {
        return None;
    }
    if rule.is_generic() && !check::plausible(&text[assignment.name.clone()], &text[value.clone()]) {
        return None;
    }
    let whole = compiled.expression()?.at(text, value.clone(), memory)?;
    // A quoted value is the secret as a whole; a bare one may be followed by punctuation of its language.
    let ends_well = if assignment.quote.is_some() {
        whole.all.end == value.end
    } else {
        whole.all.end == value.end || !is_word(text[whole.all.end])
    };
    if !ends_well || whole.secret.is_empty() {
        return None;
    }
    let mut candidate = candidate(text, &whole.secret, Some(assignment.name.clone()), assignment.quote);
    candidate.operator = Some(assignment.operator);
    candidate.setting = assignment.quote.is_none() && is_setting(text, &assignment.name, &value);
    let confidence = check::run(&rule.checks, rule.confidence, &candidate)?;
    Some(Match { rule, secret: whole.secret, name: Some(assignment.name), public: 0, confidence, rank: compiled.rank })
}

/// Whether a keyword may stand in the name of many things, told by two bytes: most stand in that of one.
#[inline]
pub(super) fn may_be_plural(text: &[u8], keyword: &Range<usize>) -> bool {
    let s = |at: usize| text.get(at).is_some_and(|b| b | 0x20 == b's');
    !text[keyword.end - 1].is_ascii_alphabetic() || s(keyword.end) || s(keyword.end - 1)
}

/// Hands out what else a keyword's name [in the plural](may_be_plural) stands for: `PASSWORDS = ["…", "…"]`, `users =
/// {"anna": "…"}`.
#[cold]
pub(super) fn collected<'r>(
    compiled: &'r Compiled,
    text: &[u8],
    keyword: &Range<usize>,
    mut found: impl FnMut(Match<'r>),
) {
    let rule = &compiled.rule;
    let Some(Collection { name, of, values }) = assign::collection(text, keyword) else { return };
    for one in values {
        // Beside a user stands a password as in a sentence: it has to be told from other words.
        let (called, operator, quote) = match of {
            Of::Accounts => (b"password".as_slice(), Operator::Prose, None),
            Of::Secrets => (&text[name.clone()], Operator::Assign, one.quote),
        };
        // What a lexer calls tokens are expressions.
        if text[one.value.clone()].iter().any(|b| matches!(b, b'|' | b'\\' | b'(' | b')')) {
            continue;
        }
        let candidate =
            Candidate { name: Some(called), operator: Some(operator), ..candidate(text, &one.value, None, quote) };
        if let Some(confidence) = check::run(&rule.checks, rule.confidence, &candidate) {
            let name = Some(one.key.unwrap_or(name.clone()));
            found(Match { rule, secret: one.value, name, public: 0, confidence, rank: compiled.rank });
        }
    }
}

/// Whether a bare value is data and no code: of a line that is its name and it, and nothing else (`NAME=value`,
/// `name: value`), of a command's environment, or of a connection string.
fn is_setting(text: &[u8], name: &Range<usize>, value: &Range<usize>) -> bool {
    // None where the value stands before its name.
    let Some(joint) = text.get(name.end..value.start) else { return false };
    if !matches!(joint, b"=" | b": " | b" = ") {
        return false;
    }
    let before = &text[name.start.saturating_sub(MOST_LINE)..name.start];
    let line = memchr::memrchr(b'\n', before).map_or(before, |newline| &before[newline + 1..]);
    let ends = matches!(text.get(value.end), None | Some(b'\n' | b'\r'));
    match joint {
        b"=" if line.is_empty() => ends || (text[value.end] == b' ' && is_constant(&text[name.clone()])),
        b"=" => {
            let item = line.trim_ascii_start();
            (ends && (line == b"export " || item == b"- "))
                || (matches!(text.get(value.end), None | Some(b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'\''))
                    && ENVIRONMENT.iter().any(|flag| line.ends_with(flag)))
                || is_of_connection(text, line, value.end)
        }
        b": " => ends && line.len() < MOST_INDENT && line.iter().all(|b| matches!(b, b' ' | b'-')),
        _ => is_of_connection(text, line, value.end),
    }
}

/// `PGPASSWORD`: a name of the environment.
fn is_constant(name: &[u8]) -> bool {
    name.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_')
}

/// What stands before a variable of the environment, or a definition, on a command line or in a list.
const ENVIRONMENT: [&[u8]; 10] =
    [b" -e ", b" -e \"", b" -e '", b"--env ", b"--from-literal=", b"- \"", b"- '", b"ENV ", b"--set ", b"config:set "];

/// Keys of connection strings that tell where or as whom one connects.
const CONNECTS: [&[u8]; 11] =
    [b"host", b"server", b"source", b"user", b"username", b"uid", b"id", b"dbname", b"database", b"catalog", b"login"];

/// Whether other keys of a connection string stand before a value, or behind it: `host=db user=app password=walnut`.
fn is_of_connection(text: &[u8], line: &[u8], value_end: usize) -> bool {
    let rest = &text[value_end..text.len().min(value_end + MOST_LINE)];
    // Arguments of a call are divided by commas.
    if !matches!(rest.first(), None | Some(b';' | b' ' | b'&' | b'"' | b'\'' | b'<' | b'`' | b'\\' | b'\n' | b'\r')) {
        return false;
    }
    let rest = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
    [line, rest].into_iter().any(|part| {
        memchr::memchr_iter(b'=', part).any(|equals| {
            let key = part[..equals].trim_ascii_end();
            let word = key.iter().rev().take_while(|b| b.is_ascii_alphabetic()).count();
            let word = &key[key.len() - word..];
            // What is called with a variable is code.
            !matches!(part.get(equals + 1), None | Some(b'=' | b' ' | b'%' | b'$'))
                && CONNECTS.iter().any(|known| word.eq_ignore_ascii_case(known))
        })
    })
}

fn candidate<'t>(
    text: &'t [u8],
    secret: &Range<usize>,
    name: Option<Range<usize>>,
    quote: Option<u8>,
) -> Candidate<'t> {
    Candidate {
        value: &text[secret.clone()],
        name: name.map(|n| &text[n]),
        operator: None,
        quote,
        after: &text[secret.end..text.len().min(secret.end + 8)],
        setting: false,
    }
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

/// Whether no letter or digit runs on into the match. The `n` of a written `\n` and the digits of `%0A` do not count:
/// they are not part of the text.
fn stands_free(bounds: Bounds, text: &[u8], all: &Range<usize>) -> bool {
    let left = || match (all.start.checked_sub(1).map(|i| text[i]), text.get(all.start)) {
        (Some(before), Some(first)) if is_word(before) && is_word(*first) => {
            ends_an_escape(&text[all.start.saturating_sub(6)..all.start])
        }
        _ => true,
    };
    let right = || match (text.get(all.end), all.end.checked_sub(1).map(|i| text[i])) {
        (Some(after), Some(last)) => !(is_word(*after) && is_word(last)),
        _ => true,
    };
    match bounds {
        Bounds::Both => left() && right(),
        Bounds::Left => left(),
        Bounds::Right => right(),
        Bounds::None => true,
    }
}

/// `\n`, `\t`, `\x3d`, `\u003d`, `%3D` right before a token.
fn ends_an_escape(before: &[u8]) -> bool {
    let n = before.len();
    let hex = |from: usize| before[from..].iter().all(u8::is_ascii_hexdigit);
    let opens =
        |i: usize| before[i] == b'\\' && (i == 0 || before[i - 1] != b'\\' || (i >= 2 && before[i - 2] == b'\\'));
    (n >= 2 && opens(n - 2) && matches!(before[n - 1], b'n' | b't' | b'r' | b'b' | b'f' | b'v' | b'0'))
        || (n >= 3 && before[n - 3] == b'%' && hex(n - 2))
        || (n >= 4 && before[n - 4] == b'\\' && before[n - 3] == b'x' && hex(n - 2))
        || (n >= 6 && before[n - 6] == b'\\' && before[n - 5] == b'u' && hex(n - 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_does_not_hide_the_start_of_a_token() {
        for text in ["\\n", "a\\t", "%3D", "%0a", "\\x3d", "\\u003d"] {
            assert!(ends_an_escape(text.as_bytes()), "{text}");
        }
        for text in ["n", "xn", "3D", "x3d"] {
            assert!(!ends_an_escape(text.as_bytes()), "{text}");
        }
    }
}
