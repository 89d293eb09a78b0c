//! How the certificate of a registry is judged, and which of ours it is shown: each host by what is set up for it, and
//! never by what is set up for another.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig};
use zeroize::Zeroizing;

use super::client::lock;
use crate::source::tls;

const CONNECT: Duration = Duration::from_secs(15);
const ANSWER: Duration = Duration::from_secs(60);
/// How long a body may take before it is asked for anew, from where it is.
const BODY: Duration = Duration::from_secs(300);

/// Whether a certificate is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) enum Check {
    #[default]
    Yes,
    /// The user has said that any will do.
    No,
}

/// What is set up for a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Trust {
    pub(super) check: Check,
    /// Files of authorities to trust besides those that all hosts are trusted by.
    pub(super) authorities: Vec<PathBuf>,
    /// Files of a certificate of ours and of its key, which may be one.
    pub(super) own: Option<(PathBuf, PathBuf)>,
}

/// A file that does not have what it should.
#[derive(Debug)]
pub(super) struct Unusable {
    pub(super) path: PathBuf,
    pub(super) error: io::Error,
}

/// Whatever speaks TLS, for hosts of each kind of trust: what one has checked is no connection for another.
#[derive(Debug)]
pub(super) struct Agents {
    roots: Vec<Certificate<'static>>,
    usual: Agent,
    others: Mutex<HashMap<Trust, Agent>>,
}

impl Agents {
    /// Trusts the system's authorities, and those in a file.
    pub(super) fn new(file: Option<&Path>) -> Result<Self, Unusable> {
        let mut roots = tls::system();
        if let Some(path) = file {
            roots.extend(authorities(path)?);
        }
        let usual = agent(&roots, Check::Yes, None);
        Ok(Self { roots, usual, others: Mutex::default() })
    }

    /// For hosts that nothing is set up for.
    pub(super) fn usual(&self) -> Agent {
        self.usual.clone()
    }

    /// For a host that this is set up for.
    pub(super) fn of(&self, trust: &Trust) -> Result<Agent, Unusable> {
        if *trust == Trust::default() {
            return Ok(self.usual());
        }
        if let Some(known) = lock(&self.others).get(trust) {
            return Ok(known.clone());
        }
        let mut roots = self.roots.clone();
        for path in &trust.authorities {
            roots.extend(authorities(path)?);
        }
        let own = trust.own.as_ref().map(|(certificate, key)| own(certificate, key)).transpose()?;
        let agent = agent(&roots, trust.check, own);
        lock(&self.others).insert(trust.clone(), agent.clone());
        Ok(agent)
    }
}

fn agent(roots: &[Certificate<'static>], check: Check, own: Option<ClientCert>) -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(roots))
        .client_cert(own)
        .disable_verification(check == Check::No)
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(ANSWER))
        .timeout_recv_body(Some(BODY))
        .user_agent(concat!("oakum/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

fn authorities(path: &Path) -> Result<Vec<Certificate<'static>>, Unusable> {
    let found = tls::in_pem(&read(path)?);
    if found.is_empty() { Err(lacks(path, "certificate")) } else { Ok(found) }
}

fn own(certificate: &Path, key: &Path) -> Result<ClientCert, Unusable> {
    let chain = authorities(certificate)?;
    let items = ureq::tls::parse_pem(&read(key)?).filter_map(Result::ok).collect::<Vec<PemItem<'static>>>();
    let found = items.into_iter().find_map(|item| match item {
        PemItem::PrivateKey(key) => Some(key),
        _ => None,
    });
    let key: PrivateKey<'static> = found.ok_or_else(|| lacks(key, "private key"))?;
    Ok(ClientCert::new_with_certs(&chain, key))
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Unusable> {
    std::fs::read(path).map(Zeroizing::new).map_err(|error| Unusable { path: path.to_owned(), error })
}

fn lacks(path: &Path, what: &str) -> Unusable {
    Unusable { path: path.to_owned(), error: io::Error::other(format!("it has no {what} in PEM")) }
}
