//! The small values of the configuration, in the forms that Vault Agent takes them in.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::read::Reader;
use super::{Account, Signal};
use crate::config::map::{Fault, Map, Result, list, text};
use crate::config::{Mode, parse_duration};
use crate::reference::shorten;
use crate::yaml::{Key, Kind, Node};

/// Finds a key that says something: an empty text is as good as none.
pub(super) fn given<'a>(map: &mut Map<'a>, key: &'static str) -> Option<&'a Node> {
    map.get(key).filter(|node| !node.is_null() && !matches!(&node.kind, Kind::Scalar { text, .. } if text.is_empty()))
}

/// Reads a scalar by a parser, whose errors are put behind the name of the key.
pub(super) fn parsed<T>(
    node: &Node,
    key: &str,
    parser: impl FnOnce(&str) -> std::result::Result<T, String>,
) -> Result<T> {
    parser(text(node, key)?).map_err(|why| Fault::new(node.line, format!("`{key}`: {why}")))
}

/// Reads a key that need not be there.
pub(super) fn optional<T>(
    map: &mut Map<'_>,
    key: &'static str,
    parser: impl FnOnce(&str) -> std::result::Result<T, String>,
) -> Result<Option<T>> {
    given(map, key).map(|node| parsed(node, key, parser)).transpose()
}

/// Reads a key that must be there.
pub(super) fn required<T>(
    map: &mut Map<'_>,
    key: &'static str,
    parser: impl FnOnce(&str) -> std::result::Result<T, String>,
) -> Result<T> {
    parsed(map.need(key)?, key, parser)
}

/// Goes through a block that may be given more than once.
pub(super) fn blocks(node: &Node) -> &[Node] {
    match &node.kind {
        Kind::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

/// Opens a block that may be given once only.
pub(super) fn one<'a>(node: &'a Node, key: &str) -> Result<&'a Node> {
    match blocks(node) {
        [one] => Ok(one),
        [] => Err(Fault::new(node.line, format!("`{key}` is an empty list"))),
        [_, second, ..] => Err(Fault::new(second.line, format!("`{key}` is given more than once"))),
    }
}

/// Goes through blocks that may have a label, each with its label. A map is taken for labels around blocks when none of
/// its keys is one of the block's own `keys`, and all hold blocks: that is how a label looks in JSON.
pub(super) fn labelled<'a>(node: &'a Node, keys: &[&str]) -> Vec<(Option<&'a Key>, &'a Node)> {
    let mut all = Vec::new();
    for item in blocks(node) {
        match &item.kind {
            Kind::Map(entries)
                if !entries.is_empty()
                    && entries.iter().all(|(key, inner)| !keys.contains(&&*key.text) && is_block(inner)) =>
            {
                for (key, inner) in entries {
                    all.extend(blocks(inner).iter().map(|one| (Some(key), one)));
                }
            }
            _ => all.push((None, item)),
        }
    }
    all
}

fn is_block(node: &Node) -> bool {
    let is_map = |node: &Node| matches!(node.kind, Kind::Map(_));
    match &node.kind {
        Kind::List(items) => !items.is_empty() && items.iter().all(is_map),
        _ => is_map(node),
    }
}

pub(super) fn string(text: &str) -> std::result::Result<String, String> {
    Ok(text.to_owned())
}

pub(super) fn path(text: &str) -> std::result::Result<PathBuf, String> {
    if text.chars().any(char::is_control) {
        return Err("a path holds no control characters".to_owned());
    }
    Ok(PathBuf::from(text))
}

/// Reads what stands in a header of HTTP, so that it cannot begin another one.
pub(super) fn header(text: &str) -> std::result::Result<String, String> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("only printable ASCII without spaces goes into a header".to_owned())
    }
}

/// Reads a namespace; slashes around it mean nothing.
pub(super) fn namespace(text: &str) -> std::result::Result<String, String> {
    header(text.trim_matches('/'))
}

/// Reads a boolean in the words that Go's `strconv.ParseBool` knows.
pub(super) fn boolean(text: &str) -> std::result::Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(false),
        _ => Err(format!("`{}` is neither true nor false", shorten(text))),
    }
}

/// Reads a duration; a bare number is in seconds.
pub(super) fn duration(text: &str) -> std::result::Result<Duration, String> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        parse_duration(&format!("{text}s"))
    } else {
        parse_duration(text)
    }
}

pub(super) fn number<T: FromStr>(text: &str) -> std::result::Result<T, String> {
    text.parse().map_err(|_| format!("`{}` is not a number that fits", shorten(text)))
}

pub(super) fn account(text: &str) -> std::result::Result<Account, String> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return number(text).map(Account::Id);
    }
    if text.chars().any(|c| c.is_control() || matches!(c, ':' | '/')) {
        return Err(format!("`{}` is no name of an account", shorten(text)));
    }
    Ok(Account::Name(text.to_owned()))
}

const SIGNALS: &[(&str, Signal)] = &[
    ("SIGHUP", Signal::Hup),
    ("SIGINT", Signal::Int),
    ("SIGQUIT", Signal::Quit),
    ("SIGKILL", Signal::Kill),
    ("SIGUSR1", Signal::Usr1),
    ("SIGUSR2", Signal::Usr2),
    ("SIGTERM", Signal::Term),
    ("SIGWINCH", Signal::Winch),
];

pub(super) fn signal(text: &str) -> std::result::Result<Signal, String> {
    let named = |name: &str| text == name || Some(text) == name.strip_prefix("SIG");
    SIGNALS.iter().find(|(name, _)| named(name)).map(|(_, signal)| *signal).ok_or_else(|| {
        let names: Vec<&str> = SIGNALS.iter().map(|(name, _)| *name).collect();
        format!("`{}` is none of {}", shorten(text), list(&names))
    })
}

impl Reader {
    /// Reads a mode. In quotes, or with a leading zero, it is octal. Another bare number is decimal to Vault Agent, so
    /// it is here, and since few people mean that, we say what it comes to.
    pub(super) fn mode(&mut self, map: &mut Map<'_>, key: &'static str) -> Result<Option<Mode>> {
        let Some(node) = given(map, key) else { return Ok(None) };
        let octal = !matches!(&node.kind, Kind::Scalar { text, quoted: false } if !text.starts_with('0'));
        if octal {
            return parsed(node, key, Mode::parse).map(Some);
        }
        let bits: u32 = parsed(node, key, number)?;
        let hint = format!("write it in quotes, in octal: {key} = \"0640\"");
        let mode = Mode::parse(&format!("{bits:04o}")).map_err(|_| {
            Fault::new(node.line, format!("`{key}`: {bits} is a decimal number, and no mode of a file")).hint(hint)
        })?;
        self.warn(
            node.line,
            format!("`{key}` = {bits} is a decimal number, and means {mode}; in quotes it would be octal"),
        );
        Ok(Some(mode))
    }
}
