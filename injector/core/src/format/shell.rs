//! Lines of `export NAME='value'`, for `.` of a POSIX shell (XCU 2.2.2). Everything stands in single quotes, where
//! nothing is special but the quote itself.

use super::{Draft, RenderError, Rows};

pub(super) fn render(rows: &Rows<'_>, out: &mut Draft) -> Result<(), RenderError> {
    for row in &rows.rows {
        let value = row.text()?;
        if value.contains('\0') {
            return Err(row.refuse("it holds a NUL"));
        }
        out.text("export ");
        out.text(row.name);
        out.text("='");
        for (at, piece) in value.split('\'').enumerate() {
            out.text(if at == 0 { "" } else { "'\\''" });
            out.text(piece);
        }
        out.text("'\n");
    }
    Ok(())
}
