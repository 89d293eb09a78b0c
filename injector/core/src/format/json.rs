//! A JSON object (RFC 8259) with a final newline. What was not text in the store is not text here either.

use super::rows::Value;
use super::{Draft, RenderError, Rows};

pub(super) fn render(rows: &Rows<'_>, out: &mut Draft) -> Result<(), RenderError> {
    out.text("{");
    for (at, row) in rows.rows.iter().enumerate() {
        out.text(if at == 0 { "\n  " } else { ",\n  " });
        quote(out, row.name);
        out.text(": ");
        match row.value {
            Value::Json(json) => out.bytes(json),
            Value::Text(_) => quote(out, row.text()?),
        }
    }
    out.text(if rows.rows.is_empty() { "}\n" } else { "\n}\n" });
    Ok(())
}

fn quote(out: &mut Draft, text: &str) {
    serde_json::to_writer(out, text).expect("writing to memory cannot fail");
}
