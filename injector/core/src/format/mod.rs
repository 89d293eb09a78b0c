//! From values to the bytes of a file. What a format cannot express is an error, never a file that its readers would
//! understand in different ways. The formats are listed in `kinds`, and each is written by a file of its own.

mod aes;
mod dotenv;
mod draft;
mod json;
mod kinds;
mod my_cnf;
mod netrc;
mod pem;
mod pgpass;
mod pkcs12;
mod properties;
mod rows;
mod shell;
mod toml;
mod url;
mod xml;
mod yaml;

use std::collections::BTreeMap;

pub use kinds::{Format, Part};

use self::draft::Draft;
use self::rows::Rows;
use crate::config::{Content, EnvSource, TemplateSpec};
use crate::provider::{Class, ProviderError};
use crate::reference::{Name, ValueRef};
use crate::secret::{Field, Fields, Secret};
use crate::template::{CallKind, Context, Items, MissingKey, Outside, Rendering, SecretCall, TemplateError, Value};

/// The one field of a secret that was fetched whole: a JSON object with the names that Vault Agent has; of a list, its names.
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
    #[error("the value of `{name}` cannot be written as {}: {why}", format.name())]
    Inexpressible {
        /// The key in the file.
        name: String,
        /// The format.
        format: Format,
        /// What stands in the way, without the value.
        why: &'static str,
    },
    /// A part that a format cannot do without.
    #[error("{} needs `{part}`", format.name())]
    NoPart {
        /// The format.
        format: Format,
        /// The part.
        part: &'static str,
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
            Self::NoPart { format, .. } => {
                let parts: Vec<&str> = format.parts().unwrap_or_default().iter().map(Part::name).collect();
                Some(format!("the names that {} knows are {}", format.name(), parts.join(", ")))
            }
            Self::Inexpressible { format: Format::Dotenv, .. } => {
                Some("use the format json, or raw with a file of its own".to_owned())
            }
            Self::Inexpressible { format: Format::Pem | Format::Pkcs12, .. } => None,
            Self::Inexpressible { .. } => Some("use the format raw with a file of its own".to_owned()),
        }
    }
}

impl From<RenderError> for ProviderError {
    fn from(error: RenderError) -> Self {
        let class = match &error {
            RenderError::NotFetched(_)
            | RenderError::NoField { .. }
            | RenderError::NoPart { .. }
            | RenderError::Template(_) => Class::Missing,
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
            let data = Data { template, secrets, named: &|_| None, outside };
            Ok(template.parsed.render(&data, template.missing)?)
        }
        Content::Raw(value) => Ok(copy(find(value, secrets)?.bytes())),
        Content::Fields { format, source, with } => {
            format.render(&Rows::gather(*format, source, with, secrets)?, outside)
        }
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
            let data = Data { template, secrets, named: &|_| None, outside };
            Ok(template.parsed.render(&data, template.missing)?)
        }
    }
}

/// Makes the bytes of a file whose template asks for more while it is rendered, where all is at hand; `named` has the names
/// of what it may find so.
///
/// # Errors
/// Says what is wrong, where nothing is missing that may yet come.
pub fn render_further(
    template: &TemplateSpec,
    secrets: &BTreeMap<Name, Fields>,
    named: &dyn Fn(&SecretCall) -> Option<Name>,
    outside: &dyn Outside,
) -> Result<Rendering, RenderError> {
    let data = Data { template, secrets, named, outside };
    Ok(template.parsed.render_further(&data, template.missing)?)
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
    named: &'d dyn Fn(&SecretCall) -> Option<Name>,
    outside: &'d dyn Outside,
}

impl Context for Data<'_> {
    fn root(&self) -> Value {
        // A template of Vault Agent has nothing there.
        if self.template.uses.is_empty() && self.template.missing == MissingKey::NoValue {
            return Value::Missing;
        }
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
        let name = self.template.calls.get(call).cloned().or_else(|| (self.named)(call))?;
        let whole = self.secrets.get(&name)?.get(WHOLE)?;
        let answer = Value::from_json(whole.bytes().expose_str()?)?;
        match call.kind {
            CallKind::Secret => Some(answer),
            CallKind::PkiCert => certificate(&answer),
            CallKind::List => match answer {
                Value::List(names) => Some(Value::list_of(Items::Text, names.to_vec())),
                _ => None,
            },
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
    // consul-template encodes each anew, and PEM ends with a line break.
    let ended = |value: &Value| match value {
        Value::Text(text) if !text.is_empty() && !text.expose().ends_with(b"\n") => {
            Value::text([text.expose(), b"\n"].concat())
        }
        other => other.clone(),
    };
    let names = [("Cert", "certificate"), ("Key", "private_key"), ("CA", "issuing_ca"), ("CAChain", "ca_chain")];
    let parts = names.into_iter().map(|(name, field)| {
        let value = match data.get(field) {
            Some(Value::List(items)) => Value::list_of(Items::Text, items.iter().map(ended).collect()),
            Some(value) => ended(value),
            None => Value::text(""),
        };
        (name.to_owned(), value)
    });
    let parts: BTreeMap<String, Value> = parts.collect();
    // consul-template has them under `.Data` as well, as those of any secret.
    let below = ("Data".to_owned(), Value::map(parts.clone()));
    Some(Value::map(parts.into_iter().chain([below]).collect()))
}

fn copy(secret: &Secret) -> Secret {
    Secret::from(secret.expose().to_vec())
}

#[cfg(test)]
mod tests;
