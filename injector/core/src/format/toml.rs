//! A TOML document (1.0): a line for each value, lists as arrays and maps as inline tables. TOML has no null, and whole
//! numbers of 64 bits.

use super::rows::{MAX_DEPTH, Row, Tree};
use super::{Draft, RenderError, Rows};
use crate::quoting::{escaped, is_bare};

pub(super) fn render(rows: &Rows<'_>, out: &mut Draft) -> Result<(), RenderError> {
    for row in &rows.rows {
        key(out, row.name);
        out.text(" = ");
        write(out, row, &row.tree()?, MAX_DEPTH)?;
        out.text("\n");
    }
    Ok(())
}

fn write(out: &mut Draft, row: &Row<'_>, tree: &Tree<'_>, depth: usize) -> Result<(), RenderError> {
    let Some(depth) = depth.checked_sub(1) else { return Err(row.refuse("it nests too deep")) };
    let broken = || row.refuse("it is not JSON");
    match tree {
        Tree::Null => return Err(row.refuse("TOML has no null")),
        Tree::Bool(truth) => out.text(if *truth { "true" } else { "false" }),
        Tree::Number(number) => {
            if !number.contains(['.', 'e', 'E']) && number.parse::<i64>().is_err() {
                return Err(row.refuse("it is a number of more than 64 bits"));
            }
            out.text(number);
        }
        Tree::Text(text) => quote(out, text.expose_str().ok_or_else(broken)?),
        Tree::List(items) => {
            out.text("[");
            for (at, item) in items.iter().enumerate() {
                out.text(if at == 0 { "" } else { ", " });
                write(out, row, &Tree::of(item.get()).ok_or_else(broken)?, depth)?;
            }
            out.text("]");
        }
        Tree::Map(entries) => {
            out.text("{");
            for (at, (name, item)) in entries.iter().enumerate() {
                out.text(if at == 0 { " " } else { ", " });
                key(out, name);
                out.text(" = ");
                write(out, row, &Tree::of(item.get()).ok_or_else(broken)?, depth)?;
            }
            out.text(" }");
        }
    }
    Ok(())
}

fn key(out: &mut Draft, name: &str) {
    if is_bare(name) { out.text(name) } else { quote(out, name) }
}

fn quote(out: &mut Draft, text: &str) {
    out.text("\"");
    for c in text.chars() {
        if let Some(written) = escaped(c) {
            out.text(written);
            continue;
        }
        match c {
            '\0'..='\u{1f}' | '\u{7f}' => {
                out.text("\\u");
                out.hex(c.into(), 4);
            }
            _ => out.char(c),
        }
    }
    out.text("\"");
}
