//! Calls to a registry (OCI distribution specification): who one is, redirects, what to do when it breaks off.
//!
//! Credentials go to the registry's own host, and to the host that it names for tokens if that is of the same site and
//! spoken to by TLS; never along a redirect. A mirror is another registry, with credentials of its own.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::http::{Response, StatusCode};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};
use zeroize::Zeroizing;

use super::Access;
use super::credentials::{self, Credential};
use super::mirrors::{Blocked, ConfError, Endpoint, Mirrors, Plain};
use super::name::{Name, Namespace};
use crate::source::image::digest::Digest;
use crate::source::tls;

const CONNECT: Duration = Duration::from_secs(15);
const ANSWER: Duration = Duration::from_secs(60);
/// How long a body may take before it is asked for anew, from where it is.
const BODY: Duration = Duration::from_secs(300);
/// How often a call is tried that the registry fails, and how long the first wait is.
const TRIES: u32 = 4;
const WAIT: Duration = Duration::from_millis(500);
/// The longest that a registry may ask us to wait.
const MOST_WAIT: Duration = Duration::from_secs(60);
const MOST_REDIRECTS: usize = 5;
/// How many pages a list may have, and how many items.
const MOST_PAGES: usize = 10_000;
const MOST_ITEMS: usize = 1_000_000;
/// The largest answer with a token.
const MOST_TOKEN: u64 = 256 << 10;

/// What a manifest may be; the registry chooses.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.oci.artifact.manifest.v1+json";

/// Why a registry did not give what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("{host} answers {status}{said}")]
    Status { host: String, status: StatusCode, said: String },
    #[error("{host}: {why}")]
    Unreachable { host: String, why: String },
    #[error("{host} {why}")]
    Nonsense { host: String, why: String },
    #[error("{} blocks {prefix}", path.display())]
    Blocked { prefix: String, path: PathBuf },
    #[error("it tells nobody what it has: {0}")]
    NoCatalogue(Box<Refusal>),
    #[error("none of the {listed} repositories that {host} tells of is there")]
    Empty { host: String, listed: usize },
    #[error("none of {} gives it: {}", .0.len(), .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    All(Vec<Refusal>),
}

impl From<Blocked> for Refusal {
    fn from(Blocked { prefix, path }: Blocked) -> Self {
        Self::Blocked { prefix, path }
    }
}

/// Why one cannot begin to speak to registries.
#[derive(Debug, thiserror::Error)]
pub(super) enum AccessError {
    #[error("cannot read {}: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error(transparent)]
    Conf(#[from] ConfError),
}

impl Refusal {
    /// The way out, where we know one.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Status { status, .. } if *status == StatusCode::UNAUTHORIZED || *status == StatusCode::FORBIDDEN => {
                "log in with docker login, podman login or skopeo login, or set OAKUM_REGISTRY_USER and OAKUM_REGISTRY_PASSWORD"
            }
            Self::Status { status, .. } if *status == StatusCode::NOT_FOUND => {
                "check the name and the tag; some registries say so too of what one may not see"
            }
            Self::Status { status, .. } if *status == StatusCode::TOO_MANY_REQUESTS => {
                "log in, or wait: it counts pulls"
            }
            Self::Unreachable { why, .. } if is_distrust(why) => {
                "give the authority that signed its certificate: --registry-ca FILE"
            }
            Self::NoCatalogue(_) => {
                "not every registry has a list of its repositories, nor for everyone: log in, or give the names of images in a file: --images-from FILE"
            }
            Self::Empty { .. } => "check the name; a user may be told only of some: --images-from FILE names others",
            Self::Blocked { .. } => "change that file, or give another: --registries-conf FILE",
            // The registry itself is the last.
            Self::All(all) => all.last().map_or("is it a registry?", Self::hint),
            Self::Unreachable { .. } => {
                "check the name, the network and the proxy; --registry-plain-http is for registries without TLS"
            }
            _ => "is it a registry?",
        }
    }

    /// What the registry itself answers, if it does.
    pub(super) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } => Some(*status),
            Self::All(all) => all.last()?.status(),
            _ => None,
        }
    }

    /// Whether there is no use in asking it for something else.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::All(all) => all.iter().all(Self::is_final),
            _ => false,
        }
    }
}

