//! HashiCorp Vault and OpenBao: logins, KV version 1 and 2, and whatever else a path may give.
//!
//! The requests are those of the crate `vaultrs`, run over our own [`Transport`]; what it lacks is beside them in
//! [`endpoint`]. Answers are parsed here ([`reply`], [`kv`]) and not by `vaultrs`, since its errors quote bodies and its
//! types keep values in plain strings that may be printed.

mod denied;
pub mod endpoint;
pub mod kv;
pub mod lease;
pub mod list;
mod login;
pub mod reply;
mod unwrapped;
mod wrapped;
mod wrapping;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::http::{HeaderName, HeaderValue, Request, Uri, header};
use oakum_inject::config::{TokenFile, VaultAuth, VaultStore};
use oakum_inject::provider::{Answer, Grant, Session, Want};
use oakum_inject::{Class, Fetched, ProviderError, Secret, SecretProvider};
use rustify::Endpoint;

use self::denied::READING;
use self::reply::Envelope;
use self::wrapped::Wrapped;
use crate::http::{Reply, Transport};
use crate::keep::{Keep, hash};

/// A token that has just been used with success is not asked about when a path refuses it.
const FRESH: Duration = Duration::from_secs(5);

/// A Vault server, and the session that we have there.
pub struct Vault {
    transport: Transport,
    base: String,
    namespace: Option<HeaderValue>,
    auth: VaultAuth,
    wrapped: Option<Wrapped>,
    /// Where the token is kept.
    keep: Option<Keep>,
    /// Where secrets are kept that were had once; a file each beside this one, which is none.
    unwrapped: Option<Keep>,
    /// Where the token is written for others.
    given: Vec<(Keep, TokenFile)>,
    /// The configuration that it belongs to, by a hash.
    belongs_to: String,
    #[cfg(feature = "aws")]
    identity: Option<crate::aws::identity::Identity>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Arc<Token>>,
    /// The role that the login named, where we do not know it ourselves.
    role: Option<String>,
    /// Whether we have looked for a token that was kept.
    looked: bool,
    /// Tokens before it that something was leased with.
    earlier: Vec<Arc<Token>>,
    mounts: HashMap<String, kv::Mount>,
    /// Paths whose metadata we may not read, so that the value must be read to see whether it changed.
    blind: HashMap<String, ()>,
    /// Paths whose newest version was deleted when they were last read.
    gone: HashSet<String>,
    /// What became of the wrapping tokens that lay in files, by their hashes.
    served: HashMap<String, wrapping::Served>,
    /// The credential whose file we have taken away.
    taken: Option<Arc<Secret>>,
}

/// A token and what is known of it.
struct Token {
    secret: Secret,
    ours: bool,
    opened: Instant,
}

