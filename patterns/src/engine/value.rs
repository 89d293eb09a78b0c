//! What the value lane knows of every value that it finds: it begins with a run of token bytes that a machine made.

use std::ops::Range;

use crate::assign::is_name;

use crate::shape::is_token;

/// How many token bytes a run has at least: of random keys so long, three in a hundred have no digit, and of those most
/// have the cases.
pub(super) const RUN: usize = 20;
/// The longest keyword that is found before a value.
pub(super) const LONGEST: usize = 32;
/// How far before a value its keyword may begin: the longest keyword, the name after it, and the gap.
pub(super) const BEFORE: usize = 160;
/// Where the name is in the run itself, how much of it is searched.
pub(super) const WITHIN: usize = 160;
/// How many bytes of the run tell whether a machine made it.
pub(super) const SAMPLE: usize = 64;

/// How long the run of token bytes is that a text begins with, as much of it as is looked at, and whether a machine made
/// it: it has a digit, or cases that change as often as chance has it. What a person writes there (`some_function_name`,
/// `someFunctionName`) has neither, and of random keys of twenty characters one in two hundred.
fn run(text: &[u8]) -> (usize, bool) {
    let (mut humps, mut length, mut digits, mut small) = (0, 0, false, false);
    for b in text.iter().take(SAMPLE).take_while(|b| is_token(**b)) {
        humps += usize::from(small && b.is_ascii_uppercase());
        small = b.is_ascii_lowercase();
        digits |= b.is_ascii_digit();
        length += 1;
    }
    (length, digits || humps * 6 > length)
}

/// Whether a value begins with a run that is long enough, and that a machine made.
pub(super) fn is_key(value: &[u8]) -> bool {
    let (length, machine_made) = run(value);
    length >= RUN && machine_made
}

/// Whether the run at `at`, which is long enough and a machine's, may begin a value: behind a quote, behind an operator and blanks, or
/// behind blanks and an option's name or `ENV NAME`. In `${NAME-value}` the value begins within the run.
pub(super) fn may_begin(text: &[u8], at: usize) -> bool {
    let before = &text[..at];
    match before.last() {
        Some(b'{' | b'"' | b'\'' | b'`' | b'=' | b':' | b'>' | b'~') => true,
        Some(b' ' | b'\t') => follows_blanks(before),
        // In bold: `key: **value**`.
        Some(b'*') => follows_blanks(&before[..before_all(before, at, |b| b == b'*')]),
        Some(b';') => ends_in(before, &[b"&quot;", b"&#34;", b"&#39;", b"&apos;", b"&#x27;"]),
        // A quote or an operator that is written as a code: `\u003dvalue`, `%22value`.
        Some(b'\\') => begins_with(&text[at..], &[b"u0022", b"x22", b"u003d"]),
        Some(b'%') => begins_with(&text[at..], &[b"22", b"27", b"3a", b"3d"]),
        _ => false,
    }
}

/// Where the bytes begin that are all alike, of those that end at `end`.
#[inline(always)]
fn before_all(text: &[u8], end: usize, like: impl Fn(u8) -> bool) -> usize {
    end - text[..end].iter().rev().take_while(|b| like(**b)).count()
}

fn ends_in(text: &[u8], any: &[&[u8]]) -> bool {
    any.iter().any(|end| text.len() >= end.len() && text[text.len() - end.len()..].eq_ignore_ascii_case(end))
}

fn begins_with(text: &[u8], any: &[&[u8]]) -> bool {
    any.iter().any(|begin| text.get(..begin.len()).is_some_and(|text| text.eq_ignore_ascii_case(begin)))
}

fn follows_blanks(before: &[u8]) -> bool {
    let before = &before[..before_all(before, before.len(), |b| matches!(b, b' ' | b'\t'))];
    match before.last() {
        Some(b'=' | b':' | b'>' | b'~') => true,
        Some(last) if is_name(*last) => {
            let (rest, name) = before.split_at(before_all(before, before.len(), is_name));
            let docker =
                rest.last_chunk::<4>().is_some_and(|w| [b"ENV ", b"ARG "].iter().any(|d| w.eq_ignore_ascii_case(*d)));
            // A sentence: `the key is value`.
            name[0] == b'-' || docker || name.eq_ignore_ascii_case(b"is") || name.eq_ignore_ascii_case(b"was")
        }
        _ => false,
    }
}