/// Speaks to registries. Tokens are kept for as long as it lives.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    /// Whether TLS is spoken to none.
    plain: bool,
    bearer: Option<Zeroizing<String>>,
    mirrors: Mirrors,
    /// What is shown for each repository, once it is known.
    shown: Mutex<HashMap<String, Zeroizing<String>>>,
    /// Mirrors that cannot be reached, and why.
    down: Mutex<HashMap<String, String>>,
    /// Hosts that speak no TLS, and need not.
    without_tls: Mutex<HashSet<String>>,
}

impl Client {
    /// # Errors
    /// If a file of the access cannot be read.
    pub(super) fn new(access: &Access) -> Result<Self, AccessError> {
        let unread = |path: &PathBuf| {
            let path = path.clone();
            |error| AccessError::Read { path, error }
        };
        let read = |path: &PathBuf| std::fs::read_to_string(path).map(Zeroizing::new).map_err(unread(path));
        let bearer = access.token_file.as_ref().map(read).transpose()?;
        let bearer = bearer.map(|text| Zeroizing::new(text.trim().to_owned()));
        let mut roots = tls::system();
        if let Some(path) = &access.ca {
            let more = tls::in_pem(&std::fs::read(path).map_err(unread(path))?);
            if more.is_empty() {
                return Err(unread(path)(io::Error::other("it has no certificate in PEM")));
            }
            roots.extend(more);
        }
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(ANSWER))
            .timeout_recv_body(Some(BODY))
            .user_agent(concat!("oakum/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        Ok(Self {
            agent,
            plain: access.plain_http,
            bearer,
            mirrors: Mirrors::load(&access.mirrors, access.registries_conf.as_deref())?,
            shown: Mutex::default(),
            down: Mutex::default(),
            without_tls: Mutex::default(),
        })
    }

    /// Asks mirrors and then the registry itself, until one gives what is wanted.
    fn first<T>(&self, all: Vec<Endpoint>, ask: impl Fn(&Endpoint) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let mut refusals = Vec::new();
        for at in all {
            let known = at.mirror.then(|| lock(&self.down).get(&at.host).cloned()).flatten();
            let asked = match known {
                Some(why) => Err(Refusal::Unreachable { host: at.host.clone(), why }),
                None => ask(&at),
            };
            match asked {
                Ok(given) => return Ok(given),
                Err(refusal) => {
                    if let Refusal::Unreachable { why, .. } = &refusal
                        && at.mirror
                    {
                        lock(&self.down).insert(at.host.clone(), why.clone());
                    }
                    refusals.push(refusal);
                }
            }
        }
        if refusals.len() > 1 {
            Err(Refusal::All(refusals))
        } else {
            refusals.pop().map_or(Err(Refusal::All(Vec::new())), Err)
        }
    }

    /// A manifest or an index: its bytes, and what it is said to be.
    pub(super) fn manifest(&self, name: &Name, reference: &str, most: u64) -> Result<(Vec<u8>, String), Refusal> {
        self.first(self.mirrors.of(name)?, |at| {
            let response = self.get(at, &format!("manifests/{reference}"), Some(MANIFESTS), 0)?;
            let kind = header(&response, "content-type").unwrap_or_default();
            let mut bytes = Vec::new();
            let read = response.into_body().into_reader().take(most + 1).read_to_end(&mut bytes);
            let nonsense = |why: String| Refusal::Nonsense { host: at.api().into(), why };
            read.map_err(|error| nonsense(format!("breaks off in a manifest: {error}")))?;
            if bytes.len() as u64 > most {
                return Err(nonsense("sends a manifest that is larger than any should be".into()));
            }
            if kind.contains("v1+prettyjws") || kind.contains("manifest.v1+json") && kind.contains("docker") {
                return Err(nonsense(
                    "has the image in Docker's first format only, which nobody has made since 2017".into(),
                ));
            }
            // Whoever reads the index tells of one that does not fit; a mirror's is passed over for another's.
            let fits = Digest::parse(reference).is_none_or(|digest| digest.fits(&bytes));
            if at.mirror && !(fits && serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok()) {
                return Err(nonsense(format!("sends another manifest than {reference}")));
            }
            Ok((bytes, kind))
        })
    }

    /// A blob, from a place on.
    pub(super) fn blob(&self, name: &Name, digest: &str, from: u64) -> Result<Response<Body>, Refusal> {
        self.first(self.mirrors.of(name)?, |at| self.get(at, &format!("blobs/{digest}"), None, from))
    }

    /// The tags of a repository. A mirror may lack some, so it is asked only where the registry does not answer.
    pub(super) fn tags(&self, name: &Name, most: u64) -> Result<Vec<String>, Refusal> {
        let mut all = self.mirrors.of(name)?;
        all.rotate_right(1);
        self.first(all, |at| self.pages(at, "tags/list?n=1000", "tags", most))
    }

    /// The repositories of a registry; never a mirror's.
    pub(super) fn catalogue(&self, namespace: &Namespace, most: u64) -> Result<Vec<String>, Refusal> {
        let at = self.mirrors.registry(namespace.host())?;
        match self.pages(&at, "_catalog?n=1000", "repositories", most) {
            // It was set up to give fewer at once.
            Err(Refusal::Status { status: StatusCode::BAD_REQUEST, .. }) => {
                self.pages(&at, "_catalog", "repositories", most)
            }
            pages => pages,
        }
    }

    /// A list that comes in pages, each of which names the next.
    fn pages(&self, at: &Endpoint, first: &str, key: &str, most: u64) -> Result<Vec<String>, Refusal> {
        let nonsense = |why: &str| Refusal::Nonsense { host: at.api().into(), why: format!("{why} of {key}") };
        let mut all: Vec<String> = Vec::new();
        let mut path = first.to_owned();
        for _ in 0..MOST_PAGES {
            let response = self.get(at, &path, None, 0)?;
            let link = header(&response, "link");
            let mut bytes = Vec::new();
            let read = response.into_body().into_reader().take(most).read_to_end(&mut bytes);
            let json: Option<serde_json::Value> = read.ok().and_then(|_| serde_json::from_slice(&bytes).ok());
            let json = json.ok_or_else(|| nonsense("sends no list"))?;
            let items = json.get(key).and_then(serde_json::Value::as_array).map_or(&[][..], Vec::as_slice);
            all.extend(items.iter().filter_map(|item| item.as_str().map(str::to_owned)));
            if all.len() > MOST_ITEMS {
                return Err(nonsense("has a list that is longer than any should be"));
            }
            // `</v2/NAME/tags/list?n=1000&last=x>; rel="next"`: only what follows the path is taken. A page may be empty
            // and yet not the last, where some are not for everyone.
            let query =
                link.as_deref().and_then(|link| link.split_once('>')?.0.split_once('?').map(|(_, query)| query));
            let next = query.map(|query| format!("{}?{query}", first.split('?').next().unwrap_or(first)));
            match next {
                None => return Ok(all),
                Some(next) if next == path => return Err(nonsense("has no end to its list")),
                Some(next) => path = next,
            }
        }
        Err(nonsense("has no end to its list"))
    }

    /// One call, with what the registry wants to be shown, tried again where that can help.
    fn get(&self, at: &Endpoint, path: &str, accept: Option<&str>, from: u64) -> Result<Response<Body>, Refusal> {
        // There is another to ask than a mirror that is busy.
        let most_tries = if at.mirror { 1 } else { TRIES };
        let mut tries = 0;
        let mut renewed = false;
        loop {
            tries += 1;
            let shown = self.shown(at);
            let scheme = self.scheme(at);
            let place = if at.repository.is_empty() { String::new() } else { format!("{}/", at.repository) };
            let url = format!("{scheme}://{}/v2/{place}{path}", at.api());
            let response = match self.call(&url, accept, from, shown.as_deref().map(String::as_str)) {
                Ok(response) => response,
                Err(why) if tries < most_tries && is_passing(&why) => {
                    std::thread::sleep(WAIT * 2u32.pow(tries));
                    continue;
                }
                // A certificate that is not trusted is no reason to do without.
                Err(why) if at.plain == Plain::Maybe && scheme == "https" && !is_distrust(&why.to_string()) => {
                    lock(&self.without_tls).insert(at.host.clone());
                    tries = 0;
                    continue;
                }
                Err(error) => {
                    return Err(Refusal::Unreachable { host: at.api().into(), why: error.to_string() });
                }
            };
            let status = response.status();
            match status.as_u16() {
                200 | 206 => return Ok(response),
                301 | 302 | 303 | 307 | 308 => return self.follow(at, &url, response, from),
                401 if !renewed => {
                    renewed = true;
                    self.introduce(at, &response)?;
                    continue;
                }
                429 | 500 | 502 | 503 | 504 if tries < most_tries => {
                    let asked = header(&response, "retry-after").and_then(|text| text.trim().parse().ok());
                    std::thread::sleep(asked.map_or(WAIT * 2u32.pow(tries), Duration::from_secs).min(MOST_WAIT));
                    continue;
                }
                _ => {}
            }
            return Err(refused(at.api(), response));
        }
    }

    fn scheme(&self, at: &Endpoint) -> &'static str {
        let plain = self.plain || at.plain == Plain::Always || lock(&self.without_tls).contains(&at.host);
        if plain { "http" } else { "https" }
    }

    fn call(
        &self,
        url: &str,
        accept: Option<&str>,
        from: u64,
        authorization: Option<&str>,
    ) -> Result<Response<Body>, ureq::Error> {
        let mut request = self.agent.get(url);
        if let Some(accept) = accept {
            request = request.header("Accept", accept);
        }
        if from > 0 {
            request = request.header("Range", format!("bytes={from}-"));
        }
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization);
        }
        request.call()
    }

    /// Goes where a registry keeps its blobs, and shows nothing there.
    fn follow(
        &self,
        at: &Endpoint,
        from_url: &str,
        mut response: Response<Body>,
        from: u64,
    ) -> Result<Response<Body>, Refusal> {
        let nonsense = |why: &str| Refusal::Nonsense { host: at.api().into(), why: why.into() };
        let mut url = from_url.to_owned();
        for _ in 0..MOST_REDIRECTS {
            let location = header(&response, "location").ok_or_else(|| nonsense("redirects to nowhere"))?;
            let next = if location.starts_with('/') { format!("{}{location}", origin_of(&url)) } else { location };
            let safe = next.starts_with("https://") || (next.starts_with("http://") && url.starts_with("http://"));
            if !safe {
                return Err(nonsense("redirects from TLS to what is none"));
            }
            url = next;
            response = self
                .call(&url, None, from, None)
                .map_err(|error| Refusal::Unreachable { host: host_of(&url).into(), why: error.to_string() })?;
            match response.status().as_u16() {
                200 | 206 => return Ok(response),
                301 | 302 | 303 | 307 | 308 => {}
                _ => return Err(refused(host_of(&url), response)),
            }
        }
        Err(nonsense("redirects without end"))
    }

    fn shown(&self, at: &Endpoint) -> Option<Zeroizing<String>> {
        if let Some(token) = self.bearer.as_ref().filter(|_| at.named) {
            return Some(Zeroizing::new(format!("Bearer {}", token.as_str())));
        }
        lock(&self.shown).get(&key(at)).cloned()
    }

    /// Finds out what the registry wants to be shown.
    fn introduce(&self, at: &Endpoint, response: &Response<Body>) -> Result<(), Refusal> {
        let wanted = header(response, "www-authenticate").unwrap_or_default();
        let credential = credentials::of(at);
        let shown = if wanted.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer")) {
            Some(self.token(at, &Challenge::parse(&wanted), credential)?)
        } else {
            credential.and_then(|credential| basic(&credential))
        };
        let Some(shown) = shown else {
            let said = ": it wants a user and a password, and there are none for it".to_owned();
            return Err(Refusal::Status { host: at.api().into(), status: StatusCode::UNAUTHORIZED, said });
        };
        lock(&self.shown).insert(key(at), shown);
        Ok(())
    }

    /// Gets a token from where the registry says that they are given out.
    fn token(
        &self,
        at: &Endpoint,
        challenge: &Challenge,
        credential: Option<Credential>,
    ) -> Result<Zeroizing<String>, Refusal> {
        let nonsense = |why: String| Refusal::Nonsense { host: at.api().into(), why };
        let realm = &challenge.realm;
        let host = host_of(realm);
        let safe = realm.starts_with("https://") || (realm.starts_with("http://") && self.scheme(at) == "http");
        if !safe {
            return Err(nonsense("wants tokens from where there is no TLS".into()));
        }
        // Somebody else's host gets no credentials, whatever the registry says.
        let credential = credential.filter(|_| is_same_site(at.api(), host));
        let scope = match (challenge.scope.as_str(), at.repository.as_str()) {
            ("", "") => "registry:catalog:*".to_owned(),
            ("", repository) => format!("repository:{repository}:pull"),
            (scope, _) => scope.to_owned(),
        };
        let unreachable = |error: ureq::Error| Refusal::Unreachable { host: host.into(), why: error.to_string() };
        let response = if let Some(Credential::Identity(token)) = &credential {
            let form = [
                ("grant_type", "refresh_token"),
                ("service", &challenge.service),
                ("client_id", "oakum"),
                ("scope", &scope),
                ("refresh_token", token),
            ];
            self.agent.post(realm).send_form(form).map_err(unreachable)?
        } else {
            let mut request = self.agent.get(realm).query("service", &challenge.service).query("scope", &scope);
            if let Some(shown) = credential.as_ref().and_then(basic) {
                request = request.header("Authorization", shown.as_str());
            }
            request.call().map_err(unreachable)?
        };
        if response.status() != StatusCode::OK {
            return Err(refused(host, response));
        }
        let mut text = Zeroizing::new(Vec::new());
        let read = response.into_body().into_reader().take(MOST_TOKEN).read_to_end(&mut text);
        let json: Option<serde_json::Value> = read.ok().and_then(|_| serde_json::from_slice(&text).ok());
        let token = json.as_ref().and_then(|json| json.get("token").or_else(|| json.get("access_token"))?.as_str());
        match token.filter(|token| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())) {
            Some(token) => Ok(Zeroizing::new(format!("Bearer {token}"))),
            None => Err(nonsense(format!("sends us to {host} for a token, which has none"))),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// By what is remembered what is shown: tokens are for one repository, and for what is spoken of it in one way.
fn key(at: &Endpoint) -> String {
    format!("{} {}/{}", at.named, at.host, at.repository)
}

/// What is shown for a user and a password.
fn basic(credential: &Credential) -> Option<Zeroizing<String>> {
    match credential {
        Credential::Basic { user, password } => {
            let pair = Zeroizing::new(format!("{user}:{}", password.as_str()));
            Some(Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes()))))
        }
        Credential::Identity(_) => None,
    }
}

