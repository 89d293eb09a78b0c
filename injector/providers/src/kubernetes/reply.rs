//! What the API server's answers mean. Pure: bytes and a status in, a class, a value or an event out. Anything may come
//! in here.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use oakum_inject::config::Address;
use oakum_inject::{Class, Field, Fields, ProviderError, Secret};
use serde::Deserialize;

use super::target::{Kind, Target};
pub use crate::answer::Nonsense;
use crate::answer::{Hidden, object, quote};

/// What should have answered.
pub(super) const SERVER: &str = "an API server of Kubernetes";
/// The most that one event of a watch may hold, in bytes: more than an object may.
const MAX_EVENT: usize = 4 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    metadata: Metadata,
    data: Option<BTreeMap<String, Hidden>>,
    binary_data: Option<BTreeMap<String, Hidden>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    resource_version: String,
}

/// Reads an object: its fields, and its version in the cluster.
///
/// # Errors
/// Says what is wrong with the answer.
pub fn fields(body: &[u8], kind: Kind) -> Result<(Fields, String), Nonsense> {
    let Object { metadata, data, binary_data } = object(body)?;
    let plain = |(name, Hidden(text))| Ok((name, Field::Text(text)));
    let coded = |(name, Hidden(text)): (String, Hidden)| {
        let bytes = base64::engine::general_purpose::STANDARD.decode(text.expose());
        let bytes = bytes.map_err(|_| Nonsense("a value is not in base64"))?;
        Ok((name, Field::Text(Secret::from(bytes))))
    };
    let data = data.unwrap_or_default().into_iter();
    let fields = match kind {
        Kind::Secret => data.map(coded).collect::<Result<Fields, Nonsense>>()?,
        Kind::ConfigMap => {
            data.map(plain).chain(binary_data.unwrap_or_default().into_iter().map(coded)).collect::<Result<_, _>>()?
        }
    };
    Ok((fields, metadata.resource_version))
}

/// What a watch tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The object is there at this version.
    Changed(String),
    /// It was deleted, by this version of the cluster.
    Deleted(String),
    /// Nothing happened up to this version.
    Bookmark(String),
    /// The version that the watch began with is no longer known.
    Gone,
    /// The server gives up, with this status.
    Failed(u16),
}

#[derive(Deserialize)]
struct Told<'a> {
    r#type: &'a str,
    #[serde(borrow)]
    object: &'a serde_json::value::RawValue,
}

#[derive(Deserialize)]
struct OnlyMetadata {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    message: String,
}

/// Reads one line of a watch.
///
/// # Errors
/// Says what is wrong with it.
pub fn event(line: &[u8]) -> Result<Event, Nonsense> {
    let Told { r#type, object: told } = object(line)?;
    let version = || {
        let OnlyMetadata { metadata } = object(told.get().as_bytes())?;
        Ok(metadata.resource_version)
    };
    match r#type {
        "ADDED" | "MODIFIED" => version().map(Event::Changed),
        "DELETED" => version().map(Event::Deleted),
        "BOOKMARK" => version().map(Event::Bookmark),
        "ERROR" => {
            let Status { code, .. } = object(told.get().as_bytes())?;
            Ok(if code == 410 { Event::Gone } else { Event::Failed(code) })
        }
        _ => Err(Nonsense("it tells of something that no watch tells of")),
    }
}

/// Takes a stream apart into lines.
#[derive(Default)]
pub struct Lines {
    buffer: Vec<u8>,
}

impl Lines {
    /// Takes the next part of the stream.
    ///
    /// # Errors
    /// When a line is longer than any event.
    pub fn push(&mut self, part: &[u8]) -> Result<(), Nonsense> {
        if self.buffer.len() + part.len() > MAX_EVENT {
            return Err(Nonsense("an event is too large"));
        }
        self.buffer.extend_from_slice(part);
        Ok(())
    }

    /// Gives the next whole line that is not empty.
    pub fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            let end = self.buffer.iter().position(|byte| *byte == b'\n')?;
            let rest = self.buffer.split_off(end + 1);
            let line = std::mem::replace(&mut self.buffer, rest);
            if !line.trim_ascii().is_empty() {
                return Some(line);
            }
        }
    }
}