/// Where names may be that the value at `at` belongs to; see [`crate::assign`] for what can stand between.
pub(super) fn names_of(text: &[u8], at: usize) -> Range<usize> {
    let first = at.saturating_sub(BEFORE);
    if text[..at].ends_with(b"{") {
        // `${NAME-value}`: the name is in the run.
        return first..text.len().min(at + WITHIN);
    }
    if let Some(name) = adjacent(&text[first..at]) {
        return first + name.start..first + name.end;
    }
    // On its line, or on lines before it where it is a record's second field (`- name: X`, `value: run`) or an element
    // after another (`<key>X</key>`, `<string>run`).
    let Some(newline) = memchr::memrchr(b'\n', &text[first..at]) else { return first..at };
    let line = &text[first + newline + 1..at];
    let start = line.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'"' | b'\'' | b'\\' | b',')).count();
    let word = &line[start..];
    let field = word.get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"value")) || word.starts_with(b"<string>");
    if field { first..at } else { first + newline + 1..at }
}

/// The name, where it stands directly before an operator and can be no type or field: `name=value`, `"name": "value"`.
/// That is most of them, and spares a look at the rest of the line.
fn adjacent(before: &[u8]) -> Option<Range<usize>> {
    let quotes = before_all(before, before.len(), |b| matches!(b, b'"' | b'\\'));
    let operator_end = if quotes < before.len() { before_all(before, quotes, |b| b == b' ') } else { quotes };
    let operator = before_all(before, operator_end, |b| matches!(b, b'=' | b':'));
    let end = before_all(before, operator, |b| matches!(b, b'"' | b'\\'));
    let start = before_all(before, end, is_name);
    let name = &before[start..end];
    let decided = if end < operator {
        // A quoted name.
        before[end..operator].contains(&b'"')
    } else {
        // A bare name and value. Behind a colon it might be a type: `name: Type=value`.
        quotes == before.len() && operator_end == quotes && {
            let rest = before_all(before, start, |b| matches!(b, b' ' | b'\t'));
            rest > 0
                && (before[rest - 1].is_ascii_alphanumeric() || matches!(before[rest - 1], b'\n' | b';' | b',' | b'/'))
        }
    };
    (decided && operator < operator_end && !name.is_empty() && start > 0 && !name.eq_ignore_ascii_case(b"value"))
        .then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_names() {
        for value in ["0123456789abcdefghij", "aBcDefGhIjkLmNopQrsT", "-abcdefghijklmnopqr1!"] {
            assert!(is_key(value.as_bytes()), "{value}");
        }
        for value in [
            "some_function_name_of",
            "someFunctionNameThere",
            "AN_UPPER_CASE_NAME_TOO",
            "short1",
            "! 0123456789abcdefghij",
            "",
        ] {
            assert!(!is_key(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn values_follow_operators() {
        let may = |before: &str| {
            may_begin(
                format!("{before}{}0123456789abcdefghij", if before.ends_with(['\\', '%']) { "x22" } else { "" })
                    .as_bytes(),
                before.len(),
            )
        };
        for before in [
            "a=",
            "a: ",
            "a\": \"",
            "a = b'",
            "--key  ",
            "x -k ",
            "ENV KEY ",
            "arg key\t",
            "a >\t",
            "${",
            "a&quot;:&quot;",
            "a\\",
        ] {
            assert!(may(before), "{before}");
        }
        for before in ["", "\n", "  ", "a ", "some words ", "f(a, ", "f(", "*", "a\n  "] {
            assert!(!may(before), "{before}");
        }
    }

    #[test]
    fn the_name_is_looked_for_where_it_may_be() {
        for (text, names) in [
            ("a b=1\nx lag=2 sha256:", "sha256"),
            ("{\"a\": 1, \"key\": \"", "key"),
            ("{\\\"a\\\": 1, \\\"key\\\":\\\"", "key"),
            ("x\nconst key: Type=", "const key: Type="),
            ("x\nkey: &str = \"", "key: &str = \""),
            ("- name: KEY\n  value: ", "- name: KEY\n  value: "),
            ("x\n<key>KEY</key>\n<string>", "x\n<key>KEY</key>\n<string>"),
            ("x\nf(\"key\", \"", "f(\"key\", \""),
        ] {
            assert_eq!(&text[names_of(text.as_bytes(), text.len())], names, "{text}");
        }
    }
}