/// What a registry says of how tokens are had (RFC 6750, and the distribution's token specification).
#[derive(Debug, Default, PartialEq, Eq)]
struct Challenge {
    realm: String,
    service: String,
    scope: String,
}

impl Challenge {
    fn parse(header: &str) -> Self {
        let mut found = Self::default();
        let mut rest = header.split_once(' ').map_or("", |(_, rest)| rest);
        while let Some((key, after)) = rest.split_once("=\"") {
            let Some((value, next)) = after.split_once('"') else { break };
            match key.trim_matches([' ', ',']) {
                "realm" => value.clone_into(&mut found.realm),
                "service" => value.clone_into(&mut found.service),
                "scope" => value.clone_into(&mut found.scope),
                _ => {}
            }
            rest = next;
        }
        found
    }
}

fn header(response: &Response<Body>, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// What a registry says when it refuses, as far as it is plain text.
fn refused(host: &str, response: Response<Body>) -> Refusal {
    let status = response.status();
    let mut text = Vec::new();
    let read = response.into_body().into_reader().take(4096).read_to_end(&mut text);
    let json: Option<serde_json::Value> = read.ok().and_then(|_| serde_json::from_slice(&text).ok());
    let said = json.as_ref().and_then(|json| json.pointer("/errors/0/message")?.as_str());
    let said = said.map(|said| said.chars().filter(|c| !c.is_control()).take(200).collect::<String>());
    Refusal::Status { host: host.into(), status, said: said.map(|said| format!(": {said}")).unwrap_or_default() }
}

/// Whether to try again may help.
fn is_passing(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(error) => {
            matches!(
                error.kind(),
                io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe
            )
        }
        _ => false,
    }
}

