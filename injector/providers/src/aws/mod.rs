//! AWS Secrets Manager and SSM Parameter Store, over our own [`Transport`], with signatures of our own ([`sign`]).
//!
//! A secret is asked for by `DescribeSecret` first, which tells its version without its value; where that is not allowed,
//! its value is read each time. Parameters have no such call, and are read.

pub mod credentials;
pub(crate) mod identity;
pub mod operation;
pub mod reply;
pub mod sign;
pub mod time;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::http::{HeaderName, HeaderValue, Request, header};
use oakum_inject::config::{Address, AwsStore, Scheme};
use oakum_inject::provider::{Answer, Grant, Session, Term, Want};
use oakum_inject::{Class, Fetched, Fields, ProviderError, Secret, SecretProvider};
use serde_json::{Value, json};

use self::credentials::{Credentials, Source};
use self::operation::{Operation, Service, host};
use self::reply::{Nonsense, SERVER};
use self::time::Moment;
use crate::fingerprint;
use crate::http::Transport;

/// Credentials this young are not obtained anew when they are not accepted: they would be the same.
const FRESH: Duration = Duration::from_secs(5);
/// The stage of the newest version.
const CURRENT: &str = "AWSCURRENT";
/// The most pages of parameters that are read, of at most ten parameters each.
const MAX_PAGES: usize = 100;

/// An account in a region, and the credentials that we have for it.
pub struct Aws {
    region: String,
    secrets: Transport,
    parameters: Transport,
    source: Source,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<Arc<Held>>,
    /// Secrets that we may not describe, so that the value must be read to see whether it changed.
    blind: HashSet<String>,
}

/// Credentials, and since when we have them.
struct Held {
    credentials: Credentials,
    since: Instant,
}

impl Aws {
    /// Prepares to talk to AWS. Nothing is sent, and no credential is read yet.
    ///
    /// # Errors
    /// [`Class::Misconfigured`] when the CA cannot be used.
    pub fn open(spec: &AwsStore) -> Result<Self, ProviderError> {
        Self::with(spec, credentials::environment())
    }

