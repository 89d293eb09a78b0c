//! An [`Injection`] as annotations of a pod, both ways: `from_annotations(to_annotations(p)) == p`.
//!
//! | annotation | value |
//! |---|---|
//! | `oakum.dev/inject` | `"true"`: without it nothing is done |
//! | `oakum.dev/store.NAME` | a store, as under `stores` |
//! | `oakum.dev/volume` | as `volume`; without it, the default |
//! | `oakum.dev/volume.NAME` | a volume, as under `volumes` |
//! | `oakum.dev/secret.NAME` | `STORE:PATH`, or a map as under `secrets` |
//! | `oakum.dev/file.NAME` | a map as under `files`, or `SECRET#FIELD`; a `name` in it is the file's name where that does not fit into an annotation |
//! | `oakum.dev/env` | a map from variable to `SECRET#FIELD`, or to a map with a `template` |
//! | `oakum.dev/on_change` | a list, as under `on_change` |
//! | `oakum.dev/listen`, `oakum.dev/log`, `oakum.dev/audit` | as `listen`, `log` and `audit` |
//!
//! Values are YAML, so JSON will do. Keys that [`is_about_the_pod`] are for the webhook. Any other key of the family is an
//! error.

use std::collections::BTreeMap;

use crate::config::decode::assembled;
use crate::config::encode;
use crate::config::map::closest;
use crate::config::{ConfigError, Injection, LogFormat};
use crate::provider::Manner;
use crate::yaml::{Key, Kind, Node};

/// What every annotation of ours begins with.
pub const PREFIX: &str = "oakum.dev/";
/// The key that asks for anything at all.
pub const INJECT: &str = "inject";
/// Keys that say something about the pod, not about its secrets; the webhook reads or writes them.
const POD_KEYS: &[&str] = &["containers", "status", "injection"];
/// Before the name of a volume: the containers that get it.
pub const CONTAINERS_OF: &str = "containers.";
/// Keys that are part of an injection, apart from the families `store.`, `secret.` and `file.`.
const PLAIN_KEYS: &[&str] = &["volume", "env", "on_change", "listen", "log", "audit"];
const FAMILIES: &[(&str, &str)] =
    &[("store.", "stores"), ("volume.", "volumes"), ("secret.", "secrets"), ("file.", "files")];
/// The length that Kubernetes allows behind the prefix.
const MAX_KEY: usize = 63;

/// Tells whether a key, without the prefix, says something about the pod and not about its secrets.
#[must_use]
pub fn is_about_the_pod(key: &str) -> bool {
    POD_KEYS.contains(&key) || key.strip_prefix(CONTAINERS_OF).is_some_and(|name| !name.is_empty())
}

/// Reads what a pod asks for out of its annotations; none if it does not ask.
///
/// # Errors
/// Names the annotation and what is wrong with it: a key of ours that does not exist, or a value that is no part of a
/// configuration.
pub fn from_annotations<'a>(
    annotations: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Option<Injection>, ConfigError> {
    let ours: BTreeMap<&str, &str> =
        annotations.into_iter().filter_map(|(key, value)| Some((key.strip_prefix(PREFIX)?, value))).collect();
    for key in ours.keys() {
        check_key(key)?;
    }
    match ours.get(INJECT) {
        Some(&"true") => {}
        Some(&"false") => return Ok(None),
        Some(_) => return Err(wrong(INJECT, "must be \"true\" or \"false\"", None)),
        None => {
            let asks = ours.keys().find(|key| !is_about_the_pod(key));
            return match asks {
                None => Ok(None),
                Some(key) => Err(wrong(
                    key,
                    "is there, but nothing is asked for",
                    Some(format!("add the annotation {PREFIX}{INJECT}: \"true\"")),
                )),
            };
        }
    }
    let (document, keys) = assemble(&ours)?;
    assembled(&document).map(Some).map_err(|(line, what, hint)| ConfigError {
        source_name: keys
            .get(line.wrapping_sub(1))
            .map_or_else(|| "the annotations".to_owned(), |key| format!("annotation {PREFIX}{key}")),
        line: None,
        what,
        hint,
    })
}

/// Writes an injection as annotations, in the order of their keys.
#[must_use]
pub fn to_annotations(injection: &Injection) -> BTreeMap<String, String> {
    let Injection { stores, volume, volumes, secrets, files, env, on_change, listen, log, audit } = injection;
    let mut all = BTreeMap::new();
    let mut put = |key: String, value: String| all.insert(format!("{PREFIX}{key}"), value);
    put(INJECT.to_owned(), "true".to_owned());
    for (name, store) in stores {
        put(format!("store.{name}"), encode::store(store).to_string());
    }
    put("volume".to_owned(), encode::volume(volume).to_string());
    for (name, volume) in volumes {
        put(format!("volume.{name}"), encode::other_volume(volume).to_string());
    }
    for (name, secret) in secrets.iter().filter(|(_, secret)| secret.manner != Manner::Whole) {
        put(format!("secret.{name}"), bare(&encode::secret(secret)));
    }
    for (at, (name, file)) in files.iter().enumerate() {
        let mut value = encode::file(file);
        let label = if fits(&name.to_string()) {
            name.to_string()
        } else {
            value["name"] = name.to_string().into();
            (at..)
                .map(|n| format!("f{n}"))
                .find(|label| !files.keys().any(|name| name.to_string() == *label))
                .unwrap_or_default()
        };
        put(format!("file.{label}"), value.to_string());
    }
    if !env.is_empty() {
        let env: BTreeMap<&str, _> =
            env.iter().map(|(name, source)| (name.as_str(), encode::variable(source))).collect();
        put("env".to_owned(), serde_json::json!(env).to_string());
    }
    if !on_change.is_empty() {
        put("on_change".to_owned(), encode::on_change(on_change).to_string());
    }
    if let Some(listen) = listen {
        put("listen".to_owned(), listen.to_string());
    }
    if let Some(audit) = audit {
        put("audit".to_owned(), audit.name().to_owned());
    }
    if *log == LogFormat::Json {
        put("log".to_owned(), "json".to_owned());
    }
    all
}

