//! Why a registry, or all that may have an image, did not give it, and the way out.

use std::io::{self, Read as _};
use std::path::PathBuf;

use ureq::Body;
use ureq::http::{Response, StatusCode};

use super::mirrors::Blocked;
use super::trust::Unusable;

/// Why a registry did not give what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("{host} answers {status}{said}")]
    Status { host: String, status: StatusCode, said: String },
    #[error("{host}: {why}")]
    Unreachable { host: String, why: String },
    #[error("{host} {why}")]
    Nonsense { host: String, why: String },
    #[error("cannot use {}: {error}", path.display())]
    Unusable { path: PathBuf, error: io::Error },
    #[error("{} blocks {prefix}", path.display())]
    Blocked { prefix: String, path: PathBuf },
    #[error("no host may be asked: none that hosts.toml has for {host} can both resolve and pull")]
    Unable { host: String },
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

impl From<Unusable> for Refusal {
    fn from(Unusable { path, error }: Unusable) -> Self {
        Self::Unusable { path, error }
    }
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
            Self::Unable { .. } => "give one of them the capabilities pull and resolve",
            Self::Unusable { .. } => "certificates and keys are files in PEM that one may read",
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

/// What a registry says when it refuses, as far as it is plain text.
pub(super) fn refused(host: &str, response: Response<Body>) -> Refusal {
    let status = response.status();
    let mut text = Vec::new();
    let read = response.into_body().into_reader().take(4096).read_to_end(&mut text);
    let json: Option<serde_json::Value> = read.ok().and_then(|_| serde_json::from_slice(&text).ok());
    let said = json.as_ref().and_then(|json| json.pointer("/errors/0/message")?.as_str());
    let said = said.map(|said| said.chars().filter(|c| !c.is_control()).take(200).collect::<String>());
    Refusal::Status { host: host.into(), status, said: said.map(|said| format!(": {said}")).unwrap_or_default() }
}

/// Whether a certificate is what is wrong.
pub(super) fn is_distrust(why: &str) -> bool {
    why.contains("certificate") || why.contains("UnknownIssuer")
}
