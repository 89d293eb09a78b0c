//! Secrets and ConfigMaps of Kubernetes, read with the pod's own token over our own [`Transport`].
//!
//! A watch asks for metadata alone, so that no value is ever part of its stream; what changed is read by the next fetch.
//! Versions are those of the value: a new label publishes nothing.

pub mod reply;
pub mod target;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::http::{HeaderValue, Request, header};
use oakum_inject::config::{Address, KUBERNETES_NAMESPACE, KubernetesStore, PlainHttp};
use oakum_inject::provider::{Answer, Grant, Session, Term, Want};
use oakum_inject::{Class, Fetched, ProviderError, Secret, SecretProvider};

use self::reply::{Event, Lines, SERVER};
use self::target::Target;
use crate::credential::{credential, text};
use crate::fingerprint;
use crate::http::Transport;

/// How long a watch may go on before it is opened anew: what was lost unseen is lost no longer than this.
const WATCH_SECONDS: u64 = 240;
/// How long nothing may come. Bookmarks come about once a minute.
const IDLE: Duration = Duration::from_secs(150);
/// How long the first event may take of a watch that begins with how the object is.
const FIRST: Duration = Duration::from_secs(2);
/// What a watch asks for: <https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources>.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// A cluster, and the token that we have there.
pub struct Kubernetes {
    transport: Transport,
    token: PathBuf,
    namespace: Option<String>,
    watched: Mutex<BTreeMap<String, Watched>>,
}

/// How far an object has been seen, by its path.
#[derive(Default)]
struct Watched {
    /// The version that was read last: its own event is no news.
    read: Option<String>,
    /// The version that the watch has come to.
    reached: Option<String>,
    right: Right,
}

/// Whether we may watch an object.
#[derive(Default, PartialEq, Eq)]
enum Right {
    #[default]
    Unknown,
    /// We could once. A server that has just started refuses all until it has read its roles, so that a refusal is
    /// not taken for an answer any more.
    Granted,
    /// We may not: it is polled.
    Refused,
}

impl Kubernetes {
    /// Prepares to talk to the API server. Nothing is sent, and no token is read yet.
    ///
    /// # Errors
    /// [`Class::Misconfigured`] when the CA cannot be used, or nothing says where the server is.
    pub fn open(spec: &KubernetesStore) -> Result<Self, ProviderError> {
        let address = match &spec.address {
            Some(address) => address.clone(),
            None => in_pod(|name| std::env::var(name).ok())?,
        };
        Ok(Self {
            transport: Transport::open(&address, Some(&spec.ca), None)?,
            token: spec.token.clone(),
            namespace: spec.namespace.clone(),
            watched: Mutex::default(),
        })
    }

