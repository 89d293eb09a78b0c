//! What AWS's answers mean. Pure: bytes and a status in, a class or a value out. Anything may come in here.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use oakum_inject::config::Address;
use oakum_inject::{Class, Field, Fields, ProviderError, Secret};
use serde::Deserialize;

use super::credentials::Credentials;
use super::operation::{Operation, Service};
use super::time::Moment;
pub use crate::answer::Nonsense;
use crate::answer::{Hidden, fields, object, quote};

/// What should have answered.
pub(super) const SERVER: &str = "AWS";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SecretValue {
    version_id: String,
    secret_string: Option<Hidden>,
    secret_binary: Option<Hidden>,
}

/// Reads a secret: its fields and the id of its version. `name` is that of the only field where it is no JSON object.
///
/// # Errors
/// Says what is wrong with the answer.
pub fn secret(body: &[u8], name: &str) -> Result<(Fields, String), Nonsense> {
    let SecretValue { version_id, secret_string, secret_binary } = object(body)?;
    let value = match (secret_string, secret_binary) {
        (Some(Hidden(text)), _) => text,
        (None, Some(Hidden(coded))) => base64::engine::general_purpose::STANDARD
            .decode(coded.expose())
            .map(Secret::from)
            .map_err(|_| Nonsense("its binary value is not in base64"))?,
        (None, None) => return Err(Nonsense("it holds no value")),
    };
    Ok((parts(value, name), version_id))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Description {
    #[serde(default)]
    version_ids_to_stages: BTreeMap<String, Vec<String>>,
    deleted_date: Option<serde::de::IgnoredAny>,
}

/// Reads which version bears a stage; none if there is none that can be read.
///
/// # Errors
/// Says what is wrong with the answer.
pub fn version_of(body: &[u8], stage: &str) -> Result<Option<String>, Nonsense> {
    let Description { version_ids_to_stages, deleted_date } = object(body)?;
    let holds = |(_, stages): &(String, Vec<String>)| stages.iter().any(|one| one == stage);
    let found = version_ids_to_stages.into_iter().find(holds).map(|(id, _)| id);
    Ok(if deleted_date.is_some() { None } else { found })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OneParameter {
    parameter: Parameter,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    name: String,
    value: Hidden,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    parameters: Vec<Parameter>,
    next_token: Option<String>,
}

/// Reads a parameter. `name` is that of the only field where it is no JSON object.
///
/// # Errors
/// Says what is wrong with the answer.
pub fn parameter(body: &[u8], name: &str) -> Result<Fields, Nonsense> {
    let OneParameter { parameter: Parameter { value: Hidden(value), .. } } = object(body)?;
    Ok(parts(value, name))
}

/// A page of parameters: fields, and what to ask for the next page by.
pub struct Parameters {
    /// Each parameter by the last element of its name.
    pub fields: Vec<(String, Field)>,
    /// The token of the next page, if there is one.
    pub next: Option<String>,
}

/// Reads a page of parameters, each a field of its own.
///
/// # Errors
/// Says what is wrong with the answer.
pub fn parameters(body: &[u8]) -> Result<Parameters, Nonsense> {
    let Page { parameters, next_token } = object(body)?;
    let fields = parameters
        .into_iter()
        .map(|Parameter { name, value: Hidden(value) }| (last(&name).to_owned(), Field::Text(value)))
        .collect();
    Ok(Parameters { fields, next: next_token.filter(|token| !token.is_empty()) })
}

/// Gives the last element of a name or an ARN.
pub(super) fn last(name: &str) -> &str {
    name.rsplit(['/', ':']).next().unwrap_or(name)
}

/// Takes a value apart: a JSON object has fields of its own, and anything else is one field.
fn parts(value: Secret, name: &str) -> Fields {
    let found = value.expose_str().filter(|text| text.trim_start().starts_with('{')).map(fields);
    match found {
        Some(Ok(fields)) => fields,
        _ => [(name.to_owned(), Field::Text(value))].into_iter().collect(),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Granted {
    access_key_id: String,
    secret_access_key: Hidden,
    token: Option<Hidden>,
    expiration: Option<String>,
}

/// Reads the credentials that a container or an instance is given.
///
/// # Errors
/// Says what is wrong with the answer.
pub fn granted(body: &[u8]) -> Result<Credentials, Nonsense> {
    let Granted { access_key_id, secret_access_key, token, expiration } = object(body)?;
    Ok(Credentials {
        id: access_key_id,
        secret: secret_access_key.0,
        token: token.map(|token| token.0),
        expires: expiration.as_deref().map(end).transpose()?,
    })
}

/// Reads the credentials that STS gives for a token.
///
/// # Errors
/// Says what is wrong with the answer.
pub fn assumed(body: &[u8]) -> Result<Credentials, Nonsense> {
    let text = std::str::from_utf8(body).map_err(|_| Nonsense("it is not text"))?;
    let credentials = element(text, "Credentials").ok_or(Nonsense("it grants no credentials"))?;
    let part =
        |name| element(credentials, name).and_then(unescaped).ok_or(Nonsense("it lacks a part of the credentials"));
    Ok(Credentials {
        id: part("AccessKeyId")?,
        secret: Secret::from(part("SecretAccessKey")?),
        token: Some(Secret::from(part("SessionToken")?)),
        expires: Some(end(&part("Expiration")?)?),
    })
}

fn end(text: &str) -> Result<Moment, Nonsense> {
    Moment::parse(text).ok_or(Nonsense("it does not say when the credentials end"))
}

/// Finds what stands between a tag and its end. STS's answers are flat, and their tags of values have no attributes.
fn element<'x>(xml: &'x str, name: &str) -> Option<&'x str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(inside, _)| inside)
}

/// Replaces the entities of XML by what they stand for; none if there is one that XML does not have by itself.
fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.trim();
    while let Some((before, behind)) = rest.split_once('&') {
        let (entity, after) = behind.split_once(';')?;
        plain.push_str(before);
        plain.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let number = entity.strip_prefix('#')?;
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                char::from_u32(code.ok()?)?
            }
        });
        rest = after;
    }
    plain.push_str(rest);
    Some(plain)
}

