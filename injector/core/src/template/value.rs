//! What a template computes with: values as Go's `text/template` sees them when they come out of JSON.
//!
//! They may be secrets. Text is wiped when its last holder goes, and nothing here prints what it holds: `Debug` gives
//! the kind alone.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use serde_json::value::RawValue;

use super::list::{Items, List};
use crate::secret::Secret;

/// A value; copies are cheap.
#[derive(Clone, Default)]
pub enum Value {
    /// A key that a map lacks: Go prints it as `<no value>`, and takes it for false.
    Missing,
    /// JSON's `null`: Go prints it as `<nil>`.
    #[default]
    Nil,
    /// A truth.
    Bool(bool),
    /// A whole number: a literal of the template, or what a function counted.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A number of a JSON document as it was written there: what Go calls `json.Number`, which prints as it is and is
    /// text to `printf "%d"`.
    Number(Rc<str>),
    /// Text, or any bytes.
    Text(Rc<Secret>),
    /// A list.
    List(Rc<List>),
    /// A map, which Go goes through in the order of its keys.
    Map(Rc<BTreeMap<String, Value>>),
    /// A map of texts, `map[string]string`: no function takes it that wants a map of anything.
    Texts(Rc<BTreeMap<String, Value>>),
}

impl Value {
    /// Holds text.
    #[must_use]
    pub fn text(text: impl Into<Vec<u8>>) -> Self {
        Self::Text(Rc::new(Secret::from(text.into())))
    }

    /// Holds a list of anything.
    #[must_use]
    pub fn list(items: Vec<Self>) -> Self {
        Self::list_of(Items::Any, items)
    }

    /// Holds a list whose items Go knows to be of one type.
    #[must_use]
    pub fn list_of(of: Items, items: Vec<Self>) -> Self {
        Self::List(Rc::new(List::new(of, items)))
    }

    /// Holds a list of texts.
    #[must_use]
    pub fn texts<T: Into<Vec<u8>>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::list_of(Items::Text, texts.into_iter().map(Self::text).collect())
    }

    /// Holds a map.
    #[must_use]
    pub fn map(entries: BTreeMap<String, Self>) -> Self {
        Self::Map(Rc::new(entries))
    }

    /// Holds a map of texts.
    #[must_use]
    pub fn map_of_texts<T: Into<Vec<u8>>>(entries: impl IntoIterator<Item = (String, T)>) -> Self {
        Self::Texts(Rc::new(entries.into_iter().map(|(name, text)| (name, Self::text(text))).collect()))
    }

    /// Gives the text, where it is text in UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => text.expose_str(),
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Names the kind in Go's words, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Missing | Self::Nil => "nil",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Number(_) => "json.Number",
            Self::Text(_) => "string",
            Self::List(items) => items.kind(),
            Self::Map(_) => "map[string]interface {}",
            Self::Texts(_) => "map[string]string",
        }
    }

    /// Tells what Go's `if` takes for true: anything but false, zero, nothing and what is empty.
    #[must_use]
    pub fn is_true(&self) -> bool {
        match self {
            Self::Missing | Self::Nil => false,
            Self::Bool(truth) => *truth,
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Number(number) => !number.is_empty(),
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(entries) | Self::Texts(entries) => !entries.is_empty(),
        }
    }

    /// Parses JSON, keeping numbers as they were written; none if it is not JSON, or nests deeper than anybody needs.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        nested(json.trim(), MAX_DEPTH)
    }
}

/// How deep lists and maps may nest.
const MAX_DEPTH: usize = 100;

fn nested(json: &str, depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    Some(match json.as_bytes().first()? {
        b'{' => {
            let entries: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
            let entries = entries.into_iter().map(|(name, value)| Some((name, nested(value.get(), depth)?)));
            Value::map(entries.collect::<Option<_>>()?)
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
            Value::list(items.into_iter().map(|item| nested(item.get(), depth)).collect::<Option<_>>()?)
        }
        b'"' => Value::text(serde_json::from_str::<String>(json).ok()?),
        b't' | b'f' => Value::Bool(serde_json::from_str(json).ok()?),
        b'n' => serde_json::from_str::<()>(json).ok().map(|()| Value::Nil)?,
        _ => serde_json::from_str::<&RawValue>(json).ok().map(|number| Value::Number(number.get().into()))?,
    })
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({})", self.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_its_numbers_and_debug_shows_nothing() {
        let value = Value::from_json(r#"{"a": [1.0, 1e3, "x\u0041", null, true]}"#).unwrap();
        let Value::Map(entries) = &value else { panic!("a map") };
        let Value::List(items) = &entries["a"] else { panic!("a list") };
        assert_eq!((items[0].as_str(), items[1].as_str(), items[2].as_str()), (Some("1.0"), Some("1e3"), Some("xA")));
        assert!(matches!((&items[3], &items[4]), (Value::Nil, Value::Bool(true))));
        assert_eq!(format!("{:?} {:?}", value, items[2]), "Value(map[string]interface {}) Value(string)");
        assert!(Value::from_json("{").is_none() && Value::from_json("").is_none() && Value::from_json("1 2").is_none());
        assert!(Value::from_json(&("[".repeat(200) + &"]".repeat(200))).is_none());
    }
}