/// Whether a certificate is what is wrong.
fn is_distrust(why: &str) -> bool {
    why.contains("certificate") || why.contains("UnknownIssuer")
}

/// `https://example.com:5000` of a URL.
fn origin_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find(['/', '?', '#']).map_or(url, |end| &url[..host + end])
}

/// `example.com:5000` of a URL; what stands before an `@` is nobody's host.
fn host_of(url: &str) -> &str {
    let origin = origin_of(url);
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    host.rsplit('@').next().unwrap_or(host)
}

/// Whether two hosts are one, or both of one domain that is more than a top-level one.
fn is_same_site(registry: &str, other: &str) -> bool {
    let name = |host: &str| host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    if registry.eq_ignore_ascii_case(other) {
        return true;
    }
    let (registry, other) = (name(registry), name(other));
    let is_address = registry.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match registry.split_once('.') {
        Some((_, parent)) if parent.contains('.') && !is_address => {
            other == parent || other.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
        }
        _ => other == registry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let text = "Bearer realm=\"https://auth.example.com/token\",service=\"reg\", scope=\"repository:a/b:pull\"";
        let expected = Challenge {
            realm: "https://auth.example.com/token".into(),
            service: "reg".into(),
            scope: "repository:a/b:pull".into(),
        };
        assert_eq!(Challenge::parse(text), expected);
        assert_eq!(Challenge::parse("Bearer"), Challenge::default());
        assert_eq!(Challenge::parse("Bearer realm=\"x").realm, "");
    }

    #[test]
    fn credentials_stay_with_their_site() {
        for (registry, other, same) in [
            ("registry-1.docker.io", "auth.docker.io", true),
            ("registry.gitlab.com", "gitlab.com", true),
            ("registry.example.com:5000", "auth.example.com", true),
            ("quay.io", "quay.io", true),
            ("quay.io", "evil.io", false),
            ("127.0.0.1:5000", "127.0.0.1:6000", true),
            ("10.0.0.1", "9.0.0.1", false),
            ("registry.example.com", "example.com.evil.org", false),
            ("registry.example.com", "evilexample.com", false),
        ] {
            assert_eq!(is_same_site(registry, other), same, "{registry} {other}");
        }
        assert_eq!(host_of("https://registry.example.com@evil.org/x?y"), "evil.org");
        assert_eq!(origin_of("https://a.example.com:1/x/y"), "https://a.example.com:1");
    }
}
