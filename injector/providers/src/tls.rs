//! Our side of TLS: whom we trust, the name that we ask for, and the certificate that we show, if any.
//!
//! Certificates that we trust or show are read again when one of their files has changed, for the next connection. While
//! they are no good, such as a certificate whose new key is not written yet, the last good ones hold.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use oakum_inject::config::ClientCert;
use oakum_inject::{Class, ProviderError};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::credential::credential;

/// How a server is trusted, and what it is shown.
#[derive(Clone)]
pub(crate) struct Tls {
    name: ServerName<'static>,
    trust: Arc<Trust>,
}

/// The files that both sides are known by, and what was made of them when they were last read.
struct Trust {
    ca: Option<PathBuf>,
    shown: Option<ClientCert>,
    last: Mutex<(Stamp, TlsConnector)>,
}

impl Trust {
    fn read(ca: Option<PathBuf>, shown: Option<ClientCert>) -> Result<Arc<Self>, ProviderError> {
        // The stamp first: what changes while we read is read again.
        let last = (Stamp::of(ca.as_deref(), shown.as_ref()), connector(ca.as_deref(), shown.as_ref())?);
        Ok(Arc::new(Self { ca, shown, last: Mutex::new(last) }))
    }
}

impl Tls {
    /// Trusts those in a file, or those that the system trusts, with a server of a name.
    pub(crate) fn trusting(ca: Option<&Path>, name: &str) -> Result<Self, ProviderError> {
        Ok(Self { name: server_name(name)?, trust: Trust::read(ca.map(Path::to_owned), None)? })
    }

    /// Shows a certificate of ours besides.
    pub(crate) fn showing(self, files: &ClientCert) -> Result<Self, ProviderError> {
        Ok(Self { trust: Trust::read(self.trust.ca.clone(), Some(files.clone()))?, ..self })
    }

    /// The same for a server of another name.
    pub(crate) fn named(&self, name: &str) -> Result<Self, ProviderError> {
        Ok(Self { name: server_name(name)?, ..self.clone() })
    }

    pub(crate) fn name(&self) -> ServerName<'static> {
        self.name.clone()
    }

    /// Gives what the next connection is made with.
    pub(crate) fn connector(&self) -> TlsConnector {
        let Trust { ca, shown, last } = &*self.trust;
        let (ca, shown) = (ca.as_deref(), shown.as_ref());
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Stamp::of(ca, shown);
        if last.0 != now
            && let Ok(connector) = connector(ca, shown)
        {
            // A new connector resumes no session of the old one, in which the two sides know each other as they were.
            *last = (now, connector);
        }
        last.1.clone()
    }
}

/// Tells whether files were written or replaced: place, length and time of each; none where it cannot be looked at.
#[derive(PartialEq, Eq)]
struct Stamp([Option<(u64, u64, i64, i64)>; 3]);

impl Stamp {
    fn of(ca: Option<&Path>, shown: Option<&ClientCert>) -> Self {
        let (cert, key) = (shown.map(|files| &*files.cert), shown.map(|files| &*files.key));
        Self([ca, cert, key].map(|path| {
            let about = std::fs::metadata(path?).ok()?;
            Some((about.ino(), about.size(), about.mtime(), about.mtime_nsec()))
        }))
    }
}

/// The name of a server as a certificate bears it.
fn server_name(name: &str) -> Result<ServerName<'static>, ProviderError> {
    ServerName::try_from(name.to_owned())
        .map_err(|_| misconfigured(format!("`{name}` cannot be the name of a TLS server")))
}

fn misconfigured(what: String) -> ProviderError {
    ProviderError::new(Class::Misconfigured, what)
}

fn connector(ca: Option<&Path>, shown: Option<&ClientCert>) -> Result<TlsConnector, ProviderError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| misconfigured(format!("cannot set up TLS: {error}")))?
        .with_root_certificates(roots(ca)?);
    let config = match shown {
        None => builder.with_no_client_auth(),
        Some(ClientCert { cert, key }) => {
            let certificates = certificates(cert)?;
            let secret = credential(key)?;
            let key_der = PrivateKeyDer::from_pem_slice(secret.expose()).map_err(|_| {
                misconfigured(format!("{} holds no private key", key.display()))
                    .hint("it must be in PEM, with BEGIN PRIVATE KEY, and not encrypted")
            })?;
            builder.with_client_auth_cert(certificates, key_der).map_err(|_| {
                misconfigured(format!("the key in {} is not that of {}", key.display(), cert.display()))
                    .hint("`client_cert` begins with our own certificate, and `client_key` is its key")
            })?
        }
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Reads the certificates of a file, at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ProviderError> {
    let pem = std::fs::read(path)
        .map_err(|error| misconfigured(format!("cannot read {}: {}", path.display(), crate::file::reason(&error))))?;
    let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let certificates =
        certificates.map_err(|_| misconfigured(format!("{} is not a file of certificates in PEM", path.display())))?;
    if certificates.is_empty() {
        return Err(misconfigured(format!("{} holds no certificate", path.display()))
            .hint("it must be in PEM, with BEGIN CERTIFICATE"));
    }
    Ok(certificates)
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, ProviderError> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|_| {
                    misconfigured(format!("{} holds a certificate that cannot be read", path.display()))
                })?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(misconfigured("this system trusts no certificate at all".to_owned())
                    .hint("name the authority's certificate as `ca`"));
            }
        }
    }
    Ok(roots)
}
