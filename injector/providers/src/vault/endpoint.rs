//! Endpoints of Vault that `vaultrs` lacks.

use oakum_inject::Secret;
use rustify::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use rustify::errors::ClientError;

/// Says which engine is mounted where a path leads: `GET sys/internal/ui/mounts/PATH`.
///
/// It is what Vault's own command line asks. It is not documented as stable, yet it is the only way that a token with no
/// right to `sys/mounts` has.
#[derive(Debug)]
pub struct MountOf<'a> {
    /// A path of a secret, mount included.
    pub path: &'a str,
}

impl Endpoint for MountOf<'_> {
    type Response = ();
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        format!("sys/internal/ui/mounts/{}", self.path)
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::GET
    }
}

/// Writes to any path, or does something there: `PUT PATH`.
#[derive(Debug)]
pub struct Put<'a> {
    /// The path behind `/v1/`.
    pub path: &'a str,
    /// What is sent, as JSON.
    pub body: Secret,
}

impl<'a> Put<'a> {
    /// Sends names and values.
    #[must_use]
    pub fn new<'v>(path: &'a str, body: impl IntoIterator<Item = (&'v str, &'v str)>) -> Self {
        let body: serde_json::Map<_, _> =
            body.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        Self { path, body: Secret::from(serde_json::Value::from(body).to_string()) }
    }
}

impl Endpoint for Put<'_> {
    type Response = ();
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        self.path.to_owned()
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::PUT
    }

    fn body(&self) -> Result<Option<Vec<u8>>, ClientError> {
        Ok(Some(self.body.expose().to_vec()))
    }
}

/// Reads any path as it is: `GET PATH`.
#[derive(Debug)]
pub struct Get<'a> {
    /// The path behind `/v1/`; what is behind a `?` in it is the query.
    pub path: &'a str,
}

impl Endpoint for Get<'_> {
    type Response = ();
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        self.path.split('?').next().unwrap_or_default().to_owned()
    }

    fn query(&self) -> Result<Option<String>, ClientError> {
        Ok(self.path.split_once('?').map(|(_, query)| query.to_owned()))
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::GET
    }
}
