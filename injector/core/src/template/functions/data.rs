//! Documents in other formats, read and written as Go's libraries do it.

use std::collections::BTreeMap;

use super::super::print::float;
use super::{Function, Outcome, Value, function, text_of, toml};
use crate::quoting::escaped;
use crate::yaml::{Kind, Node};

pub(super) const TABLE: &[Function] = &[
    function("toJSON", 1, 1, |a, _| json(&a[0], None, true)),
    function("toJSONPretty", 1, 1, |a, _| json(&a[0], Some("  "), true)),
    function("toUnescapedJSON", 1, 1, |a, _| json(&a[0], None, false)),
    function("toUnescapedJSONPretty", 1, 1, |a, _| json(&a[0], Some("  "), false)),
    function("parseJSON", 1, 1, |a, _| match text_of(&a[0])? {
        "" => Ok(Value::map(BTreeMap::new())),
        text => parse_json(text),
    }),
    function("parseYAML", 1, 1, |a, _| match text_of(&a[0])? {
        "" => Ok(Value::map(BTreeMap::new())),
        text => Node::parse(text).map(|node| from_yaml(&node)).map_err(|_| "what it is given is not YAML".to_owned()),
    }),
    function("toYAML", 1, 1, |a, _| {
        let mut out = String::new();
        yaml(&a[0], 0, false, &mut out)?;
        Ok(Value::text(out.trim()))
    }),
    function("toTOML", 1, 1, |a, _| Ok(Value::text(toml::write(super::map_of(&a[0])?)?.trim()))),
];

/// Reads JSON as Go does into an `interface{}`: every number becomes one with a fraction.
pub(super) fn parse_json(text: &str) -> Outcome {
    Value::from_json(text).map(|value| numbers(&value)).ok_or_else(|| "what it is given is not JSON".to_owned())
}

fn numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::Float(number.parse().unwrap_or_default()),
        Value::List(items) => Value::list(items.iter().map(numbers).collect()),
        Value::Map(entries) => Value::map(entries.iter().map(|(name, value)| (name.clone(), numbers(value))).collect()),
        other => other.clone(),
    }
}

fn from_yaml(node: &Node) -> Value {
    match &node.kind {
        Kind::List(items) => Value::list(items.iter().map(from_yaml).collect()),
        Kind::Map(entries) => {
            Value::map(entries.iter().map(|(key, value)| (key.text.clone(), from_yaml(value))).collect())
        }
        // Words that YAML 1.1 takes for a truth, as Go's reader does.
        Kind::Scalar { text, quoted: false }
            if matches!(text.as_str(), "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON") =>
        {
            Value::Bool(true)
        }
        Kind::Scalar { text, quoted: false }
            if matches!(text.as_str(), "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF") =>
        {
            Value::Bool(false)
        }
        Kind::Scalar { text, .. } => match node.to_json() {
            serde_json::Value::Null => Value::Nil,
            serde_json::Value::Bool(truth) => Value::Bool(truth),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(number) => Value::Int(number),
                None => Value::Float(number.as_f64().unwrap_or_default()),
            },
            _ => Value::text(text.as_str()),
        },
    }
}

/// Writes JSON as Go's `encoding/json`, with `<`, `>` and `&` escaped or not.
pub(super) fn json(value: &Value, indent: Option<&str>, escape: bool) -> Outcome {
    let mut out = String::new();
    write_json(value, indent, escape, 0, &mut out)?;
    Ok(Value::text(out))
}

fn write_json(value: &Value, indent: Option<&str>, escape: bool, depth: usize, out: &mut String) -> Result<(), String> {
    let line = |depth: usize, out: &mut String| {
        if let Some(indent) = indent {
            out.push('\n');
            out.push_str(&indent.repeat(depth));
        }
    };
    match value {
        Value::Missing | Value::Nil => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Float(number) if !number.is_finite() => return Err("a number is not finite".to_owned()),
        Value::Float(number) => out.push_str(&json_float(*number)),
        Value::Number(number) => out.push_str(number),
        Value::Text(text) => json_text(&String::from_utf8_lossy(text.expose()), escape, out),
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                line(depth + 1, out);
                write_json(item, indent, escape, depth + 1, out)?;
            }
            if !items.is_empty() {
                line(depth, out);
            }
            out.push(']');
        }
        Value::Map(entries) | Value::Texts(entries) => {
            out.push('{');
            for (at, (name, value)) in entries.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                line(depth + 1, out);
                json_text(name, escape, out);
                out.push_str(if indent.is_some() { ": " } else { ":" });
                write_json(value, indent, escape, depth + 1, out)?;
            }
            if !entries.is_empty() {
                line(depth, out);
            }
            out.push('}');
        }
    }
    Ok(())
}

/// Go's JSON has an exponent below 1e-6 and from 1e21 on, with no zero before its digit.
fn json_float(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        return if text.contains("e-") { text } else { text.replace('e', "e+") };
    }
    format!("{number}")
}

