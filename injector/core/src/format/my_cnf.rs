//! A section of an option file of MySQL and MariaDB
//! (<https://dev.mysql.com/doc/refman/8.4/en/option-files.html>): values in double quotes, with the escapes of its
//! reader. A secret that is taken whole gives the options below; chosen values may be any option.

use super::{Draft, Part, RenderError, Rows};

pub(super) const PARTS: &[Part] = &[
    Part::optional(&["section"]),
    Part::optional(&["host"]),
    Part::optional(&["port"]),
    Part::optional(&["socket"]),
    Part::optional(&["user", "username"]),
    Part::needed(&["password"]).secret(),
    Part::optional(&["database", "dbname"]),
];

/// The reader takes lines of 4096 bytes, the end included, and drops or cuts what is longer.
const MAX_LINE: usize = 4000;

pub(super) fn check_name(name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !name.bytes().all(plain) || !name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic()) {
        return Err(
            "the name of an option may hold only letters, digits, `-` and `_`, and begins with a letter".to_owned()
        );
    }
    Ok(())
}

pub(super) fn render(rows: &Rows<'_>, out: &mut Draft) -> Result<(), RenderError> {
    rows.need("password")?;
    let section = match rows.get("section") {
        Some(row) => {
            let section = row.scalar()?;
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            if section.is_empty() || !section.bytes().all(plain) {
                return Err(row.refuse("it is no name of a section"));
            }
            section
        }
        None => "client",
    };
    out.text("[");
    out.text(section);
    out.text("]\n");
    for row in rows.rows.iter().filter(|row| row.part() != Some("section")) {
        let value = row.scalar()?;
        if value.contains('\0') {
            return Err(row.refuse("it holds a NUL"));
        }
        let start = out.len();
        out.text(row.part().unwrap_or(row.name));
        out.text(" = \"");
        for c in value.chars() {
            match c {
                '\\' => out.text("\\\\"),
                '"' => out.text("\\\""),
                '\n' => out.text("\\n"),
                '\r' => out.text("\\r"),
                '\t' => out.text("\\t"),
                '\u{8}' => out.text("\\b"),
                _ => out.char(c),
            }
        }
        out.text("\"\n");
        if out.len() - start > MAX_LINE {
            return Err(row.refuse("its line is longer than what MySQL reads"));
        }
    }
    Ok(())
}
