//! One URL (RFC 3986) without a line break, percent-encoded part by part.

use std::net::Ipv6Addr;

use super::{Draft, Part, RenderError, Rows};

pub(super) const PARTS: &[Part] = &[
    Part::needed(&["scheme"]),
    Part::optional(&["user", "username"]),
    Part::optional(&["password"]).secret(),
    Part::needed(&["host"]),
    Part::optional(&["port"]),
    Part::optional(&["path"]),
    Part::optional(&["database", "dbname"]),
    Part::optional(&["query"]),
];

pub(super) fn render(rows: &Rows<'_>, out: &mut Draft) -> Result<(), RenderError> {
    scheme(rows, out)?;
    let (user, password) = (rows.get("user"), rows.get("password"));
    if let Some(user) = user {
        encode(out, user.scalar()?, b"");
    }
    if let Some(password) = password {
        out.text(":");
        encode(out, password.scalar()?, b"");
    }
    if user.or(password).is_some() {
        out.text("@");
    }
    host(rows, out)?;
    match (rows.get("path"), rows.get("database")) {
        (Some(_), Some(row)) => return Err(row.refuse("there is a `path` too")),
        (Some(row), None) => {
            let path = row.scalar()?;
            out.text("/");
            encode(out, path.strip_prefix('/').unwrap_or(path), b"/");
        }
        (None, Some(row)) => {
            out.text("/");
            encode(out, row.scalar()?, b"");
        }
        (None, None) => {}
    }
    if let Some(row) = rows.get("query") {
        out.text("?");
        // Its pairs are parted already: `a=b&c=d`.
        encode(out, row.scalar()?, b"=&");
    }
    Ok(())
}

fn scheme(rows: &Rows<'_>, out: &mut Draft) -> Result<(), RenderError> {
    let row = rows.need("scheme")?;
    let scheme = row.scalar()?;
    let begins = scheme.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    if !begins || !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
        return Err(row.refuse("it is no scheme"));
    }
    out.text(scheme);
    out.text("://");
    Ok(())
}

/// Writes the host and the port. Several hosts with ports of their own, as MongoDB and PostgreSQL have them, are one host
/// here.
fn host(rows: &Rows<'_>, out: &mut Draft) -> Result<(), RenderError> {
    let row = rows.need("host")?;
    let host = row.scalar()?;
    let port = rows.get("port");
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if bare.parse::<Ipv6Addr>().is_ok() {
        out.text("[");
        out.text(bare);
        out.text("]");
    } else {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~,:".contains(&byte);
        if host.is_empty() || !host.bytes().all(plain) {
            return Err(row.refuse("it is no name of a host"));
        }
        if host.contains(':') && port.is_some() {
            return Err(row.refuse("it has a port, and there is `port` too"));
        }
        out.text(host);
    }
    if let Some(row) = port {
        let port = row.scalar()?;
        if port.parse::<u16>().is_err() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(row.refuse("it is no port"));
        }
        out.text(":");
        out.text(port);
    }
    Ok(())
}

/// Writes bytes that are not reserved (section 2.3), or kept, as they are, and the others in hex.
fn encode(out: &mut Draft, text: &str, kept: &[u8]) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            out.bytes(&[byte]);
        } else {
            out.text("%");
            out.hex(byte.into(), 2);
        }
    }
}