/// What a service says went wrong.
struct Problem {
    code: String,
    message: String,
}

#[derive(Deserialize)]
struct JsonProblem {
    #[serde(rename = "__type")]
    kind: String,
    message: Option<String>,
    /// Some write it like this, and some both.
    #[serde(rename = "Message")]
    titled: Option<String>,
}

impl Problem {
    /// Finds it in JSON, or in the XML of STS and of what stands before the services.
    fn find(body: &[u8]) -> Option<Self> {
        if let Ok(JsonProblem { kind, message, titled }) = serde_json::from_slice(body) {
            // `com.amazon.coral.service#AccessDeniedException`, or with a URL behind a colon.
            let code = kind.rsplit('#').next()?.split(':').next()?.to_owned();
            return Some(Self { code, message: message.or(titled).unwrap_or_default() });
        }
        let text = std::str::from_utf8(body).ok()?;
        let code = unescaped(element(text, "Code")?)?;
        let message = element(text, "Message").and_then(unescaped).unwrap_or_default();
        Some(Self { code, message })
    }
}

/// Says what can be done about an answer that is no success. Whatever is wrong with the credentials is a
/// [`Class::SessionLost`]: only the caller knows whether it has others.
#[must_use]
pub fn classify(
    address: &Address,
    operation: Operation,
    status: u16,
    retry_after: Option<Duration>,
    body: &[u8],
    sent: &[&Secret],
) -> ProviderError {
    let busy = status == 429 || status >= 500;
    match Problem::find(body) {
        Some(problem) => {
            let code = quote(&problem.code, sent);
            of_identity(address, &code, &problem.message)
                .unwrap_or_else(|| of_request(address, operation, busy, &code, &quote(&problem.message, sent)))
        }
        None if busy => ProviderError::new(Class::Unreachable, format!("{address} is not well (status {status})")),
        None => Nonsense("its refusal is not one of AWS's").at(address, SERVER),
    }
    .status(status)
    .after(retry_after)
}

/// Explains a refusal of who we are, or when. Its words may repeat our headers, and are not shown.
fn of_identity(address: &Address, code: &str, message: &str) -> Option<ProviderError> {
    let skewed = matches!(code, "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture");
    let signature = matches!(code, "InvalidSignatureException" | "SignatureDoesNotMatch");
    let old = signature && (message.contains("expired") || message.contains("not yet current"));
    let (class, what, hint) = match code {
        _ if skewed || old => (
            Class::Misconfigured,
            "says that our time is not its own",
            "set this machine's clock: it is off by more than five minutes",
        ),
        "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException" => (
            Class::SessionLost,
            "does not accept our signature",
            "the secret access key does not belong to the access key's id",
        ),
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "AuthFailure"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" => (
            Class::SessionLost,
            "does not know our credentials",
            "check the access key: it may be deleted or inactive, or lack its session token",
        ),
        "ExpiredToken" | "ExpiredTokenException" => {
            (Class::SessionLost, "says that our credentials have expired", "renew them where they come from")
        }
        _ => return None,
    };
    Some(ProviderError::new(class, format!("{address} {what} ({code})")).hint(hint))
}

/// Explains a refusal of what we ask for.
fn of_request(address: &Address, operation: Operation, busy: bool, code: &str, said: &str) -> ProviderError {
    let error = |class, what: &str| ProviderError::new(class, format!("{address} {what} ({code}: {said})"));
    match code {
        "ResourceNotFoundException" | "ParameterNotFound" | "ParameterVersionNotFound" => {
            error(Class::Missing, "has nothing there").hint(match operation.service() {
                Service::SecretsManager => "check the name, the region and the stage, or write the secret",
                _ => "check the name, the region and the version, or write the parameter",
            })
        }
        "InvalidRequestException" if said.contains("deletion") || said.contains("deleted") => {
            error(Class::Missing, "is about to delete it").hint("restore it: `aws secretsmanager restore-secret`")
        }
        "DecryptionFailure" | "InvalidKeyId" => {
            error(Class::Refused, "cannot decrypt it").hint("let a policy allow kms:Decrypt on its key")
        }
        _ if code.contains("AccessDenied") && said.contains("KMS") => {
            error(Class::Refused, "refuses").hint("let a policy allow kms:Decrypt on its key")
        }
        _ if code.contains("AccessDenied") || code == "UnauthorizedOperation" => {
            error(Class::Refused, "refuses").hint(format!("let a policy allow {}", operation.action()))
        }
        "InvalidParameterException" | "ValidationException" | "ValidationError" => {
            error(Class::Misconfigured, "cannot take what we ask for").hint("check the path and what is pinned of it")
        }
        "IDPCommunicationError" => error(Class::Unreachable, "cannot reach the token's issuer"),
        _ if code.contains("Throttl") || code.contains("TooManyRequests") || code == "RequestLimitExceeded" => {
            error(Class::Unreachable, "is asked too often")
        }
        _ if busy => error(Class::Unreachable, "is not well"),
        _ => error(Class::Refused, "refuses"),
    }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
