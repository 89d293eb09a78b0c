//! One line of PostgreSQL's password file: `host:port:database:user:password`
//! (<https://www.postgresql.org/docs/current/libpq-pgpass.html>).

use super::{Draft, Part, RenderError, Rows};

pub(super) const PARTS: &[Part] = &[
    Part::needed(&["host"]),
    Part::optional(&["port"]),
    Part::optional(&["database", "dbname"]),
    Part::needed(&["user", "username"]),
    Part::needed(&["password"]).secret(),
];

pub(super) fn render(rows: &Rows<'_>, out: &mut Draft) -> Result<(), RenderError> {
    rows.need("host")?;
    rows.need("user")?;
    let password = rows.need("password")?;
    for part in ["host", "port", "database", "user"] {
        match rows.get(part) {
            Some(row) => {
                let value = row.scalar()?;
                if value.is_empty() {
                    return Err(row.refuse("it is empty, and would match nothing"));
                }
                if part == "host" && value.starts_with('#') {
                    return Err(row.refuse("it begins with #, which begins a comment"));
                }
                field(out, value).map_err(|why| row.refuse(why))?;
            }
            None => out.text("*"),
        }
        out.text(":");
    }
    field(out, password.scalar()?).map_err(|why| password.refuse(why))?;
    out.text("\n");
    Ok(())
}

fn field(out: &mut Draft, value: &str) -> Result<(), &'static str> {
    if value.contains(['\0', '\n', '\r']) {
        return Err("it holds a NUL or a line break");
    }
    for c in value.chars() {
        out.text(if matches!(c, ':' | '\\') { "\\" } else { "" });
        out.char(c);
    }
    Ok(())
}
