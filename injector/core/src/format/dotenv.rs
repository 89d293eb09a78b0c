//! Lines of `NAME='value'`.
//!
//! No specification says what a `.env` file means, and its readers differ: shells, the libraries of Node, Python, Ruby
//! and Go, and systemd. This writes what all of them read alike, and refuses the rest: single quotes wherever they will
//! do, double quotes for a value that holds a single quote and nothing that anybody would expand in there.

use super::{Draft, RenderError, Rows};

pub(super) fn render(rows: &Rows<'_>, out: &mut Draft) -> Result<(), RenderError> {
    for row in &rows.rows {
        let value = row.text()?;
        let quote = quote(value).map_err(|why| row.refuse(why))?;
        out.text(row.name);
        out.text("=");
        out.text(quote);
        out.text(value);
        out.text(quote);
        out.text("\n");
    }
    Ok(())
}

/// Chooses the quote that every reader takes off and leaves the rest as it is.
fn quote(value: &str) -> Result<&'static str, &'static str> {
    if value.contains(['\0', '\r']) {
        return Err("it holds a NUL or a carriage return");
    }
    // Python's reader puts variables in even between single quotes.
    if value.split_once("${").is_some_and(|(_, behind)| behind.contains('}')) {
        return Err("it holds ${…}, which some readers expand");
    }
    if !value.contains('\'') {
        // Python's reader takes `\\` for one backslash, Node's takes `\'` for a quote that does not end the value.
        if value.contains("\\\\") || value.ends_with('\\') {
            return Err("it holds two backslashes together, or ends with one, which readers take differently");
        }
        return Ok("'");
    }
    if value.contains(['"', '\\', '$', '`', '\n', '!']) {
        return Err("it holds a single quote together with one of \" \\ $ ` ! or a line break");
    }
    Ok("\"")
}