impl Vault {
    /// Prepares to talk to a server. Nothing is sent, and no credential is read yet.
    ///
    /// # Errors
    /// [`Class::Misconfigured`] when the CA or our own certificate cannot be used, or a secret would be kept on a disk.
    pub fn open(spec: &VaultStore) -> Result<Self, ProviderError> {
        let mut transport = Transport::open(&spec.address, spec.ca.as_deref(), spec.server_name.as_deref())?;
        if let Some(client) = &spec.client {
            transport = transport.showing(client)?;
        }
        let namespace = match &spec.namespace {
            Some(name) => Some(
                HeaderValue::from_str(name)
                    .map_err(|_| ProviderError::new(Class::Misconfigured, "the namespace cannot stand in a header"))?,
            ),
            None => None,
        };
        let wrapped = match &spec.auth {
            VaultAuth::AppRole { mount, secret_id, wrapped: Some(wrapping), .. } => {
                Some(Wrapped::open(secret_id, mount, wrapping)?)
            }
            _ => None,
        };
        let keep = spec.keep_token.as_deref().map(Keep::open).transpose()?;
        let unwrapped =
            spec.keep_unwrapped.as_deref().map(|folder| Keep::open(&folder.join("unwrapped"))).transpose()?;
        let given = spec.write_token.iter().map(|file| Ok((Keep::open(&file.path)?, file.clone())));
        let given = given.collect::<Result<_, ProviderError>>()?;
        let VaultStore { address, namespace: within, auth, .. } = spec;
        let belongs_to = hash(&[format!("{address} {within:?} {auth:?}").as_bytes()]);
        #[cfg(feature = "aws")]
        let identity = match &spec.auth {
            VaultAuth::Aws { credentials, region, header, .. } => {
                Some(crate::aws::identity::Identity::new(credentials, region.as_deref(), header.as_deref()))
            }
            _ => None,
        };
        Ok(Self {
            #[cfg(feature = "aws")]
            identity,
            wrapped,
            keep,
            unwrapped,
            given,
            belongs_to,
            base: spec.address.to_string(),
            transport,
            namespace,
            auth: spec.auth.clone(),
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn token(&self) -> Result<Arc<Token>, ProviderError> {
        self.state().token.clone().ok_or_else(|| ProviderError::new(Class::SessionLost, "not logged in"))
    }

    /// Runs an endpoint and gives the whole answer, whatever its status.
    async fn run(&self, endpoint: &impl Endpoint, token: Option<&Secret>) -> Result<Reply, ProviderError> {
        self.transport.send(self.request(endpoint, token)?).await
    }

    /// The same over a connection that stays open, where the answer holds no secret and asking twice does no harm.
    async fn run_over_open(&self, endpoint: &impl Endpoint, token: &Secret) -> Result<Reply, ProviderError> {
        self.transport.send_over_open(self.request(endpoint, Some(token))?).await
    }

    fn request(&self, endpoint: &impl Endpoint, token: Option<&Secret>) -> Result<Request<Vec<u8>>, ProviderError> {
        let mut request = endpoint.request(&self.base).map_err(|_| {
            ProviderError::new(Class::Misconfigured, format!("no request can be made for {}", self.base))
        })?;
        prepare(&mut request, token, self.namespace.as_ref())?;
        Ok(request)
    }

    /// Runs an endpoint and gives the body of its answer if that is a success.
    async fn ask(
        &self,
        endpoint: &impl Endpoint,
        token: Option<&Secret>,
        sent: &[&Secret],
    ) -> Result<Secret, ProviderError> {
        let reply = self.run(endpoint, token).await?;
        if (200..300).contains(&reply.status) {
            return Ok(reply.body);
        }
        Err(self.refusal(&reply, sent))
    }

    /// Gives the body of an answer if that is a success.
    fn body(&self, reply: Reply, token: &Secret) -> Result<Secret, ProviderError> {
        if (200..300).contains(&reply.status) { Ok(reply.body) } else { Err(self.refusal(&reply, &[token])) }
    }

    /// Says what an answer that is no success means; what was sent is never quoted back.
    fn refusal(&self, reply: &Reply, sent: &[&Secret]) -> ProviderError {
        reply::classify(self.transport.address(), reply.status, reply.retry_after, reply.body.expose(), sent)
    }

    fn parse<T>(&self, parsed: Result<T, reply::Nonsense>) -> Result<T, ProviderError> {
        parsed.map_err(|nonsense| nonsense.at(self.transport.address(), reply::SERVER))
    }

    /// Tells a token that is gone from a path that it may not read. Vault answers 403 to both.
    async fn why_refused(&self, token: &Token, error: ProviderError) -> ProviderError {
        if (error.class, error.status) != (Class::Refused, Some(403)) || token.opened.elapsed() < FRESH {
            return error;
        }
        // Two calls in the same second for one failing secret would be one too many.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let lookup = vaultrs::api::token::requests::LookupTokenSelfRequest {};
        match self.ask(&lookup, Some(&token.secret), &[&token.secret]).await {
            Err(lost) if lost.class == Class::Refused => ProviderError::new(
                Class::SessionLost,
                format!("{} does not know our token any more", self.transport.address()),
            ),
            _ => error,
        }
    }

    async fn renew_token(&self) -> Result<Session, ProviderError> {
        let token = self.token()?;
        let endpoint = vaultrs::api::token::requests::RenewTokenSelfRequest { increment: None };
        let body = self.ask(&endpoint, Some(&token.secret), &[&token.secret]).await.map_err(|mut error| {
            // Vault says 500 to a renewal beyond the greatest age, and only its words tell that from an outage.
            if error.class == Class::Refused || error.what.contains("past the max TTL") {
                error.class = Class::SessionLost;
            }
            error.while_doing("cannot renew the token")
        })?;
        let envelope = self.parse(Envelope::parse(body.expose()))?;
        let auth = self.parse(envelope.auth.ok_or(reply::Nonsense("it grants no token")))?;
        Ok(auth.session(token.ours))
    }

    async fn revoke_token(&self) -> Result<(), ProviderError> {
        self.revoke_earlier().await;
        let Some(token) = self.state().token.take() else { return Ok(()) };
        let result = if token.ours { self.revoke_one(&token).await } else { Ok(()) };
        // One that could not be given back still holds, and serves the next process.
        if let (Some(keep), Ok(()) | Err(ProviderError { class: Class::Refused, .. })) = (&self.keep, &result) {
            keep.remove();
        }
        if matches!(&result, Ok(()) | Err(ProviderError { class: Class::Refused, .. })) {
            self.given.iter().for_each(|(file, _)| file.remove());
        }
        result.map_err(|error| error.while_doing("cannot revoke the token"))
    }

    /// Gives back the tokens before this one. If one is gone already, or the server is, it ends by itself.
    async fn revoke_earlier(&self) {
        let earlier = std::mem::take(&mut self.state().earlier);
        for token in earlier {
            let _ = self.revoke_one(&token).await;
        }
    }

    async fn revoke_one(&self, token: &Token) -> Result<(), ProviderError> {
        let endpoint = vaultrs::api::token::requests::RevokeTokenSelfRequest {};
        self.ask(&endpoint, Some(&token.secret), &[&token.secret]).await.map(|_| ())
    }
}

impl SecretProvider for Vault {
    fn login(&self) -> Answer<'_, Session> {
        Box::pin(async {
            let failed = |error: ProviderError| error.while_doing("cannot log in");
            let found = self.taken_up().await.map_err(failed)?;
            let is_new = found.is_none();
            let (secret, session) = match found {
                Some(found) => found,
                None => self.log_in().await.map_err(|error| failed(self.without_credential(error)))?,
            };
            let token = Arc::new(Token { secret, ours: session.ours, opened: Instant::now() });
            if is_new {
                self.keep_token(&token).await.map_err(failed)?;
            }
            self.give_token(&token).await.map_err(failed)?;
            self.forget_file();
            let mut state = self.state();
            state.mounts.clear();
            state.blind.clear();
            state.gone.clear();
            if let Some(before) = state.token.replace(token).filter(|before| before.ours) {
                state.earlier.push(before);
            }
            Ok(session)
        })
    }

    fn fetch<'a>(&'a self, want: &'a Want) -> Answer<'a, Fetched> {
        Box::pin(async {
            let token = self.token()?;
            match self.read(want, &token.secret).await {
                Err(error) => match self.why_refused(&token, error).await {
                    told if told.what.starts_with(READING) => Err(told),
                    error => Err(error.while_doing(&format!("{READING}{}", want.path))),
                },
                found => found,
            }
        })
    }

    fn renew<'a>(&'a self, grant: &'a Grant) -> Answer<'a, Session> {
        match grant {
            Grant::Lease(id) => Box::pin(self.renew_lease(id)),
            _ => Box::pin(self.renew_token()),
        }
    }

    fn revoke<'a>(&'a self, grant: &'a Grant) -> Answer<'a, ()> {
        match grant {
            Grant::Lease(id) => Box::pin(self.revoke_lease(id)),
            Grant::Earlier => Box::pin(async {
                self.revoke_earlier().await;
                Ok(())
            }),
            _ => Box::pin(self.revoke_token()),
        }
    }
}

/// Puts the version of the API before the path, and adds the headers that every call has.
fn prepare(
    request: &mut Request<Vec<u8>>,
    token: Option<&Secret>,
    namespace: Option<&HeaderValue>,
) -> Result<(), ProviderError> {
    let misconfigured = |what: &str| ProviderError::new(Class::Misconfigured, what);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    // An endpoint whose only query is optional asks with an empty one.
    let path = path.strip_suffix('?').unwrap_or(path);
    let uri: Uri = format!("/v1{path}").parse().map_err(|_| misconfigured("the path cannot be part of a URL"))?;
    *request.uri_mut() = uri;
    let json = !request.body().is_empty();
    let headers = request.headers_mut();
    headers.insert(HeaderName::from_static("x-vault-request"), HeaderValue::from_static("true"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("oakum-agent/", env!("CARGO_PKG_VERSION"))));
    if json {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(token) = token {
        let mut value = HeaderValue::from_bytes(token.expose())
            .map_err(|_| misconfigured("the token holds characters that no token has"))?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static("x-vault-token"), value);
    }
    if let Some(namespace) = namespace {
        headers.insert(HeaderName::from_static("x-vault-namespace"), namespace.clone());
    }
    Ok(())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
