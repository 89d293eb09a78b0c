//! Java's properties (`java.util.Properties.load`). Pure ASCII, since `load` reads a stream as ISO 8859-1 and a reader as
//! what its caller says; only escapes mean the same to both.

use super::{Draft, RenderError, Rows};

pub(super) fn render(rows: &Rows<'_>, out: &mut Draft) -> Result<(), RenderError> {
    for row in &rows.rows {
        escape(out, row.name, Place::Key);
        out.text("=");
        escape(out, row.text()?, Place::Value);
        out.text("\n");
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Key,
    Value,
}

fn escape(out: &mut Draft, text: &str, place: Place) {
    for (at, c) in text.chars().enumerate() {
        match c {
            '\n' => out.text("\\n"),
            '\r' => out.text("\\r"),
            '\t' => out.text("\\t"),
            '\u{c}' => out.text("\\f"),
            '\\' => out.text("\\\\"),
            // White space before a value is dropped; in a key, these end it or make the line a comment.
            ' ' if at == 0 => out.text("\\ "),
            ' ' | ':' | '=' | '#' | '!' if place == Place::Key => {
                out.text("\\");
                out.char(c);
            }
            ' '..='~' => out.char(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.text("\\u");
                    out.hex((*unit).into(), 4);
                }
            }
        }
    }
}
