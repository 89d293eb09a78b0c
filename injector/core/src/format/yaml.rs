//! A YAML mapping that readers of 1.1 and of 1.2 take alike: text always in double quotes, so that no `no` becomes a
//! truth and no `1e3` a number, and what is nested in the flow style.

use super::rows::{MAX_DEPTH, Row, Tree};
use super::{Draft, RenderError, Rows};

/// A key on one line may have 1024 characters (YAML 1.2, section 7.4.2), and an escape takes up to six.
const MAX_KEY: usize = 160;

pub(super) fn check_name(name: &str) -> Result<(), String> {
    if name.chars().count() > MAX_KEY {
        return Err(format!("a key of yaml may have {MAX_KEY} characters"));
    }
    Ok(())
}

pub(super) fn render(rows: &Rows<'_>, out: &mut Draft) -> Result<(), RenderError> {
    if rows.rows.is_empty() {
        out.text("{}\n");
    }
    for row in &rows.rows {
        quote(out, row.name);
        out.text(": ");
        write(out, row, &row.tree()?, MAX_DEPTH)?;
        out.text("\n");
    }
    Ok(())
}

fn write(out: &mut Draft, row: &Row<'_>, tree: &Tree<'_>, depth: usize) -> Result<(), RenderError> {
    let Some(depth) = depth.checked_sub(1) else { return Err(row.refuse("it nests too deep")) };
    let broken = || row.refuse("it is not JSON");
    match tree {
        Tree::Null => out.text("null"),
        Tree::Bool(truth) => out.text(if *truth { "true" } else { "false" }),
        Tree::Number(number) => self::number(out, number),
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
            for (at, (key, item)) in entries.iter().enumerate() {
                if key.chars().count() > MAX_KEY {
                    return Err(row.refuse("a key in it is too long"));
                }
                out.text(if at == 0 { "" } else { ", " });
                quote(out, key);
                out.text(": ");
                write(out, row, &Tree::of(item.get()).ok_or_else(broken)?, depth)?;
            }
            out.text("}");
        }
    }
    Ok(())
}

/// Writes a number of JSON. YAML 1.1 takes one for a float only if it has a point, and a sign before its exponent.
fn number(out: &mut Draft, number: &str) {
    let Some(at) = number.find(['e', 'E']) else { return out.text(number) };
    let (mantissa, exponent) = (&number[..at], &number[at + 1..]);
    out.text(mantissa);
    out.text(if mantissa.contains('.') { "e" } else { ".0e" });
    out.text(if exponent.starts_with(['+', '-']) { "" } else { "+" });
    out.text(exponent);
}

fn quote(out: &mut Draft, text: &str) {
    out.text("\"");
    for c in text.chars() {
        match c {
            '"' => out.text("\\\""),
            '\\' => out.text("\\\\"),
            '\n' => out.text("\\n"),
            '\r' => out.text("\\r"),
            '\t' => out.text("\\t"),
            // What is not printable (section 5.1), and line breaks that only some readers know.
            '\0'..='\u{1f}' | '\u{7f}'..='\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                out.text("\\u");
                out.hex(c.into(), 4);
            }
            _ => out.char(c),
        }
    }
    out.text("\"");
}