/// Says what an answer without success means.
#[must_use]
pub fn classify(
    address: &Address,
    target: &Target,
    status: u16,
    retry_after: Option<Duration>,
    body: &[u8],
    token: &Secret,
) -> ProviderError {
    let (class, hint) = match status {
        401 => (Class::Refused, Some("check the token: it may have expired, or be for another audience".to_owned())),
        403 => (Class::Refused, Some(target.right())),
        404 => (Class::Missing, Some(format!("write {target}, or check its name and its namespace"))),
        408 | 429 | 500.. => (Class::Unreachable, None),
        400..500 => (Class::Refused, None),
        _ => (Class::Malformed, Some(format!("is it {SERVER}, and is there a proxy before it?"))),
    };
    let message = object::<Status>(body).map(|status| status.message).unwrap_or_default();
    let said = if message.is_empty() { String::new() } else { format!(" ({})", quote(&message, &[token])) };
    let does = match class {
        Class::Missing => "does not have it",
        Class::Unreachable => "cannot answer now",
        Class::Malformed => "answers strangely",
        _ => "refuses",
    };
    let error = ProviderError::new(class, format!("{address} {does} (status {status}){said}"));
    let error = error.status(status).after(retry_after);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_are_decoded_and_config_maps_are_not() {
        let body = br#"{"metadata":{"resourceVersion":"7"},"data":{"a":"YWI="}}"#;
        let (found, version) = fields(body, Kind::Secret).unwrap();
        assert_eq!((found.get("a").unwrap().bytes().expose(), version.as_str()), (b"ab".as_slice(), "7"));
        let body = br#"{"metadata":{"resourceVersion":"7"},"data":{"a":"YWI="},"binaryData":{"b":"AP8="}}"#;
        let (found, _) = fields(body, Kind::ConfigMap).unwrap();
        assert_eq!(found.get("a").unwrap().bytes().expose(), b"YWI=");
        assert_eq!(found.get("b").unwrap().bytes().expose(), [0, 255]);
        let bad = br#"{"metadata":{"resourceVersion":"7"},"data":{"a":"!"}}"#;
        assert_eq!(fields(bad, Kind::Secret).unwrap_err(), Nonsense("a value is not in base64"));
        let empty = br#"{"metadata":{"resourceVersion":"7"},"data":null}"#;
        assert!(fields(empty, Kind::Secret).unwrap().0.names().is_empty());
    }

    #[test]
    fn every_kind_of_event_is_understood() {
        for (line, expected) in [
            (r#"{"type":"ADDED","object":{"metadata":{"resourceVersion":"1"}}}"#, Event::Changed("1".to_owned())),
            (r#"{"type":"DELETED","object":{"metadata":{"resourceVersion":"2"}}}"#, Event::Deleted("2".to_owned())),
            (r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"3"}}}"#, Event::Bookmark("3".to_owned())),
            (r#"{"type":"ERROR","object":{"code":410}}"#, Event::Gone),
            (r#"{"type":"ERROR","object":{"code":500}}"#, Event::Failed(500)),
        ] {
            assert_eq!(event(line.as_bytes()), Ok(expected), "{line}");
        }
        for line in ["", "{}", r#"{"type":"ADDED","object":{}}"#, r#"{"type":"MOVED","object":{}}"#] {
            assert!(event(line.as_bytes()).is_err(), "{line}");
        }
    }

    #[test]
    fn a_line_that_never_ends_is_given_up() {
        let mut lines = Lines::default();
        lines.push(&vec![b' '; MAX_EVENT]).unwrap();
        assert!(lines.push(b" ").is_err());
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_the_stream_is_cut(
            texts in prop::collection::vec("[a-z]{1,20}", 0..8),
            size in 1usize..30,
        ) {
            let stream: String = texts.iter().map(|text| format!("{text}\n")).collect();
            let mut lines = Lines::default();
            let mut found = Vec::new();
            for part in stream.as_bytes().chunks(size) {
                lines.push(part).unwrap();
                while let Some(line) = lines.line() {
                    found.push(String::from_utf8(line).unwrap().trim_end().to_owned());
                }
            }
            prop_assert_eq!(found, texts);
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,60}") {
            let _ = event(&bytes);
            let _ = event(format!(r#"{{"type":"ADDED","object":{{"metadata":{text}}}}}"#).as_bytes());
            let _ = fields(&bytes, Kind::ConfigMap);
        }
    }
}