fn json_text(text: &str, escape: bool, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if let Some(written) = escaped(c) {
            out.push_str(written);
            continue;
        }
        match c {
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' if escape => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out.push('"');
}

/// Writes YAML as Go's `yaml.v2`: keys sorted, lists not indented under their key.
fn yaml(value: &Value, depth: usize, in_list: bool, out: &mut String) -> Result<(), String> {
    let space = "  ".repeat(depth);
    match value {
        Value::Map(entries) | Value::Texts(entries) if !entries.is_empty() => {
            for (at, (name, value)) in sorted(entries).into_iter().enumerate() {
                if !(in_list && at == 0) {
                    out.push_str(&space);
                }
                yaml_text(name, depth, Lines::One, out);
                out.push(':');
                match value {
                    Value::Map(below) | Value::Texts(below) if !below.is_empty() => {
                        out.push('\n');
                        yaml(value, depth + 1, false, out)?;
                    }
                    Value::List(below) if !below.is_empty() => {
                        out.push('\n');
                        yaml(value, depth, false, out)?;
                    }
                    _ => {
                        out.push(' ');
                        yaml(value, depth + 1, false, out)?;
                    }
                }
            }
        }
        Value::List(items) if !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                if !(in_list && at == 0) {
                    out.push_str(&space);
                }
                out.push_str("- ");
                yaml(item, depth + 1, true, out)?;
            }
        }
        scalar => {
            match scalar {
                Value::Missing | Value::Nil => out.push_str("null"),
                Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
                Value::Int(number) => out.push_str(&number.to_string()),
                Value::Float(number) => out.push_str(&float(*number)),
                Value::Number(number) => out.push_str(number),
                Value::Text(text) => {
                    yaml_text(text.expose_str().ok_or("text is given that is not UTF-8")?, depth, Lines::Folded, out);
                }
                Value::List(_) => out.push_str("[]"),
                Value::Map(_) | Value::Texts(_) => out.push_str("{}"),
            }
            out.push('\n');
        }
    }
    Ok(())
}

/// Sorts keys as `yaml.v2` does: letters behind other characters, and numbers within them by their size.
fn sorted(entries: &BTreeMap<String, Value>) -> Vec<(&String, &Value)> {
    let mut all: Vec<_> = entries.iter().collect();
    all.sort_by(|(a, _), (b, _)| natural(a, b));
    all
}

fn natural(one: &str, other: &str) -> std::cmp::Ordering {
    use std::cmp::Ordering;
    let (a, b): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut digits = false;
    for at in 0..a.len().min(b.len()) {
        if a[at] == b[at] {
            digits = a[at].is_ascii_digit();
            continue;
        }
        let (x, y) = (a[at].is_alphabetic(), b[at].is_alphabetic());
        if x && y {
            return a[at].cmp(&b[at]);
        }
        if x || y {
            // Within a number a letter comes first, elsewhere a letter comes last.
            return if digits == x { Ordering::Less } else { Ordering::Greater };
        }
        let number = |text: &[char]| -> (usize, String) {
            let digits: String = text.iter().take_while(|c| c.is_ascii_digit()).collect();
            (digits.len(), digits)
        };
        let (mut left, mut right) = (number(&a[at..]), number(&b[at..]));
        if a[at] == '0' || b[at] == '0' {
            let zeros = (0..at).rev().take_while(|at| a[*at].is_ascii_digit()).any(|at| a[at] != '0');
            if !zeros {
                left.1 = left.1.trim_start_matches('0').to_owned();
                right.1 = right.1.trim_start_matches('0').to_owned();
            }
        }
        let order = left.1.len().cmp(&right.1.len()).then_with(|| left.1.cmp(&right.1));
        if order != Ordering::Equal {
            return order;
        }
        if left.0 != right.0 {
            return left.0.cmp(&right.0);
        }
        return a[at].cmp(&b[at]);
    }
    a.len().cmp(&b.len())
}

/// Writes text as a scalar: plain where it would be read as the same text, else in quotes; several lines as a block.
fn yaml_text(text: &str, depth: usize, lines: Lines, out: &mut String) {
    let space = "  ".repeat(depth.max(1));
    if text.contains('\n')
        && !text.contains(['\t', '\r'])
        && text.chars().all(|c| c == '\n' || printable(c))
        && !text.starts_with([' ', '\n'])
        && !text.contains(" \n")
        && !text.ends_with(' ')
    {
        out.push_str(match (text.ends_with("\n\n") || text == "\n", text.ends_with('\n')) {
            (true, _) => "|+",
            (_, true) => "|",
            _ => "|-",
        });
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            out.push('\n');
            if !line.is_empty() {
                out.push_str(&space);
                out.push_str(line);
            }
        }
        return;
    }
    let begins = out.len();
    if text.contains('\n') || !text.chars().all(printable) {
        double_quoted(text, out);
    } else if resolves(text) {
        out.push_str(&format!("\"{text}\""));
    } else if plain(text) {
        out.push_str(text);
    } else {
        out.push_str(&format!("'{}'", text.replace('\'', "''")));
    }
    if matches!(lines, Lines::Folded) {
        fold(begins, &space, out);
    }
}

