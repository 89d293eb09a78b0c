//! A store of Kubernetes: where its API server is and whose token it is asked with; from a document and back.
//!
//! A path is `secret/NAME` or `configmap/NAME`, with the namespace in between where it is not the pod's own:
//! `secret/shop/db`.

use std::path::PathBuf;

use serde_json::{Map as Object, Value};

use super::decode::absolute;
use super::encode::path;
use super::map::{Fault, Map, Result, parse, text};
use super::value::{Address, PlainHttp};
use crate::reference::{Reference, shorten};
use crate::yaml::Node;

/// Where the authority of the API server lies in a pod.
pub const KUBERNETES_CA: &str = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";
/// Where a pod's own token lies.
pub const KUBERNETES_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/// Where the name of a pod's namespace lies.
pub const KUBERNETES_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// The Secrets and ConfigMaps of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesStore {
    /// Where the API server listens. Without it, where `KUBERNETES_SERVICE_HOST` and `_PORT` say.
    pub address: Option<Address>,
    /// A file of certificates in PEM that are trusted, and no others.
    pub ca: PathBuf,
    /// The file that holds the token; read again at each request, since it rotates.
    pub token: PathBuf,
    /// The namespace of names that have none. Without it, the pod's own.
    pub namespace: Option<String>,
}

/// Reads the store; `what` names it in messages.
pub(super) fn decode(node: &Node, what: &str) -> Result<KubernetesStore> {
    let mut map = Map::open(node, what)?;
    let address = map.get("address").map(address).transpose()?;
    let mut file = |key, default: &str| match map.get(key) {
        Some(node) => absolute(node, key),
        None => Ok(PathBuf::from(default)),
    };
    let (ca, token) = (file("ca", KUBERNETES_CA)?, file("token", KUBERNETES_TOKEN)?);
    let namespace = map.get("namespace").map(|node| parse(node, "namespace", namespace)).transpose()?;
    map.finish()?;
    Ok(KubernetesStore { address, ca, token, namespace })
}

/// Writes the store, without what is the default.
pub(super) fn encode(store: &KubernetesStore) -> Value {
    let KubernetesStore { address, ca, token, namespace } = store;
    let mut map = Object::new();
    if let Some(address) = address {
        map.insert("address".to_owned(), address.to_string().into());
    }
    for (key, file, default) in [("ca", ca, KUBERNETES_CA), ("token", token, KUBERNETES_TOKEN)] {
        if file.as_os_str() != default {
            map.insert(key.to_owned(), path(file));
        }
    }
    if let Some(namespace) = namespace {
        map.insert("namespace".to_owned(), namespace.as_str().into());
    }
    map.into()
}

/// Checks what a reference asks of such a store. The fault has no line yet.
pub(super) fn check(from: &Reference) -> Result<()> {
    let wrong = |what: String, hint: &str| Err(Fault::new(0, what).hint(hint));
    if from.version.is_some() || from.stage.is_some() {
        return wrong("Kubernetes keeps no versions of an object".to_owned(), "take what is behind `?` away");
    }
    let parts: Vec<&str> = from.path.split('/').collect();
    let names = match parts.as_slice() {
        ["secret" | "configmap", names @ ..] if matches!(names.len(), 1 | 2) => names,
        _ => {
            return wrong(
                format!("the path `{}` names no object of Kubernetes", shorten(&from.path)),
                "write it as secret/NAME or configmap/NAME, or secret/NAMESPACE/NAME",
            );
        }
    };
    match names.iter().find(|name| !is_name(name)) {
        Some(name) => wrong(
            format!("`{}` cannot be a name in Kubernetes", shorten(name)),
            "names are of lower-case letters, digits, `-` and `.`",
        ),
        None => Ok(()),
    }
}

/// Tells whether a text can be a name (RFC 1123): such a one needs no escape in a URL either.
fn is_name(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    text.len() <= 253
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
        && edge(text.as_bytes().first())
        && edge(text.as_bytes().last())
}

fn namespace(text: &str) -> std::result::Result<String, String> {
    if is_name(text) {
        Ok(text.to_owned())
    } else {
        Err(format!("`{}` cannot be a namespace: use lower-case letters, digits and `-`", shorten(text)))
    }
}

fn address(node: &Node) -> Result<Address> {
    Address::parse(text(node, "address")?, PlainHttp::LoopbackOnly).map_err(|(what, _)| {
        Fault::new(node.line, what).hint("write it as https://HOST:PORT; plain http only goes to this machine")
    })
}

#[cfg(test)]
mod tests {
    use super::super::{ConfigError, Injection, Store};
    use super::*;

    fn parse(store: &str, from: &str) -> std::result::Result<Injection, ConfigError> {
        let text = format!(
            "apiVersion: oakum.dev/v1\nkind: Injection\nstores: {{ cluster: {{ kubernetes: {store} }} }}\n\
             secrets: {{ web: '{from}' }}\nfiles: {{ web: web }}\n"
        );
        Injection::parse(&text, "c.yaml")
    }

    #[test]
    fn a_pod_needs_to_say_nothing() {
        let injection = parse("{}", "cluster:secret/web").unwrap();
        let expected = KubernetesStore {
            address: None,
            ca: KUBERNETES_CA.into(),
            token: KUBERNETES_TOKEN.into(),
            namespace: None,
        };
        assert_eq!(injection.stores["cluster"], Store::Kubernetes(expected));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for store in ["{}", "{ address: 'https://api.example.com:6443', ca: /ca, token: /t, namespace: shop }"] {
            let injection = parse(store, "cluster:configmap/shop/web.conf").unwrap();
            let again = Injection::parse(&injection.to_json().to_string(), "c.json").unwrap();
            assert_eq!(again, injection);
        }
    }

    #[test]
    fn each_mistake_has_its_line_its_reason_and_the_way_out() {
        for (store, from, line, what) in [
            ("{ address: 'http://api.example.com' }", "cluster:secret/a", 3, "in the clear"),
            ("{ namespace: A/b }", "cluster:secret/a", 3, "cannot be a namespace"),
            ("{ token: t }", "cluster:secret/a", 3, "absolute"),
            ("{ adress: x }", "cluster:secret/a", 3, "no key `adress`"),
            ("{}", "cluster:web", 4, "no object"),
            ("{}", "cluster:pod/web", 4, "no object"),
            ("{}", "cluster:secret/a/b/c", 4, "no object"),
            ("{}", "cluster:secret/a%2fb", 4, "cannot be a name"),
            ("{}", "cluster:secret/-a", 4, "cannot be a name"),
            ("{}", "cluster:secret/web?version=2", 4, "keeps no versions"),
            ("{}", "cluster:secret/web?stage=LAST", 4, "keeps no versions"),
        ] {
            let error = parse(store, from).unwrap_err();
            assert_eq!(error.line, Some(line), "{store} {from}: {error}");
            assert!(error.what.contains(what), "{store} {from}: {error}");
        }
    }
}