/// Writes text without quotes where YAML reads it back as the same text.
fn bare(value: &serde_json::Value) -> String {
    match value.as_str() {
        Some(text)
            if Node::parse(text)
                .is_ok_and(|node| matches!(&node.kind, Kind::Scalar { text: back, quoted: false } if back == text)) =>
        {
            text.to_owned()
        }
        _ => value.to_string(),
    }
}

/// Tells whether a file's name can be part of an annotation's.
fn fits(name: &str) -> bool {
    let end = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    name.len() + "file.".len() <= MAX_KEY
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
        && end(name.bytes().next())
        && end(name.bytes().last())
}

fn check_key(key: &str) -> Result<(), ConfigError> {
    let family = FAMILIES.iter().any(|(family, _)| key.strip_prefix(family).is_some_and(|name| !name.is_empty()));
    if family || key == INJECT || is_about_the_pod(key) || PLAIN_KEYS.contains(&key) {
        return Ok(());
    }
    // `secrets.db` is meant to be `secret.db`: compare what stands before the dot, too.
    let (head, tail) = key.split_once('.').map_or((key, None), |(head, tail)| (head, Some(tail)));
    let hint = match tail {
        Some(tail) => closest(head, &["store", "volume", "secret", "file", "containers"])
            .map(|near| format!("did you mean {PREFIX}{near}.{tail}?")),
        None => {
            let all: Vec<&str> = [INJECT].iter().chain(POD_KEYS).chain(PLAIN_KEYS).copied().collect();
            closest(key, &all).map(|near| format!("did you mean {PREFIX}{near}?"))
        }
    };
    Err(wrong(key, "is not known", hint))
}

fn wrong(key: &str, what: &str, hint: Option<String>) -> ConfigError {
    let key: String = key.chars().take(80).flat_map(char::escape_debug).collect();
    ConfigError { source_name: format!("annotation {PREFIX}{key}"), line: None, what: what.to_owned(), hint }
}

/// Puts the annotations together as one document. Every node of an annotation gets its number as a line, so that an
/// error can name it.
fn assemble<'a>(ours: &BTreeMap<&'a str, &'a str>) -> Result<(Node, Vec<&'a str>), ConfigError> {
    let keys: Vec<&str> = ours.keys().copied().collect();
    let mut top: Vec<(Key, Node)> = Vec::new();
    let mut families: BTreeMap<&str, Vec<(Key, Node)>> = BTreeMap::new();
    for (at, (key, value)) in ours.iter().enumerate() {
        if *key == INJECT || is_about_the_pod(key) {
            continue;
        }
        let line = at + 1;
        let mut node = Node::parse(value).map_err(|error| wrong(key, &error.what, None))?;
        number(&mut node, line);
        match FAMILIES.iter().find_map(|(family, part)| Some((part, key.strip_prefix(family)?))) {
            Some((part, label)) => {
                let name = if *part == "files" {
                    take_name(&mut node, key)?.unwrap_or_else(|| label.to_owned())
                } else {
                    label.to_owned()
                };
                let entries = families.entry(part).or_default();
                if entries.iter().any(|(other, _)| other.text == name) {
                    return Err(wrong(key, "names a file that another annotation has", None));
                }
                entries.push((Key { line, text: name }, node));
            }
            None => top.push((Key { line, text: (*key).to_owned() }, node)),
        }
    }
    top.extend(
        families.into_iter().map(|(part, entries)| {
            (Key { line: 0, text: part.to_owned() }, Node { line: 0, kind: Kind::Map(entries) })
        }),
    );
    Ok((Node { line: 0, kind: Kind::Map(top) }, keys))
}

/// Takes the `name` out of a file's map.
fn take_name(node: &mut Node, key: &str) -> Result<Option<String>, ConfigError> {
    let Kind::Map(entries) = &mut node.kind else { return Ok(None) };
    let Some(at) = entries.iter().position(|(key, _)| key.text == "name") else { return Ok(None) };
    match entries.remove(at).1.kind {
        Kind::Scalar { text, .. } => Ok(Some(text)),
        _ => Err(wrong(key, "has a `name` that is no text", None)),
    }
}

fn number(node: &mut Node, line: usize) {
    node.line = line;
    match &mut node.kind {
        Kind::Scalar { .. } => {}
        Kind::List(items) => items.iter_mut().for_each(|item| number(item, line)),
        Kind::Map(entries) => {
            for (key, value) in entries {
                key.line = line;
                number(value, line);
            }
        }
    }
}

#[cfg(test)]
#[path = "annotations_tests.rs"]
mod tests;