/// Whether a scalar may go on over lines: a key may not.
#[derive(Clone, Copy)]
enum Lines {
    One,
    Folded,
}

/// The column behind which `yaml.v2` ends a line of a scalar at its next space.
const WIDTH: usize = 80;

/// Breaks the scalar that begins at a place into lines. A space is given up for each break; one that stands beside others
/// is kept, but in double quotes, where a `\\` says that the next is meant.
fn fold(begins: usize, space: &str, out: &mut String) {
    let line = out[..begins].rfind('\n').map_or(0, |at| at + 1);
    let mut column = out[line..begins].chars().count();
    let scalar: Vec<char> = out.drain(begins..).collect();
    let quoted = scalar.first().filter(|c| matches!(c, '"' | '\'') && scalar.len() > 1).copied();
    // Within quotes neither the first character nor the last is a place for a break.
    let inside = if quoted.is_some() { 2..scalar.len().saturating_sub(2) } else { 0..scalar.len() };
    let mut before = false;
    for (at, c) in scalar.iter().enumerate() {
        let next = scalar.get(at + 1) == Some(&' ');
        let breaks = *c == ' ' && !before && column > WIDTH && inside.contains(&at) && (!next || quoted == Some('"'));
        if breaks {
            out.push('\n');
            out.push_str(space);
            column = space.len();
            if next {
                out.push('\\');
                column += 1;
            }
        } else {
            out.push(*c);
            column += 1;
        }
        before = *c == ' ';
    }
}

fn printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}

fn double_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if let Some(written) = escaped(c) {
            out.push_str(written);
            continue;
        }
        match c {
            '\0' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\u{1b}' => out.push_str("\\e"),
            _ if printable(c) => out.push(c),
            _ if u32::from(c) < 0x100 => out.push_str(&format!("\\x{:02X}", u32::from(c))),
            _ if u32::from(c) < 0x1_0000 => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            _ => out.push_str(&format!("\\U{:08X}", u32::from(c))),
        }
    }
    out.push('"');
}

/// Tells whether plain text would be read as something else: a truth, a number, nothing, a time.
fn resolves(text: &str) -> bool {
    let word = matches!(
        text,
        "" | "~"
            | "null"
            | "Null"
            | "NULL"
            | "true"
            | "True"
            | "TRUE"
            | "false"
            | "False"
            | "FALSE"
            | "y"
            | "Y"
            | "yes"
            | "Yes"
            | "YES"
            | "n"
            | "N"
            | "no"
            | "No"
            | "NO"
            | "on"
            | "On"
            | "ON"
            | "off"
            | "Off"
            | "OFF"
            | ".nan"
            | ".NaN"
            | ".NAN"
            | ".inf"
            | ".Inf"
            | ".INF"
            | "+.inf"
            | "+.Inf"
            | "+.INF"
            | "-.inf"
            | "-.Inf"
            | "-.INF"
    );
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = unsigned.replace('_', "");
    let number = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && (plain.bytes().all(|byte| byte.is_ascii_digit())
            || plain
                .strip_prefix("0x")
                .is_some_and(|hex| !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
            || plain
                .strip_prefix("0b")
                .is_some_and(|bits| !bits.is_empty() && bits.bytes().all(|byte| matches!(byte, b'0' | b'1')))
            || plain
                .strip_prefix("0o")
                .is_some_and(|bits| !bits.is_empty() && bits.bytes().all(|byte| (b'0'..b'8').contains(&byte)))
            || (plain.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte))
                && plain.parse::<f64>().is_ok()));
    let date = text.len() >= 8
        && text.bytes().take(4).all(|byte| byte.is_ascii_digit())
        && text.as_bytes().get(4) == Some(&b'-')
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"-:TtZz+. ".contains(&byte));
    word || number || date || base_60(text)
}

/// Numbers of old YAML with colons, which other readers still take for such: `1:30`.
fn base_60(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let text = text.split_once('.').map_or(text, |(whole, _)| whole);
    let mut parts = text.split(':');
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let first = parts.next().is_some_and(digits);
    let rest: Vec<&str> = parts.collect();
    first
        && !rest.is_empty()
        && rest.iter().all(|part| part.len() <= 2 && digits(part) && part.parse::<u8>().is_ok_and(|part| part < 60))
}

/// Tells whether text can stand without quotes.
fn plain(text: &str) -> bool {
    let first = text.chars().next().unwrap_or(' ');
    let next = text.chars().nth(1);
    let opens =
        "#,[]{}&*!|>'\"%@`".contains(first) || (matches!(first, '-' | '?' | ':') && next.is_none_or(|c| c == ' '));
    let document = text.starts_with("---") || text.starts_with("...");
    !(opens
        || document
        || text.starts_with(' ')
        || text.ends_with(' ')
        || text.contains(": ")
        || text.ends_with(':')
        || text.contains(" #"))
}
