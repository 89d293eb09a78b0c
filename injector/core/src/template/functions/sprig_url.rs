//! Sprig's `urlParse` and `urlJoin`: the parts of a URL, as Go's `net/url` parts it and puts it together.
//! <https://pkg.go.dev/net/url#Parse>

use std::collections::BTreeMap;

use super::{Function, Outcome, Value, function, text_of};

pub(super) const TABLE: &[Function] = &[
    function("sprig_urlJoin", 1, 1, |a, _| joined(&a[0])),
    function("sprig_urlParse", 1, 1, |a, _| {
        let parts = parse(text_of(&a[0])?)?;
        Ok(Value::map(parts.into_iter().map(|(name, part)| (name.to_owned(), Value::text(part))).collect()))
    }),
];

type Parts = BTreeMap<&'static str, Vec<u8>>;

fn parse(url: &str) -> Result<Parts, String> {
    if url.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Err("a control character is in the URL".to_owned());
    }
    let names = ["scheme", "host", "hostname", "path", "query", "opaque", "fragment", "userinfo"];
    let mut parts: Parts = names.into_iter().map(|name| (name, Vec::new())).collect();
    let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
    parts.insert("fragment", decoded(fragment)?);
    let (scheme, rest) = scheme(rest)?;
    parts.insert("scheme", scheme.to_ascii_lowercase().into());
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    parts.insert("query", query.into());
    if !rest.starts_with('/') {
        if !scheme.is_empty() {
            parts.insert("opaque", rest.into());
            return Ok(parts);
        }
        if rest.split('/').next().is_some_and(|first| first.contains(':')) {
            return Err("the first part of the URL's path has a colon".to_owned());
        }
    }
    let mut path = rest;
    if let Some(behind) = rest.strip_prefix("//").filter(|_| !scheme.is_empty() || !rest.starts_with("///")) {
        let (authority, behind) = behind.split_at(behind.find('/').unwrap_or(behind.len()));
        path = behind;
        let host = match authority.rsplit_once('@') {
            None => authority,
            Some((user, host)) => {
                parts.insert("userinfo", userinfo(user)?);
                host
            }
        };
        let name = hostname(host)?;
        parts.insert("host", host.into());
        parts.insert("hostname", name.into());
    }
    parts.insert("path", decoded(path)?);
    Ok(parts)
}

/// Parts the scheme from the rest. What begins with anything else than a letter has none.
fn scheme(url: &str) -> Result<(&str, &str), String> {
    for (at, byte) in url.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("the URL lacks its scheme before the colon".to_owned()),
            b':' => return Ok((&url[..at], &url[at + 1..])),
            _ => return Ok(("", url)),
        }
    }
    Ok(("", url))
}

/// Decodes a user and a password and encodes them anew.
fn userinfo(user: &str) -> Result<Vec<u8>, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    if !user.chars().all(fits) {
        return Err("the user of the URL holds what has to be percent-encoded".to_owned());
    }
    let encoded = |text: &str| -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        encode(&mut out, &decoded(text)?, b"-_.~$&+,;=");
        Ok(out)
    };
    Ok(match user.split_once(':') {
        None => encoded(user)?,
        Some((name, password)) => [encoded(name)?, b":".to_vec(), encoded(password)?].concat(),
    })
}

/// Puts together what [`parse`] gives, encoding what has to be.
fn joined(parts: &Value) -> Outcome {
    let Value::Map(parts) = parts else { return Err("it needs a map".to_owned()) };
    let part = |name: &str| match parts.get(name) {
        None => Ok(""),
        Some(part) => text_of(part),
    };
    let (scheme, host, path, query) = (part("scheme")?, part("host")?, part("path")?, part("query")?);
    let (opaque, fragment, user) = (part("opaque")?, part("fragment")?, part("userinfo")?);
    let mut out = Vec::new();
    if !scheme.is_empty() {
        out.extend_from_slice(scheme.as_bytes());
        out.push(b':');
    }
    if opaque.is_empty() {
        let has_authority = !host.is_empty() || !user.is_empty();
        if has_authority || !scheme.is_empty() && !path.is_empty() {
            out.extend_from_slice(b"//");
        }
        if !user.is_empty() {
            out.extend(userinfo(user)?);
            out.push(b'@');
        }
        encode(&mut out, host.as_bytes(), b"-_.~!$&'()*+,;=:[]<>\"");
        if !host.is_empty() && !path.is_empty() && !path.starts_with('/') {
            out.push(b'/');
        }
        if out.is_empty() && path.split('/').next().is_some_and(|first| first.contains(':')) {
            out.extend_from_slice(b"./");
        }
        encode(&mut out, path.as_bytes(), if path == "*" { b"*" } else { b"-_.~$&+,/:;=@" });
    } else {
        out.extend_from_slice(opaque.as_bytes());
    }
    for (sign, part) in [(b'?', query), (b'#', fragment)].into_iter().filter(|(_, part)| !part.is_empty()) {
        out.push(sign);
        match sign {
            b'?' => out.extend_from_slice(part.as_bytes()),
            _ => encode(&mut out, part.as_bytes(), b"-_.~$&+,/:;=?@!()*"),
        }
    }
    Ok(Value::text(out))
}

/// Writes a text, all but letters, digits and `kept` percent-encoded.
fn encode(out: &mut Vec<u8>, text: &[u8], kept: &[u8]) {
    for &byte in text {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
}

/// Checks a host, and gives it without its port and its brackets.
fn hostname(host: &str) -> Result<&str, String> {
    let fits = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:[]<>\"".contains(c);
    if !host.chars().all(fits) {
        // Go decodes some of what is percent-encoded here.
        return Err("the host of the URL holds what no name of a host has".to_owned());
    }
    let port = |port: &str| port.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let wrong = || Err("the port of the URL is no number".to_owned());
    if host.starts_with('[') {
        let Some(end) = host.rfind(']') else { return Err("the host of the URL lacks its `]`".to_owned()) };
        let behind = &host[end + 1..];
        return if behind.is_empty() || port(behind) { Ok(&host[1..end]) } else { wrong() };
    }
    match host.rfind(':') {
        None => Ok(host),
        Some(at) if port(&host[at..]) => Ok(&host[..at]),
        Some(_) => wrong(),
    }
}

fn decoded(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err("a `%` in the URL is followed by no two digits".to_owned());
        };
        out.push(u8::try_from(high * 16 + low).unwrap_or_default());
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_does_not_part_is_an_error_without_the_url() {
        for url in
            [":x", "a b:c/d", "http://h:x/", "http://[::1/", "http://a/%zz", "http://u:p w@h/", "http://a b/", "x\ny"]
        {
            let error = parse(url).unwrap_err();
            assert!(!error.contains(url), "{error}");
        }
        let parts = parse("postgres://user:p%40ss%2F@db.example.com:5432/app?sslmode=require#x").unwrap();
        let part = |name: &str| String::from_utf8(parts[name].clone()).unwrap();
        assert_eq!((part("hostname"), part("userinfo")), ("db.example.com".to_owned(), "user:p%40ss%2F".to_owned()));
    }
}