    fn watched(&self) -> MutexGuard<'_, BTreeMap<String, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, want: &Want, change: impl FnOnce(&mut Watched)) {
        change(self.watched().entry(want.path.clone()).or_default());
    }

    fn target(&self, want: &Want) -> Result<Target, ProviderError> {
        let (kind, namespace, name) = Target::parts(&want.path)
            .ok_or_else(|| ProviderError::new(Class::Misconfigured, "the path names no object of Kubernetes"))?;
        let namespace = match namespace.or(self.namespace.as_deref()) {
            Some(namespace) => namespace.to_owned(),
            None => {
                let path = Path::new(KUBERNETES_NAMESPACE);
                let hint = "outside of a pod, name the `namespace` in the store";
                text(&credential(path).map_err(|error| error.hint(hint))?, path)?.to_owned()
            }
        };
        Ok(Target { kind, namespace, name: name.to_owned() })
    }

    fn request(path: &str, accept: &'static str, token: &Secret) -> Result<Request<Vec<u8>>, ProviderError> {
        let unfit = |_| ProviderError::new(Class::Misconfigured, "the token holds characters that no token has");
        let bearer = Secret::from([b"Bearer ", token.expose()].concat());
        let mut bearer = HeaderValue::from_bytes(bearer.expose()).map_err(unfit)?;
        bearer.set_sensitive(true);
        Request::get(path)
            .header(header::ACCEPT, accept)
            .header(header::USER_AGENT, concat!("oakum-agent/", env!("CARGO_PKG_VERSION")))
            .header(header::AUTHORIZATION, bearer)
            .body(Vec::new())
            .map_err(|_| ProviderError::new(Class::Misconfigured, "the names cannot be part of a URL"))
    }

    async fn read(&self, want: &Want) -> Result<Fetched, ProviderError> {
        let target = self.target(want)?;
        let address = self.transport.address();
        let mut token = credential(&self.token)?;
        let mut reply = self.transport.send(Self::request(&target.path(), "application/json", &token)?).await?;
        if reply.status == 401 {
            // It may have been replaced just now.
            let next = credential(&self.token)?;
            if next.expose() != token.expose() {
                token = next;
                reply = self.transport.send(Self::request(&target.path(), "application/json", &token)?).await?;
            }
        }
        if reply.status != 200 {
            let body = reply.body.expose();
            return Err(reply::classify(address, &target, reply.status, reply.retry_after, body, &token));
        }
        let (fields, seen) =
            reply::fields(reply.body.expose(), target.kind).map_err(|nonsense| nonsense.at(address, SERVER))?;
        self.note(want, |watched| watched.read = Some(seen));
        let version = fingerprint::of(&fields)?;
        Ok(if want.known == Some(version) {
            Fetched::Unchanged
        } else {
            Fetched::Changed { fields, version, term: Term::Open }
        })
    }

    /// Follows an object until it may have changed. It begins with how the object is now, and not with the version that
    /// was read: that may be too old for the server to go on from, however new the value is.
    async fn follow(&self, want: &Want) -> Result<(), ProviderError> {
        let target = self.target(want)?;
        let address = self.transport.address();
        let token = credential(&self.token)?;
        let reached = self.watched().get(&want.path).and_then(|watched| watched.reached.clone());
        let path = target.watch(reached.as_deref(), WATCH_SECONDS);
        let mut stream = self.transport.stream(Self::request(&path, METADATA, &token)?, IDLE).await?;
        match stream.status {
            200 => self.note(want, |watched| watched.right = Right::Granted),
            410 => return self.lost_track(want),
            status => {
                if status == 403 {
                    self.note(want, |watched| {
                        if watched.right == Right::Unknown {
                            watched.right = Right::Refused;
                        }
                    });
                }
                let reply = stream.whole().await?;
                let body = reply.body.expose();
                return Err(reply::classify(address, &target, status, reply.retry_after, body, &token));
            }
        }
        let nonsense = |nonsense: reply::Nonsense| nonsense.at(address, SERVER);
        let mut lines = Lines::default();
        let known = self.watched().get(&want.path).is_some_and(|watched| watched.read.is_some());
        let mut absent = reached.is_none() && known;
        loop {
            // How the object is now comes first, and at once. If nothing comes, or a bookmark that ends the beginning,
            // it was deleted before we looked.
            let next = if absent { tokio::time::timeout(FIRST, stream.next()).await } else { Ok(stream.next().await) };
            let Ok(next) = next else {
                self.note(want, |watched| watched.read = None);
                return Ok(());
            };
            let Some(part) = next? else { break };
            lines.push(&part).map_err(nonsense)?;
            while let Some(line) = lines.line() {
                match reply::event(&line).map_err(nonsense)? {
                    Event::Bookmark(version) => {
                        self.note(want, |watched| {
                            watched.reached = Some(version);
                            watched.read = watched.read.take().filter(|_| !absent);
                        });
                        if absent {
                            return Ok(());
                        }
                    }
                    Event::Deleted(version) => {
                        self.note(want, |watched| watched.reached = Some(version));
                        return Ok(());
                    }
                    Event::Changed(version) => {
                        absent = false;
                        let mut news = false;
                        self.note(want, |watched| {
                            news = watched.read.as_ref() != Some(&version);
                            watched.reached = Some(version);
                        });
                        if news {
                            return Ok(());
                        }
                    }
                    Event::Gone => return self.lost_track(want),
                    Event::Failed(status) => {
                        let what = format!("{address} has broken off the watch (status {status})");
                        return Err(ProviderError::new(Class::Unreachable, what));
                    }
                }
            }
        }
        Err(ProviderError::new(Class::Unreachable, format!("{address} has closed the watch")))
    }

    /// The version that we have come to is forgotten there: anything may have happened since.
    fn lost_track(&self, want: &Want) -> Result<(), ProviderError> {
        self.note(want, |watched| watched.reached = None);
        Ok(())
    }
}

impl SecretProvider for Kubernetes {
    fn login(&self) -> Answer<'_, Session> {
        Box::pin(async { Ok(Session::NONE) })
    }

    fn fetch<'a>(&'a self, want: &'a Want) -> Answer<'a, Fetched> {
        Box::pin(async {
            self.read(want).await.map_err(|error| error.while_doing(&format!("cannot read {}", want.path)))
        })
    }

    fn renew<'a>(&'a self, _grant: &'a Grant) -> Answer<'a, Session> {
        self.login()
    }

    fn revoke<'a>(&'a self, _grant: &'a Grant) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn watch<'a>(&'a self, want: &'a Want) -> Option<Answer<'a, ()>> {
        if self.watched().get(&want.path).is_some_and(|watched| watched.right == Right::Refused) {
            return None;
        }
        Some(Box::pin(async {
            self.follow(want).await.map_err(|error| error.while_doing(&format!("cannot watch {}", want.path)))
        }))
    }
}

/// Finds the API server by what every pod's environment says.
fn in_pod(variable: impl Fn(&str) -> Option<String>) -> Result<Address, ProviderError> {
    let misconfigured = |what: &str| {
        ProviderError::new(Class::Misconfigured, what).hint("outside of a pod, name the `address` in the store")
    };
    let (Some(host), Some(port)) = (variable("KUBERNETES_SERVICE_HOST"), variable("KUBERNETES_SERVICE_PORT")) else {
        return Err(misconfigured("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not both set"));
    };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    Address::parse(&format!("https://{host}:{port}"), PlainHttp::LoopbackOnly)
        .map_err(|_| misconfigured("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are no address"))
}
