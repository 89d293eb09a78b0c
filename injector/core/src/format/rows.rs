//! The values that go into a file, each with its name, before a format writes them.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{Format, RenderError, find};
use crate::config::Source;
use crate::reference::Name;
use crate::secret::{Field, Fields, Secret};

/// All values of a file.
pub(super) struct Rows<'a> {
    pub(super) format: Format,
    pub(super) rows: Vec<Row<'a>>,
}

/// One value.
pub(super) struct Row<'a> {
    format: Format,
    /// The name that the configuration or the secret has for it.
    pub(super) name: &'a str,
    /// Which part of the format it is; none where the format takes any name.
    part: Option<&'static str>,
    pub(super) value: Value<'a>,
}

/// What a value is.
pub(super) enum Value<'a> {
    /// Text, or any bytes.
    Text(&'a [u8]),
    /// The JSON text of what is not text.
    Json(&'a [u8]),
}

impl<'a> Rows<'a> {
    /// Gathers the values. What the configuration fixes goes before what a whole secret has of the same part.
    pub(super) fn gather(
        format: Format,
        source: &'a Source,
        with: &'a BTreeMap<String, String>,
        secrets: &'a BTreeMap<Name, Fields>,
    ) -> Result<Self, RenderError> {
        let part = |name: &str| format.part(name).map(super::Part::name);
        let row = |name: &'a str, value| Row { format, name, part: part(name), value };
        let of = |field: &'a Field| match field {
            Field::Text(text) => Value::Text(text.expose()),
            Field::Json(json) => Value::Json(json.expose()),
        };
        let mut rows: Vec<Row<'a>> = with.iter().map(|(name, text)| row(name, Value::Text(text.as_bytes()))).collect();
        match source {
            Source::Values(values) => {
                for (name, value) in values {
                    rows.push(row(name, of(find(value, secrets)?)));
                }
            }
            Source::Secret(name) => {
                let fields = secrets.get(name).ok_or_else(|| RenderError::NotFetched(name.clone()))?;
                if let Some(parts) = format.parts() {
                    // What else the secret has is not for this file. Of several names for a part, the first one counts.
                    for part in parts.iter().filter(|part| !with.keys().any(|key| part.is(key))) {
                        let found = fields.iter().filter(|(name, _)| part.is(name));
                        rows.extend(
                            found.min_by_key(|(name, _)| part.rank(name)).map(|(name, of_it)| row(name, of(of_it))),
                        );
                    }
                } else {
                    let others = fields.iter().filter(|(name, _)| !with.contains_key(*name));
                    rows.extend(others.map(|(name, field)| row(name, of(field))));
                }
            }
        }
        rows.sort_by_key(|row| row.name);
        for row in &rows {
            format.check_name(row.name).map_err(|_| row.refuse("its name cannot stand there"))?;
        }
        Ok(Self { format, rows })
    }

    /// Finds a part of a format that has fixed ones.
    pub(super) fn get(&self, part: &'static str) -> Option<&Row<'a>> {
        self.rows.iter().find(|row| row.part == Some(part))
    }

    /// Finds a part that must be there.
    pub(super) fn need(&self, part: &'static str) -> Result<&Row<'a>, RenderError> {
        self.get(part).ok_or(RenderError::NoPart { format: self.format, part })
    }
}

impl<'a> Row<'a> {
    /// An error about this value, which does not show it.
    pub(super) fn refuse(&self, why: &'static str) -> RenderError {
        RenderError::Inexpressible { name: self.name.to_owned(), format: self.format, why }
    }

    /// Which part of the format it is.
    pub(super) fn part(&self) -> Option<&'static str> {
        self.part
    }

    /// Gives the text; what is not text in the store is its JSON.
    pub(super) fn text(&self) -> Result<&'a str, RenderError> {
        let (Value::Text(bytes) | Value::Json(bytes)) = self.value;
        std::str::from_utf8(bytes).map_err(|_| self.refuse("it is not UTF-8"))
    }

    /// Gives text, a number or a truth: what a format without lists and maps can hold.
    pub(super) fn scalar(&self) -> Result<&'a str, RenderError> {
        if let Value::Json(json) = self.value
            && matches!(json.first(), None | Some(b'{' | b'[' | b'n'))
        {
            return Err(self.refuse("it is a list, a map or nothing"));
        }
        self.text()
    }

    /// Takes the value apart one level deep.
    pub(super) fn tree(&self) -> Result<Tree<'a>, RenderError> {
        match self.value {
            Value::Text(_) => Ok(Tree::Text(Secret::from(self.text()?.to_owned()))),
            Value::Json(_) => Tree::of(self.text()?).ok_or_else(|| self.refuse("it is not JSON")),
        }
    }
}

/// A JSON value one level deep. Numbers stay as they were written, and only text is copied, into what is wiped.
pub(super) enum Tree<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(Secret),
    List(Vec<&'a RawValue>),
    Map(BTreeMap<String, &'a RawValue>),
}

impl<'a> Tree<'a> {
    pub(super) fn of(json: &'a str) -> Option<Self> {
        let json = json.trim();
        Some(match json.as_bytes().first()? {
            b'{' => Self::Map(serde_json::from_str(json).ok()?),
            b'[' => Self::List(serde_json::from_str(json).ok()?),
            b'"' => Self::Text(Secret::from(serde_json::from_str::<String>(json).ok()?)),
            b't' | b'f' => Self::Bool(serde_json::from_str(json).ok()?),
            b'n' => serde_json::from_str::<()>(json).ok().map(|()| Self::Null)?,
            _ => Self::Number(serde_json::from_str::<&RawValue>(json).ok()?.get()),
        })
    }
}

/// How deep lists and maps may nest in a file.
pub(super) const MAX_DEPTH: usize = 60;
