//! Calls to a registry (OCI distribution specification): who one is, redirects, what to do when it breaks off.
//!
//! Credentials go to the registry's own host, and to the host that it names for tokens if that is of the same site and
//! spoken to by TLS; never along a redirect. A mirror is another registry, with credentials of its own.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};
use zeroize::Zeroizing;

use super::Access;
use super::mirrors::{ConfError, Endpoint, Mirrors, Plain, Source as By};
use super::name::{Name, Namespace};
use super::refusal::{Refusal, is_distrust, refused};
use super::trust::{Agents, Unusable};
use super::way::{Abilities, Headers};
use crate::source::image::digest::Digest;

/// How often a call is tried that the registry fails, and how long the first wait is.
const TRIES: u32 = 4;
const WAIT: Duration = Duration::from_millis(500);
/// The longest that a registry may ask us to wait.
const MOST_WAIT: Duration = Duration::from_secs(60);
const MOST_REDIRECTS: usize = 5;
/// How many pages a list may have, and how many items.
const MOST_PAGES: usize = 10_000;
const MOST_ITEMS: usize = 1_000_000;

/// What a manifest may be; the registry chooses.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.oci.artifact.manifest.v1+json";

/// Why one cannot begin to speak to registries.
#[derive(Debug, thiserror::Error)]
pub(super) enum AccessError {
    #[error("cannot read {}: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error(transparent)]
    Conf(#[from] ConfError),
}

impl AccessError {
    /// The way out.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => "check the file that --registry-token-file or --registry-ca names",
            Self::Conf(_) => "check the file; --registries-conf FILE and --registry-hosts-dir DIR name others",
        }
    }
}

/// Speaks to registries. Tokens are kept for as long as it lives.
#[derive(Debug)]
pub(super) struct Client {
    agents: Agents,
    /// Whether TLS is spoken to none.
    plain: bool,
    bearer: Option<Zeroizing<String>>,
    mirrors: Mirrors,
    /// What is shown for each repository, once it is known.
    pub(super) shown: Mutex<HashMap<String, Zeroizing<String>>>,
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
        let agents =
            Agents::new(access.ca.as_deref()).map_err(|Unusable { path, error }| AccessError::Read { path, error })?;
        Ok(Self {
            agents,
            plain: access.plain_http,
            bearer,
            mirrors: Mirrors::load(&access.mirrors, access.registries_conf.as_deref(), access.hosts.as_deref())?,
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
        self.manifest_of(self.mirrors.of(name)?, reference, most)
    }

    /// Where an image may be had.
    pub(super) fn endpoints(&self, name: &Name) -> Result<Vec<Endpoint>, Refusal> {
        Ok(self.mirrors.of(name)?)
    }

    /// A manifest or an index from one of these.
    pub(super) fn manifest_of(
        &self,
        all: Vec<Endpoint>,
        reference: &str,
        most: u64,
    ) -> Result<(Vec<u8>, String), Refusal> {
        // A tag is told by whoever knows which image it is; a digest by whoever has that.
        let by_tag = Digest::parse(reference).is_none();
        let all = able(all, |can| if by_tag { can.resolve } else { can.pull })?;
        self.first(all, |at| {
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
        self.blob_of(self.mirrors.of(name)?, digest, from)
    }

    /// A blob from one of these, from a place on.
    pub(super) fn blob_of(&self, all: Vec<Endpoint>, digest: &str, from: u64) -> Result<Response<Body>, Refusal> {
        self.first(able(all, |can| can.pull)?, |at| self.get(at, &format!("blobs/{digest}"), None, from))
    }

    /// The tags of a repository. A mirror may lack some, so it is asked only where the registry does not answer.
    pub(super) fn tags(&self, name: &Name, most: u64) -> Result<Vec<String>, Refusal> {
        let mut all = able(self.mirrors.of(name)?, |can| can.resolve)?;
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
            let mut url = format!("{scheme}://{}{}/{place}{path}", at.api(), at.way.root);
            if let Some(namespace) = &at.way.namespace {
                url.push_str(&format!("{}ns={namespace}", if url.contains('?') { '&' } else { '?' }));
            }
            let agent = self.agent(at, &url)?;
            let response = match call(&agent, &url, &at.way.headers, accept, from, shown.as_deref().map(String::as_str))
            {
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

    pub(super) fn scheme(&self, at: &Endpoint) -> &'static str {
        let plain = (self.plain && at.by != By::Image)
            || at.plain == Plain::Always
            || lock(&self.without_tls).contains(&at.host);
        if plain { "http" } else { "https" }
    }

    /// What speaks to the host of a URL. What is set up for a registry holds for its own host alone.
    pub(super) fn agent(&self, at: &Endpoint, url: &str) -> Result<Agent, Refusal> {
        if host_of(url) == at.api() {
            self.agents.of(&at.trust).map_err(Refusal::from)
        } else {
            Ok(self.agents.usual())
        }
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
            response = call(&self.agent(at, &url)?, &url, &Headers::default(), None, from, None)
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
        if let Some(token) = self.bearer.as_ref().filter(|_| at.by == By::User) {
            return Some(Zeroizing::new(format!("Bearer {}", token.as_str())));
        }
        lock(&self.shown).get(&key(at)).cloned()
    }
}

/// Those that may be asked for something.
fn able(mut all: Vec<Endpoint>, can: impl Fn(&Abilities) -> bool) -> Result<Vec<Endpoint>, Refusal> {
    let host = all.last().map_or_else(String::new, |at| at.host.clone());
    all.retain(|at| can(&at.way.abilities));
    if all.is_empty() { Err(Refusal::Unable { host }) } else { Ok(all) }
}

fn call(
    agent: &Agent,
    url: &str,
    headers: &Headers,
    accept: Option<&str>,
    from: u64,
    authorization: Option<&str>,
) -> Result<Response<Body>, ureq::Error> {
    let mut request = agent.get(url);
    for (name, value) in headers.iter() {
        request = request.header(name, value);
    }
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

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// By what is remembered what is shown: tokens are for one repository, and for what is spoken of it in one way.
pub(super) fn key(at: &Endpoint) -> String {
    format!("{:?} {}/{}", at.by, at.host, at.repository)
}

pub(super) fn header(response: &Response<Body>, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
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

/// `https://example.com:5000` of a URL.
pub(super) fn origin_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find(['/', '?', '#']).map_or(url, |end| &url[..host + end])
}

/// `example.com:5000` of a URL; what stands before an `@` is nobody's host.
pub(super) fn host_of(url: &str) -> &str {
    let origin = origin_of(url);
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    host.rsplit('@').next().unwrap_or(host)
}
