//! What the formats that quote by backslashes have in common, and which names TOML has without quotes.

/// How a character is written within double quotes by JSON, TOML and YAML alike; none for one that each writes in its own
/// way, most of them as they are.
pub(crate) fn escaped(c: char) -> Option<&'static str> {
    Some(match c {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        _ => return None,
    })
}

/// Whether a name stands without quotes in TOML.
pub(crate) fn is_bare(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