    fn with(spec: &AwsStore, variables: credentials::Variables) -> Result<Self, ProviderError> {
        let host = |service: Service| match &spec.endpoint {
            Some(endpoint) => endpoint.host.clone(),
            None => service.host(&spec.region),
        };
        let own = Address { scheme: Scheme::Https, host: host(Service::SecretsManager), port: 443 };
        let secrets = Transport::open(spec.endpoint.as_ref().unwrap_or(&own), spec.ca.as_deref(), None)?;
        let parameters = secrets.elsewhere(&host(Service::Ssm))?;
        let sts = Ok(secrets.elsewhere(&host(Service::Sts))?);
        Ok(Self {
            region: spec.region.clone(),
            secrets,
            parameters,
            source: Source { spec: spec.credentials.clone(), variables, sts },
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn transport(&self, operation: Operation) -> &Transport {
        match operation.service() {
            // STS is asked for credentials only, and by their source.
            Service::SecretsManager | Service::Sts => &self.secrets,
            Service::Ssm => &self.parameters,
        }
    }

    /// Calls an operation, and gives the body of its answer if that is a success.
    async fn ask(&self, operation: Operation, body: &Value, with: &Credentials) -> Result<Secret, ProviderError> {
        let transport = self.transport(operation);
        let request = signed(transport.address(), operation, body, with, &self.region, Moment::now())?;
        let reply = transport.send(request).await?;
        if reply.status == 200 {
            return Ok(reply.body);
        }
        let (address, sent) = (transport.address(), with.secrets());
        Err(reply::classify(address, operation, reply.status, reply.retry_after, reply.body.expose(), &sent))
    }

    fn understood<T>(&self, operation: Operation, parsed: Result<T, Nonsense>) -> Result<T, ProviderError> {
        parsed.map_err(|nonsense| nonsense.at(self.transport(operation).address(), SERVER))
    }

    async fn read(&self, want: &Want, with: &Credentials) -> Result<Fetched, ProviderError> {
        match want.path.split_once('/') {
            Some(("secretsmanager", name)) => self.read_secret(name, want, with).await,
            Some(("ssm", name)) => self.read_parameter(name, want, with).await,
            _ => Err(ProviderError::new(Class::Misconfigured, "the path names no service of AWS")),
        }
    }

    async fn read_secret(&self, name: &str, want: &Want, with: &Credentials) -> Result<Fetched, ProviderError> {
        let stage = want.stage.as_deref().unwrap_or(CURRENT);
        if want.known.is_some() && self.described(name, stage, with).await? == want.known {
            return Ok(Fetched::Unchanged);
        }
        let operation = Operation::GetSecretValue;
        let body = self.ask(operation, &json!({ "SecretId": name, "VersionStage": stage }), with).await?;
        let (fields, id) = self.understood(operation, reply::secret(body.expose(), reply::last(name)))?;
        let version = fingerprint::of_id(&id)?;
        Ok(if want.known == Some(version) {
            Fetched::Unchanged
        } else {
            Fetched::Changed { fields, version, term: Term::Open }
        })
    }

    /// Asks for the version alone, where we may; none if only the value can tell. A policy that grants only
    /// `GetSecretValue` is common, and fine.
    async fn described(
        &self,
        name: &str,
        stage: &str,
        with: &Credentials,
    ) -> Result<Option<oakum_inject::Version>, ProviderError> {
        if self.state().blind.contains(name) {
            return Ok(None);
        }
        let operation = Operation::DescribeSecret;
        match self.ask(operation, &json!({ "SecretId": name }), with).await {
            Ok(body) => {
                let id = self.understood(operation, reply::version_of(body.expose(), stage))?;
                id.as_deref().map(fingerprint::of_id).transpose()
            }
            Err(error) if error.class == Class::Refused => {
                self.state().blind.insert(name.to_owned());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn read_parameter(&self, name: &str, want: &Want, with: &Credentials) -> Result<Fetched, ProviderError> {
        // A version never changes, and that it was seen once is enough.
        if want.pinned.is_some() && want.known.is_some() {
            return Ok(Fetched::Unchanged);
        }
        let fields = match name.strip_suffix('*').filter(|path| path.is_empty() || path.ends_with('/')) {
            Some(path) => self.read_path(&format!("/{}", path.trim_end_matches('/')), with).await?,
            None => {
                let full = parameter_name(name, want.pinned);
                let operation = Operation::GetParameter;
                let body = self.ask(operation, &json!({ "Name": full, "WithDecryption": true }), with).await?;
                self.understood(operation, reply::parameter(body.expose(), reply::last(name)))?
            }
        };
        // Not the number of the version: a parameter that was deleted and written anew begins again with 1.
        let version = fingerprint::of(&fields)?;
        Ok(if want.known == Some(version) {
            Fetched::Unchanged
        } else {
            Fetched::Changed { fields, version, term: Term::Open }
        })
    }

    /// Reads all parameters right below a path.
    async fn read_path(&self, path: &str, with: &Credentials) -> Result<Fields, ProviderError> {
        let operation = Operation::GetParametersByPath;
        let mut all = Vec::new();
        let mut body = json!({ "Path": path, "WithDecryption": true });
        for _ in 0..MAX_PAGES {
            let page = self.ask(operation, &body, with).await?;
            let reply::Parameters { fields, next } = self.understood(operation, reply::parameters(page.expose()))?;
            all.extend(fields);
            match next {
                Some(token) => body["NextToken"] = token.into(),
                None if all.is_empty() => {
                    return Err(ProviderError::new(Class::Missing, "there is no parameter below the path")
                        .hint("check the path and the region, or write a parameter there"));
                }
                None => return Ok(all.into_iter().collect()),
            }
        }
        Err(ProviderError::new(Class::Misconfigured, "there are too many parameters below the path")
            .hint("name one of them"))
    }

    /// Says what to do about credentials that are not accepted: others may be had by another login, unless the last
    /// one was just now.
    fn explained(&self, error: ProviderError, held: &Held) -> ProviderError {
        let hopeless = held.since.elapsed() < FRESH || !self.source.may_change();
        match error.class {
            Class::SessionLost if hopeless => ProviderError { class: Class::Refused, ..error },
            _ => error,
        }
    }
}

impl SecretProvider for Aws {
    fn login(&self) -> Answer<'_, Session> {
        Box::pin(async {
            let credentials =
                self.source.obtain().await.map_err(|error| error.while_doing("cannot get credentials for AWS"))?;
            let now = Moment::now();
            let session = match credentials.expires {
                None => Session::NONE,
                Some(end) if end <= now => {
                    return Err(ProviderError::new(Class::Unreachable, "the credentials for AWS have expired already")
                        .hint("check this machine's clock"));
                }
                // They cannot be prolonged, but others can be had in time.
                Some(end) => Session { ttl: Some(Duration::from_secs(end.0 - now.0)), renewable: false, ours: false },
            };
            let mut state = self.state();
            state.blind.clear();
            state.held = Some(Arc::new(Held { credentials, since: Instant::now() }));
            Ok(session)
        })
    }

    fn fetch<'a>(&'a self, want: &'a Want) -> Answer<'a, Fetched> {
        Box::pin(async {
            let held = self.state().held.clone();
            let held = held.ok_or_else(|| ProviderError::new(Class::SessionLost, "not logged in"))?;
            self.read(want, &held.credentials)
                .await
                .map_err(|error| self.explained(error, &held).while_doing(&format!("cannot read {}", want.path)))
        })
    }

    fn renew<'a>(&'a self, _grant: &'a Grant) -> Answer<'a, Session> {
        self.login()
    }

    /// Forgets the credentials. AWS takes none back: temporary ones end by themselves.
    fn revoke<'a>(&'a self, _grant: &'a Grant) -> Answer<'a, ()> {
        Box::pin(async {
            self.state().held = None;
            Ok(())
        })
    }
}

/// Gives a parameter's full name: one of several elements begins with `/`, which a reference leaves out.
fn parameter_name(name: &str, version: Option<u64>) -> String {
    let slash = if name.contains('/') && !name.starts_with("arn:") { "/" } else { "" };
    let version = version.map(|number| format!(":{number}")).unwrap_or_default();
    format!("{slash}{name}{version}")
}

/// Makes a request of the services that speak JSON.
fn signed(
    address: &Address,
    operation: Operation,
    body: &Value,
    with: &Credentials,
    region: &str,
    at: Moment,
) -> Result<Request<Vec<u8>>, ProviderError> {
    const JSON: &str = "application/x-amz-json-1.1";
    let unfit = |_| ProviderError::new(Class::Misconfigured, "the credentials hold characters that none have");
    let (host, stamp, target, body) = (host(address), at.stamp(), operation.target(), body.to_string());
    let mut headers: Vec<(&str, &[u8])> =
        vec![("content-type", JSON.as_bytes()), ("host", host.as_bytes()), ("x-amz-date", stamp.as_bytes())];
    if let Some(token) = &with.token {
        headers.push(("x-amz-security-token", token.expose()));
    }
    headers.push(("x-amz-target", target.as_bytes()));
    let unsigned = sign::Unsigned { method: "POST", headers: &headers, body: body.as_bytes() };
    let scope = sign::Scope { region, service: operation.service().name(), at };
    let authorization = sign::authorization(&unsigned, &with.id, &with.secret, &scope);

    let mut request = Request::new(Vec::new());
    *request.method_mut() = ::http::Method::POST;
    let map = request.headers_mut();
    for (name, value) in headers {
        let mut value = HeaderValue::from_bytes(value).map_err(unfit)?;
        value.set_sensitive(name == "x-amz-security-token");
        map.insert(HeaderName::from_bytes(name.as_bytes()).expect("the names are our own"), value);
    }
    let mut authorization = HeaderValue::from_str(&authorization).map_err(unfit)?;
    authorization.set_sensitive(true);
    map.insert(header::AUTHORIZATION, authorization);
    map.insert(header::USER_AGENT, HeaderValue::from_static(concat!("oakum-agent/", env!("CARGO_PKG_VERSION"))));
    *request.body_mut() = body.into_bytes();
    Ok(request)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
