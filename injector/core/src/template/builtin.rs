//! The functions that Go's templates have by themselves.

use std::cmp::Ordering;

use super::print::print;
use super::printf::printf;
use super::value::Value;

/// All of them; `and` and `or` are the renderer's own, since they may leave arguments alone.
const NAMES: &[&str] = &[
    "and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index", "slice", "print", "println", "printf",
    "html", "js", "urlquery",
];

pub(super) fn is_known(name: &str) -> bool {
    NAMES.contains(&name)
}

pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
    match (name, arguments) {
        ("not", [one]) => Ok(Value::Bool(!one.is_true())),
        ("eq", [one, others @ ..]) if !others.is_empty() => {
            let mut any = false;
            for other in others {
                any |= equal(one, other)?;
            }
            Ok(Value::Bool(any))
        }
        ("ne", [one, other]) => Ok(Value::Bool(!equal(one, other)?)),
        ("lt", [one, other]) => Ok(Value::Bool(compare(one, other)? == Ordering::Less)),
        ("le", [one, other]) => Ok(Value::Bool(compare(one, other)? != Ordering::Greater)),
        ("gt", [one, other]) => Ok(Value::Bool(compare(one, other)? == Ordering::Greater)),
        ("ge", [one, other]) => Ok(Value::Bool(compare(one, other)? != Ordering::Less)),
        ("len", [one]) => length(one)
            .and_then(|length| i64::try_from(length).ok())
            .map(Value::Int)
            .ok_or_else(|| format!("{} has no length", one.kind())),
        ("index", [of, keys @ ..]) => keys.iter().try_fold(of.clone(), |of, key| index(&of, key)),
        ("slice", [of, ends @ ..]) if ends.len() <= 2 => slice(of, ends),
        ("print", all) => Ok(Value::text(sprint(all))),
        ("println", all) => {
            let mut out = Vec::new();
            for (at, one) in all.iter().enumerate() {
                if at > 0 {
                    out.push(b' ');
                }
                plain(one, &mut out);
            }
            out.push(b'\n');
            Ok(Value::text(out))
        }
        ("printf", [format, rest @ ..]) => {
            let format = format.as_str().ok_or("its format must be text")?;
            Ok(Value::text(printf(format, rest)?))
        }
        ("html", all) => Ok(Value::text(html(&sprint(all)))),
        ("js", all) => Ok(Value::text(js(&String::from_utf8_lossy(&sprint(all))))),
        ("urlquery", all) => Ok(Value::text(urlquery(&sprint(all)))),
        _ => Err(format!("it cannot take {} arguments", arguments.len())),
    }
}

/// Writes a value among arguments, where what is missing is nothing.
fn plain(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Missing => out.extend_from_slice(b"<nil>"),
        other => print(other, out),
    }
}

/// Writes values one after the other, with a space between two of which neither is text (Go's `Sprint`).
fn sprint(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    let is_text = |value: &Value| matches!(value, Value::Text(_) | Value::Number(_));
    for (at, value) in values.iter().enumerate() {
        if at > 0 && !is_text(value) && !is_text(&values[at - 1]) {
            out.push(b' ');
        }
        plain(value, &mut out);
    }
    out
}

fn is_nothing(value: &Value) -> bool {
    matches!(value, Value::Missing | Value::Nil)
}

fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::Text(text) => Some(text.expose()),
        Value::Number(number) => Some(number.as_bytes()),
        _ => None,
    }
}

fn incompatible(one: &Value, other: &Value) -> String {
    format!("{} and {} cannot be compared", one.kind(), other.kind())
}

fn equal(one: &Value, other: &Value) -> Result<bool, String> {
    if is_nothing(one) || is_nothing(other) {
        return Ok(is_nothing(one) && is_nothing(other));
    }
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => Ok(one == other),
        _ => compare(one, other).map(|order| order == Ordering::Equal),
    }
}

fn compare(one: &Value, other: &Value) -> Result<Ordering, String> {
    match (one, other) {
        (Value::Int(one), Value::Int(other)) => Ok(one.cmp(other)),
        // Nothing is less than what is no number, and nothing more.
        (Value::Float(one), Value::Float(other)) => Ok(one.partial_cmp(other).unwrap_or(Ordering::Less)),
        _ => match (bytes(one), bytes(other)) {
            (Some(one), Some(other)) => Ok(one.cmp(other)),
            _ => Err(incompatible(one, other)),
        },
    }
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::List(items) => Some(items.len()),
        Value::Map(entries) | Value::Texts(entries) => Some(entries.len()),
        _ => bytes(value).map(<[u8]>::len),
    }
}

fn place(key: &Value, length: usize) -> Result<usize, String> {
    match key {
        Value::Int(at) => {
            usize::try_from(*at).ok().filter(|at| *at <= length).ok_or_else(|| format!("{at} is out of range"))
        }
        other => Err(format!("{} is no place in a list", other.kind())),
    }
}

fn index(of: &Value, key: &Value) -> Result<Value, String> {
    match of {
        Value::Map(entries) => {
            let name = key.as_str().ok_or_else(|| format!("{} is no key of a map", key.kind()))?;
            Ok(entries.get(name).cloned().unwrap_or(Value::Missing))
        }
        Value::Texts(entries) => {
            let name = key.as_str().ok_or_else(|| format!("{} is no key of a map", key.kind()))?;
            Ok(entries.get(name).cloned().unwrap_or_else(|| Value::text("")))
        }
        Value::List(items) => {
            let at = place(key, items.len())?;
            items.get(at).cloned().ok_or_else(|| format!("{at} is out of range"))
        }
        _ => match bytes(of) {
            Some(bytes) => {
                let at = place(key, bytes.len())?;
                bytes.get(at).map(|byte| Value::Int((*byte).into())).ok_or_else(|| format!("{at} is out of range"))
            }
            None if is_nothing(of) => Err("there is nothing to take a part of".to_owned()),
            None => Err(format!("{} has no parts", of.kind())),
        },
    }
}

fn slice(of: &Value, ends: &[Value]) -> Result<Value, String> {
    let length = length(of)
        .filter(|_| !matches!(of, Value::Map(_) | Value::Texts(_)))
        .ok_or_else(|| format!("{} has no parts", of.kind()))?;
    let from = ends.first().map_or(Ok(0), |end| place(end, length))?;
    let to = ends.get(1).map_or(Ok(length), |end| place(end, length))?;
    if from > to {
        return Err(format!("{from} is behind {to}"));
    }
    Ok(match of {
        Value::List(items) => Value::list_of(items.of(), items[from..to].to_vec()),
        other => Value::text(bytes(other).unwrap_or_default()[from..to].to_vec()),
    })
}

fn html(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 6);
    for byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            _ => out.push(*byte),
        }
    }
    out
}

fn js(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 6);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '<' | '>' | '&' | '=' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            _ if c < ' ' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out
}

/// Escapes for the query of a URL, where a space is a plus (Go's `url.QueryEscape`).
pub(super) fn urlquery(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text {
        match byte {
            b' ' => out.push('+'),
            _ if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') => {
                out.push(char::from(*byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
