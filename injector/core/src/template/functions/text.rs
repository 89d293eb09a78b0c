//! Text: trimmed, cut, replaced, quoted.

use regex_lite::Regex;

use super::{Function, MAX_TEXT, Outcome, Value, bytes_of, count_of, function, list_of, shown, text_of};

pub(super) const TABLE: &[Function] = &[
    function("toLower", 1, 1, |a, _| Ok(Value::text(text_of(&a[0])?.to_lowercase()))),
    function("toUpper", 1, 1, |a, _| Ok(Value::text(upper(text_of(&a[0])?)))),
    function("toTitle", 1, 1, |a, _| Ok(Value::text(title(text_of(&a[0])?)))),
    function("trimSpace", 1, 1, |a, _| Ok(Value::text(text_of(&a[0])?.trim()))),
    function("trim", 2, 2, |a, _| Ok(Value::text(trim(text_of(&a[1])?, text_of(&a[0])?)))),
    function("trimPrefix", 2, 2, |a, _| {
        let (prefix, text) = (text_of(&a[0])?, text_of(&a[1])?);
        Ok(Value::text(text.strip_prefix(prefix).unwrap_or(text)))
    }),
    function("trimSuffix", 2, 2, |a, _| {
        let (suffix, text) = (text_of(&a[0])?, text_of(&a[1])?);
        Ok(Value::text(text.strip_suffix(suffix).unwrap_or(text)))
    }),
    function("replaceAll", 3, 3, |a, _| replace(text_of(&a[0])?, text_of(&a[1])?, text_of(&a[2])?)),
    function("regexMatch", 2, 2, |a, _| Ok(Value::Bool(regex(text_of(&a[0])?)?.is_match(text_of(&a[1])?)))),
    function("regexReplaceAll", 3, 3, |a, _| {
        Ok(Value::text(regex(text_of(&a[0])?)?.replace_all(text_of(&a[2])?, text_of(&a[1])?).into_owned()))
    }),
    function("split", 2, 2, |a, _| Ok(Value::texts(split(text_of(&a[0])?, text_of(&a[1])?)))),
    function("join", 2, 2, |a, _| {
        let mut out = Vec::new();
        for (at, item) in list_of(&a[1])?.iter().enumerate() {
            if at > 0 {
                out.extend_from_slice(bytes_of(&a[0])?);
            }
            out.extend(shown(item));
        }
        Ok(Value::text(out))
    }),
    function("splitToMap", 3, 3, |a, _| {
        let (entries, pair) = (text_of(&a[0])?, text_of(&a[1])?);
        let parts = text_of(&a[2])?.split(entries).filter(|part| !part.is_empty());
        let named = parts.map(|part| part.split_once(pair).unwrap_or((part, "")));
        Ok(Value::map_of_texts(named.map(|(name, value)| (name.to_owned(), value))))
    }),
    function("indent", 2, 2, |a, _| indent(count_of(&a[0])?, text_of(&a[1])?)),
    function("shellQuote", 1, 1, |a, _| shell_quote(&shown(&a[0]))),
    function("propertiesEscape", 1, 1, |a, _| Ok(Value::text(properties(text_of(&a[0])?)))),
];

pub(super) fn regex(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|_| {
        if pattern.contains("\\p") || pattern.contains("\\P") {
            "its pattern has a class of Unicode, such as \\pL, which is not known here: list the letters, as in [A-Za-z]".to_owned()
        } else {
            "its pattern cannot be understood".to_owned()
        }
    })
}

/// Writes letters large, each by the one that Unicode has for it: Go does not make two of one.
pub(super) fn upper(text: &str) -> String {
    text.chars().map(large).collect()
}

fn large(c: char) -> char {
    let mut large = c.to_uppercase();
    match (large.next(), large.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// Takes characters of a set away at both ends.
pub(super) fn trim(text: &str, set: &str) -> String {
    text.trim_matches(|c| set.contains(c)).to_owned()
}

pub(super) fn title(text: &str) -> String {
    let mut before = ' ';
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if before.is_alphanumeric() || before == '_' || before == '\'' {
            out.push(c);
        } else {
            out.push(large(c));
        }
        before = c;
    }
    out
}

pub(super) fn replace(from: &str, to: &str, text: &str) -> Outcome {
    if to.len() > from.len() && text.len().saturating_mul(to.len()) > MAX_TEXT * 16 {
        return Err("what it would make is too large".to_owned());
    }
    Ok(Value::text(text.replace(from, to)))
}

/// Cuts text as Go's `strings.Split`: an empty separator cuts between characters.
pub(super) fn split(separator: &str, text: &str) -> Vec<String> {
    if separator.is_empty() {
        return text.chars().map(String::from).collect();
    }
    let text = text.trim();
    if text.is_empty() {
        return Vec::new();
    }
    text.split(separator).map(str::to_owned).collect()
}

/// Puts spaces before each line that holds anything.
pub(super) fn indent(spaces: usize, text: &str) -> Outcome {
    let lines = 1 + text.matches('\n').count();
    if spaces.saturating_mul(lines) > MAX_TEXT {
        return Err("what it would make is too large".to_owned());
    }
    let space = " ".repeat(spaces);
    let lines: Vec<String> =
        text.split('\n').map(|line| if line.is_empty() { String::new() } else { format!("{space}{line}") }).collect();
    Ok(Value::text(lines.join("\n")))
}

/// Quotes a word for a POSIX shell, which expands nothing between single quotes.
fn shell_quote(word: &[u8]) -> Outcome {
    if word.contains(&0) {
        return Err("a NUL is no part of a word of a shell".to_owned());
    }
    let mut out = Vec::with_capacity(word.len() * 4 + 2);
    out.push(b'\'');
    for byte in word {
        if *byte == b'\'' {
            out.extend_from_slice(b"'\\''");
        } else {
            out.push(*byte);
        }
    }
    out.push(b'\'');
    Ok(Value::text(out))
}

/// Escapes a value of a Java properties file (`java.util.Properties.load`).
fn properties(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 6);
    for (at, c) in text.char_indices() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' ' if at == 0 => out.push_str("\\ "),
            '=' | ':' | '#' | '!' => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04X}"));
                }
            }
        }
    }
    out
}
