//! A collection in brackets: `["…", "…"]`, `{"a": "…"}`, `[("a", "…")]`, in the syntax of whatever language.

use std::ops::Range;

use super::super::is_name;
use super::{MOST, Of, Value};

/// How deep brackets may stand in one another.
const DEEPEST: usize = 6;
/// The longest literal.
const LONGEST: usize = 256;

/// The value of `users.put("anna", "…")`; `end` is where the plural ends.
pub(super) fn put(text: &[u8], end: usize, high: usize) -> Option<Vec<Value>> {
    const CALLS: [&[u8]; 5] = [b".put(", b".Add(", b".add(", b".set(", b".insert("];
    let rest = text.get(end..high)?;
    let call = CALLS.iter().find(|call| rest.starts_with(call))?;
    let key = literal(text, end + call.len(), high)?;
    let comma = text.get(key.end + 1..high)?.strip_prefix(b",")?;
    let at = key.end + 2 + blanks(comma);
    let value = literal(text, at, high)?;
    Some(vec![Value { key: Some(key), value, quote: Some(text[at]) }])
}

/// Where the brackets open behind a name, if that is assigned what they hold and nothing else.
pub(super) fn opened(text: &[u8], end: usize, high: usize) -> Option<usize> {
    let mut at = end;
    // The end of the name's own quotes and brackets: `"users"`, `users[]`, `['users']`.
    while at < high && matches!(text[at], b'"' | b'\'' | b'`' | b']') || text[at..high].starts_with(b"[]") {
        at += 1;
    }
    // The brackets of its type are closed before it is assigned anything.
    let mut assigned = false;
    let (mut first, mut open) = (None, 0usize);
    while at < high {
        match text[at] {
            b'=' if matches!(text.get(at + 1), Some(b'=')) => return None,
            b'=' | b':' => assigned = true,
            b'<' if text.get(at + 1) == Some(&b'-') => assigned = true,
            b'[' | b'{' | b'(' => {
                // `@users %{`, `(def users {`, `vector<string> passwords{`; not `passwords(`.
                if !assigned && (text[at] == b'(' || !text[end..at].iter().all(|b| matches!(b, b' ' | b'%'))) {
                    return None;
                }
                if open == 0 {
                    first = Some(at);
                }
                open += 1;
            }
            b']' | b'}' | b')' => open = open.checked_sub(1)?,
            b'"' | b'\'' | b'`' | b'\n' | b'\r' if open > 0 => break,
            b'"' | b'\'' | b'`' | b'\n' | b'\r' | b';' => return None,
            _ if open > 0 && is_words(&text[..at]) => break,
            _ => {}
        }
        at += 1;
    }
    first.filter(|_| open > 0)
}

/// Whether what opened here holds words without quotes: `qw(`, `%w[`.
fn is_words(before: &[u8]) -> bool {
    matches!(before, [.., b'q' | b'%', b'w', b'(' | b'[' | b'{' | b'/'])
}

/// One pair of brackets, as far as it is read.
#[derive(Default)]
struct Group {
    /// Where in what was found its own begin.
    from: usize,
    literals: usize,
    commas: bool,
    /// Whether anything in it is called by a name.
    named: bool,
    /// Whether it is what a call of Java's is given: `Map.of("key", "value")`.
    flat: bool,
    words: bool,
}

