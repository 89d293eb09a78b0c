//! From values to the bytes of a file: raw, JSON, dotenv. What a format cannot express is an error, never a file that
//! its readers would understand in different ways.

use std::collections::BTreeMap;

use crate::config::{Content, EnvName, EnvSource, Source, TemplateSpec};
use crate::provider::{Class, ProviderError};
use crate::reference::{Name, ValueRef};
use crate::secret::{Field, Fields, Secret};
use crate::template::{CallKind, Context, Outside, SecretCall, TemplateError, Value};

/// The one field of a secret that was fetched whole: a JSON object with the names that Vault Agent has.
pub const WHOLE: &str = "";

/// Why a file cannot be made. Names fields, never what they hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A secret that is not there at all.
    #[error("the secret `{0}` has not been fetched")]
    NotFetched(Name),
    /// A field that the secret lacks.
    #[error("the secret `{secret}` has no field `{field}`")]
    NoField {
        /// The secret.
        secret: Name,
        /// The field that was asked for.
        field: String,
        /// Those that are there.
        names: Vec<String>,
    },
    /// No field was named, and there is not exactly one.
    #[error("the secret `{secret}` has {} fields, and none is named", names.len())]
    WhichField {
        /// The secret.
        secret: Name,
        /// Those that are there.
        names: Vec<String>,
    },
    /// A template that cannot be rendered.
    #[error("{0}")]
    Template(#[from] TemplateError),
    /// A value that the format cannot hold.
    #[error("the value of `{name}` cannot be written as {format}: {why}")]
    Inexpressible {
        /// The key in the file.
        name: String,
        /// The format.
        format: &'static str,
        /// What stands in the way, without the value.
        why: &'static str,
    },
}

impl RenderError {
    /// Gives the way out.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFetched(_) => None,
            Self::Template(error) => error.hint.clone(),
            Self::NoField { names, .. } if names.is_empty() => Some("the secret is empty".to_owned()),
            Self::NoField { names, .. } | Self::WhichField { names, .. } => {
                Some(format!("its fields are {}", names.join(", ")))
            }
            Self::Inexpressible { format: "dotenv", .. } => {
                Some("use the format json, or raw with a file of its own".to_owned())
            }
            Self::Inexpressible { .. } => Some("use the format raw with a file of its own".to_owned()),
        }
    }
}

impl From<RenderError> for ProviderError {
    fn from(error: RenderError) -> Self {
        let class = match &error {
            RenderError::NotFetched(_) | RenderError::NoField { .. } | RenderError::Template(_) => Class::Missing,
            RenderError::WhichField { .. } | RenderError::Inexpressible { .. } => Class::Misconfigured,
        };
        let hint = error.hint();
        Self { hint, ..Self::new(class, error.to_string()) }
    }
}

/// Makes the bytes of a file.
///
/// # Errors
/// Says which field is missing, or which value cannot be expressed.
pub fn render(
    content: &Content,
    secrets: &BTreeMap<Name, Fields>,
    outside: &dyn Outside,
) -> Result<Secret, RenderError> {
    match content {
        Content::Template(template) => {
            let data = Data { template, secrets, outside };
            Ok(template.parsed.render(&data, template.missing)?)
        }
        Content::Raw(value) => Ok(copy(find(value, secrets)?.bytes())),
        Content::Json(source) => json(&chosen(source, secrets)?),
        Content::Dotenv(source) => dotenv(&chosen(source, secrets)?),
    }
}

/// Makes the value of a variable.
///
/// # Errors
/// Says which field is missing.
pub fn variable(
    source: &EnvSource,
    secrets: &BTreeMap<Name, Fields>,
    outside: &dyn Outside,
) -> Result<Secret, RenderError> {
    match source {
        EnvSource::Value(value) => Ok(copy(find(value, secrets)?.bytes())),
        EnvSource::Template(template) => {
            let data = Data { template, secrets, outside };
            Ok(template.parsed.render(&data, template.missing)?)
        }
    }
}

/// Finds the field that a value refers to.
///
/// # Errors
/// [`RenderError::NoField`] and its like.
pub fn find<'f>(value: &ValueRef, secrets: &'f BTreeMap<Name, Fields>) -> Result<&'f Field, RenderError> {
    let fields = secrets.get(&value.secret).ok_or_else(|| RenderError::NotFetched(value.secret.clone()))?;
    let names = || fields.names().iter().map(|name| name.escape_debug().to_string()).collect();
    match &value.field {
        Some(field) => fields.get(field).ok_or_else(|| RenderError::NoField {
            secret: value.secret.clone(),
            field: field.clone(),
            names: names(),
        }),
        None => fields.only().ok_or_else(|| RenderError::WhichField { secret: value.secret.clone(), names: names() }),
    }
}

/// What a template sees of the secrets that were fetched.
struct Data<'d> {
    template: &'d TemplateSpec,
    secrets: &'d BTreeMap<Name, Fields>,
    outside: &'d dyn Outside,
}

