//! A machine of a netrc file. Its readers (ftp, curl, Python, Go) agree on words without quotes and escapes, so a value
//! that needs them is refused.

use super::{Draft, Part, RenderError, Rows};

pub(super) const PARTS: &[Part] = &[
    Part::needed(&["machine", "host"]),
    Part::needed(&["login", "user", "username"]),
    Part::needed(&["password"]).secret(),
];

pub(super) fn render(rows: &Rows<'_>, out: &mut Draft) -> Result<(), RenderError> {
    for part in ["machine", "login", "password"] {
        let row = rows.need(part)?;
        let value = row.scalar()?;
        if value.is_empty() {
            return Err(row.refuse("it is empty"));
        }
        if value.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(row.refuse("it holds white space or a control character"));
        }
        if value.contains(['"', '\\']) || value.starts_with(['#', '\'']) {
            return Err(row.refuse("it holds a \" or a \\, or begins with # or ', which readers take differently"));
        }
        out.text(part);
        out.text(" ");
        out.text(value);
        out.text("\n");
    }
    Ok(())
}