/// The values within the brackets that open at `from`. What ends before they are closed has those that it has, but for a
/// literal that has no end.
pub(super) fn values(text: &[u8], from: usize, high: usize, of: Of) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    let mut groups: Vec<Group> = Vec::new();
    let mut at = from;
    // What stands before a sign that joins it to a value.
    let (mut word, mut joined) = (None::<Range<usize>>, false);
    while at < high && found.len() <= MOST {
        match text[at] {
            b'[' | b'{' | b'(' => {
                if groups.len() == DEEPEST {
                    return Vec::new();
                }
                let flat = text[..at].ends_with(b"Map.of");
                let words = is_words(&text[..=at]);
                groups.push(Group { from: found.len(), flat, words, ..Group::default() });
                // `["key"] = "value"` has a name in the brackets; what else is in others has none.
                word = None;
                joined = false;
            }
            b']' | b'}' | b')' => {
                let Some(group) = groups.pop() else { break };
                close(&mut found, &group, groups.len(), of);
                if groups.is_empty() {
                    return found;
                }
                joined = false;
            }
            b'"' | b'\'' | b'`' => {
                let Some(inside) = literal(text, at, high) else { return Vec::new() };
                let quote = text[at];
                at = inside.end;
                let Some(group) = groups.last_mut() else { return found };
                group.literals += 1;
                group.named |= joined;
                // `:` of a key in Ruby, `]` of one in C# and the shell.
                let rest = &text[at + 1..high];
                let rest = &rest[blanks(rest)..];
                let rest = rest.strip_prefix(b"]").map_or(rest, |rest| &rest[blanks(rest)..]);
                let is_key = !joined && (matches!(rest, [b':' | b'=', ..] | [b'-', b'>', ..] | [b't', b'o', b' ', ..]));
                if is_key {
                    word = Some(inside);
                } else {
                    let key = if joined { word.take() } else { None };
                    found.push(Value { key, value: inside, quote: Some(quote) });
                    joined = false;
                }
            }
            b'=' | b':' => joined = true,
            b'-' if text.get(at + 1) == Some(&b'>') => joined = true,
            b',' | b'|' => {
                if let Some(group) = groups.last_mut() {
                    group.commas = true;
                }
                joined = false;
            }
            // A block of code, but for PowerShell's `@{ anna = '…'; bob = '…' }`.
            b';' if text[..from].ends_with(b"@") => joined = false,
            b';' => return Vec::new(),
            b'#' => at += line(&text[at..high]),
            b'/' if text.get(at + 1) == Some(&b'/') => at += line(&text[at..high]),
            b if is_name(b) => {
                let length = text[at..high].iter().take_while(|b| is_name(**b)).count();
                let is_prefix = length <= 2 && matches!(text.get(at + length), Some(b'"' | b'\''));
                let here = at..at + length;
                if groups.last().is_some_and(|group| group.words) {
                    let length =
                        text[at..high].iter().take_while(|b| !b.is_ascii_whitespace() && !b"])}".contains(b)).count();
                    found.push(Value { key: None, value: at..at + length, quote: Some(b' ') });
                    at += length - 1;
                } else if &text[here.clone()] == b"to" {
                    joined = true;
                    at += 1;
                } else if !is_prefix {
                    // A value that is no literal, or what a value is called.
                    if joined && let Some(group) = groups.last_mut() {
                        group.named = true;
                    }
                    joined = false;
                    at = here.end - 1;
                    word = Some(here);
                }
            }
            _ => {}
        }
        at += 1;
    }
    for (depth, group) in groups.iter().enumerate().rev() {
        close(&mut found, group, depth, of);
    }
    found
}

/// Takes out again what of a group is no value, which stands in `depth` others.
fn close(found: &mut Vec<Value>, group: &Group, depth: usize, of: Of) {
    let own = found.len() - group.from;
    if group.named && depth > 0 {
        // Of a map within another each value has a name of its own, which is looked at for itself.
        found.truncate(group.from);
    } else if group.named {
        let mut at = 0;
        found.retain(|one| {
            at += 1;
            at <= group.from || one.key.is_some() || of == Of::Secrets
        });
    } else if of == Of::Accounts && own > 0 && own == group.literals {
        let key = |one: &Value| Some(one.value.clone());
        // All users, one behind another; or one user and what is theirs.
        if own.is_multiple_of(2) && (group.flat || (!group.commas && depth == 0)) {
            let all = found.split_off(group.from);
            found.extend(all.chunks(2).map(|pair| Value { key: key(&pair[0]), ..pair[1].clone() }));
        } else {
            let one = found.split_off(group.from);
            if depth > 0 && (2..=4).contains(&own) {
                found.push(Value { key: key(&one[0]), ..one[1].clone() });
            }
        }
    }
}

/// A literal on one line, which opens at `open`.
fn literal(text: &[u8], open: usize, high: usize) -> Option<Range<usize>> {
    let quote = *text.get(open).filter(|b| matches!(b, b'"' | b'\'' | b'`'))?;
    let mut at = open + 1;
    let high = high.min(open + LONGEST);
    while at < high {
        match text[at] {
            b'\\' => at += 1,
            b'\n' | b'\r' => return None,
            b if b == quote => return Some(open + 1..at),
            _ => {}
        }
        at += 1;
    }
    None
}

fn blanks(text: &[u8]) -> usize {
    text.iter().take(16).take_while(|b| matches!(b, b' ' | b'\t')).count()
}

/// How long the rest of a line is.
fn line(text: &[u8]) -> usize {
    memchr::memchr(b'\n', text).unwrap_or(text.len()).saturating_sub(1)
}
