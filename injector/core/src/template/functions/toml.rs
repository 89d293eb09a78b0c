//! TOML, as Go's `BurntSushi/toml` writes it: values first, and then tables, two spaces deeper each.

use std::collections::BTreeMap;

use super::Value;
use crate::quoting::{escaped, is_bare};

/// Writes a table at the top.
pub(super) fn write(table: &BTreeMap<String, Value>) -> Result<String, String> {
    let mut out = String::new();
    body(table, "", 0, &mut out)?;
    Ok(out)
}

fn body(table: &BTreeMap<String, Value>, path: &str, depth: usize, out: &mut String) -> Result<(), String> {
    let (values, tables): (Vec<_>, Vec<_>) = table
        .iter()
        .filter(|(_, value)| !matches!(value, Value::Missing | Value::Nil))
        .partition(|(_, value)| of_table(value).is_none() && tables_of(value).is_none());
    let space = "  ".repeat(depth);
    for (name, value) in values {
        out.push_str(&space);
        out.push_str(&key(name));
        out.push_str(" = ");
        of(value, out)?;
        out.push('\n');
    }
    for (name, value) in tables {
        let path = if path.is_empty() { key(name) } else { format!("{path}.{}", key(name)) };
        // A line is left out before a table at the top, and before each of a list of them.
        let apart = |wanted: bool, out: &mut String| {
            if wanted && !out.is_empty() {
                out.push('\n');
            }
        };
        if let Some(below) = of_table(value) {
            apart(depth == 0, out);
            out.push_str(&format!("{space}[{path}]\n"));
            body(below, &path, depth + 1, out)?;
        }
        for below in tables_of(value).unwrap_or_default() {
            apart(true, out);
            out.push_str(&format!("{space}[[{path}]]\n"));
            body(below, &path, depth + 1, out)?;
        }
    }
    Ok(())
}

fn of_table(value: &Value) -> Option<&BTreeMap<String, Value>> {
    match value {
        Value::Map(entries) => Some(entries),
        Value::Texts(entries) => Some(entries),
        _ => None,
    }
}

/// The tables that a list is all made of.
fn tables_of(value: &Value) -> Option<Vec<&BTreeMap<String, Value>>> {
    match value {
        Value::List(items) if !items.is_empty() => items.iter().map(of_table).collect(),
        _ => None,
    }
}

fn key(name: &str) -> String {
    if is_bare(name) {
        return name.to_owned();
    }
    let mut out = String::new();
    quoted(name, &mut out);
    out
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if let Some(written) = escaped(c) {
            out.push_str(written);
            continue;
        }
        match c {
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            _ if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out.push('"');
}

fn of(value: &Value, out: &mut String) -> Result<(), String> {
    match value {
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Float(number) => {
            let text = number.to_string();
            out.push_str(&text);
            if !text.contains(['.', 'N', 'i']) {
                out.push_str(".0");
            }
        }
        Value::Number(number) => out.push_str(number),
        Value::Text(text) => quoted(text.expose_str().ok_or("text is given that is not UTF-8")?, out),
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                of(item, out)?;
            }
            out.push(']');
        }
        Value::Map(entries) | Value::Texts(entries) => {
            out.push('{');
            for (at, (name, value)) in entries.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                out.push_str(&key(name));
                out.push_str(" = ");
                of(value, out)?;
            }
            out.push('}');
        }
        Value::Missing | Value::Nil => return Err("a list holds nothing where a value belongs".to_owned()),
    }
    Ok(())
}