impl Context for Data<'_> {
    fn root(&self) -> Value {
        let used = self.template.uses.iter().filter_map(|name| Some((name, self.secrets.get(name)?)));
        let fields = |fields: &Fields| {
            let values = fields.iter().map(|(name, field)| {
                let value = match field {
                    Field::Text(text) => Value::text(text.expose()),
                    Field::Json(json) => json.expose_str().and_then(Value::from_json).unwrap_or_default(),
                };
                (name.to_owned(), value)
            });
            Value::map(values.collect())
        };
        Value::map(used.map(|(name, of)| (name.to_string(), fields(of))).collect())
    }

    fn secret(&self, call: &SecretCall) -> Option<Value> {
        let whole = self.secrets.get(self.template.calls.get(call)?)?.get(WHOLE)?;
        let answer = Value::from_json(whole.bytes().expose_str()?)?;
        match call.kind {
            CallKind::Secret => Some(answer),
            CallKind::PkiCert => certificate(&answer),
        }
    }

    fn outside(&self) -> &dyn Outside {
        self.outside
    }
}

/// Gives a certificate under the names that `pkiCert` has for its parts.
fn certificate(answer: &Value) -> Option<Value> {
    let Value::Map(answer) = answer else { return None };
    let Some(Value::Map(data)) = answer.get("Data") else { return None };
    let names = [("Cert", "certificate"), ("Key", "private_key"), ("CA", "issuing_ca"), ("CAChain", "ca_chain")];
    let parts = names
        .into_iter()
        .map(|(name, field)| (name.to_owned(), data.get(field).cloned().unwrap_or_else(|| Value::text(""))));
    Some(Value::map(parts.collect()))
}

fn copy(secret: &Secret) -> Secret {
    Secret::from(secret.expose().to_vec())
}

fn chosen<'f>(
    source: &'f Source,
    secrets: &'f BTreeMap<Name, Fields>,
) -> Result<Vec<(&'f str, &'f Field)>, RenderError> {
    match source {
        Source::Secret(name) => {
            Ok(secrets.get(name).ok_or_else(|| RenderError::NotFetched(name.clone()))?.iter().collect())
        }
        Source::Values(values) => {
            values.iter().map(|(name, value)| Ok((name.as_str(), find(value, secrets)?))).collect()
        }
    }
}

/// Writes a JSON object (RFC 8259) with a final newline. What was not text in the store is not text here either.
fn json(fields: &[(&str, &Field)]) -> Result<Secret, RenderError> {
    // Room for the worst case, so that no half-written copy is left behind by growing.
    let room = fields.iter().map(|(name, field)| 6 * (name.len() + field.bytes().len()) + 8).sum::<usize>() + 8;
    let mut out = Vec::with_capacity(room);
    out.push(b'{');
    for (at, (name, field)) in fields.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b"\n  " } else { b",\n  " });
        quote_json(&mut out, name);
        out.extend_from_slice(b": ");
        match field {
            Field::Json(value) => out.extend_from_slice(value.expose()),
            Field::Text(value) => {
                let inexpressible =
                    || RenderError::Inexpressible { name: (*name).to_owned(), format: "json", why: "it is not UTF-8" };
                quote_json(&mut out, value.expose_str().ok_or_else(inexpressible)?);
            }
        }
    }
    out.extend_from_slice(if fields.is_empty() { b"}\n" } else { b"\n}\n" });
    Ok(Secret::from(out))
}

fn quote_json(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("writing to memory cannot fail");
}

/// Writes lines of `NAME='value'`.
///
/// No specification says what a `.env` file means, and its readers differ: shells, the libraries of Node, Python, Ruby
/// and Go, and systemd. This writes what all of them read alike, and refuses the rest: single quotes wherever they will
/// do, double quotes for a value that holds a single quote and nothing that anybody would expand in there.
fn dotenv(fields: &[(&str, &Field)]) -> Result<Secret, RenderError> {
    let room = fields.iter().map(|(name, field)| name.len() + field.bytes().len() + 4).sum();
    let mut out = Vec::with_capacity(room);
    for (name, field) in fields {
        let inexpressible = |why| RenderError::Inexpressible { name: (*name).to_owned(), format: "dotenv", why };
        EnvName::parse(name).map_err(|_| inexpressible("its name is not that of a variable"))?;
        let value = field.bytes().expose_str().ok_or_else(|| inexpressible("it is not UTF-8"))?;
        let quote = dotenv_quote(value).map_err(inexpressible)?;
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        out.push(quote);
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(&[quote, b'\n']);
    }
    Ok(Secret::from(out))
}

/// Chooses the quote that every reader takes off and leaves the rest as it is.
fn dotenv_quote(value: &str) -> Result<u8, &'static str> {
    if value.contains(['\0', '\r']) {
        return Err("it holds a NUL or a carriage return");
    }
    if !value.contains('\'') {
        // Python's reader takes `\\` for one backslash, Node's takes `\'` for a quote that does not end the value.
        if value.contains("\\\\") || value.ends_with('\\') {
            return Err("it holds two backslashes together, or ends with one, which readers take differently");
        }
        return Ok(b'\'');
    }
    if value.contains(['"', '\\', '$', '`', '\n', '!']) {
        return Err("it holds a single quote together with one of \" \\ $ ` ! or a line break");
    }
    Ok(b'"')
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
