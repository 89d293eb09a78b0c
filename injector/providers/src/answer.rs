//! What every store's answers have in common: JSON that may be anything, fields, and words that may be quoted. Pure.

use std::collections::BTreeMap;

use oakum_inject::config::Address;
use oakum_inject::{Class, Field, Fields, ProviderError, Secret};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// How much of what a server says is shown.
const MAX_QUOTED: usize = 200;

/// Why an answer makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nonsense(pub &'static str);

impl Nonsense {
    /// Says which server it came from, and what that should have been.
    #[must_use]
    pub fn at(self, address: &Address, server: &str) -> ProviderError {
        ProviderError::new(Class::Malformed, format!("cannot understand the answer of {address}: {}", self.0))
            .hint(format!("is it {server}, and is there a proxy before it?"))
    }
}

/// Text that is wiped.
pub(crate) struct Hidden(pub(crate) Secret);

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::from(text)))
    }
}

/// Parses JSON into something, and says roughly what came instead.
pub(crate) fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Nonsense> {
    serde_json::from_slice(body).map_err(|error| {
        Nonsense(if body.trim_ascii().is_empty() {
            "it is empty"
        } else if body.trim_ascii_start().starts_with(b"<") {
            "it is a page of HTML"
        } else if error.is_eof() {
            "its JSON is cut off"
        } else if error.is_data() {
            "its JSON is not what was asked for"
        } else {
            "it is not JSON"
        })
    })
}

/// Reads the fields of a secret. Text becomes its bytes; anything else stays the JSON that it was.
pub(crate) fn fields(json: &str) -> Result<Fields, Nonsense> {
    let raw: BTreeMap<String, &RawValue> = object(json.as_bytes())?;
    raw.into_iter()
        .map(|(name, value)| {
            let value = value.get();
            let field = if value.starts_with('"') {
                let Hidden(text) = object(value.as_bytes())?;
                Field::Text(text)
            } else {
                Field::Json(Secret::from(value.to_owned()))
            };
            Ok((name, field))
        })
        .collect()
}

/// Quotes what a server says about an error: on one line, bounded, and nothing at all if it repeats what we sent.
pub(crate) fn quote(said: &str, sent: &[&Secret]) -> String {
    let repeats = sent
        .iter()
        .filter(|secret| !secret.is_empty())
        .any(|secret| said.as_bytes().windows(secret.len()).any(|part| part == secret.expose()));
    if repeats {
        return "its words are left out, since they repeat a credential".to_owned();
    }
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut quoted: String = words.chars().take(MAX_QUOTED).flat_map(char::escape_debug).collect();
    if words.chars().nth(MAX_QUOTED).is_some() {
        quoted.push('…');
    }
    quoted
}
