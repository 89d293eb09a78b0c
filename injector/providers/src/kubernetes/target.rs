//! An object that is read: its kind, its namespace and its name, and what the API calls that.

use std::fmt;

/// A kind of object that holds values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A Secret, whose values are in base64.
    Secret,
    /// A ConfigMap, whose values are text, or in base64 under another key.
    ConfigMap,
}

impl Kind {
    /// Names the resource as paths and roles do.
    #[must_use]
    pub fn resource(self) -> &'static str {
        match self {
            Self::Secret => "secrets",
            Self::ConfigMap => "configmaps",
        }
    }
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Target {
    /// Takes a reference's path apart, `secret/NAME` or `secret/NAMESPACE/NAME`: kind, namespace if any, and name.
    #[must_use]
    pub fn parts(path: &str) -> Option<(Kind, Option<&str>, &str)> {
        let (kind, rest) = path.split_once('/')?;
        let kind = match kind {
            "secret" => Kind::Secret,
            "configmap" => Kind::ConfigMap,
            _ => return None,
        };
        Some(match rest.split_once('/') {
            Some((namespace, name)) => (kind, Some(namespace), name),
            None => (kind, None, rest),
        })
    }

    /// Gives the path of the object. Names need no escape: the configuration takes none that would.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.all(), self.name)
    }

    /// Gives the path and query by which it alone is watched, from a version on or from how it is now.
    #[must_use]
    pub fn watch(&self, from: Option<&str>, seconds: u64) -> String {
        let from = from.map(|version| format!("&resourceVersion={version}")).unwrap_or_default();
        format!(
            "{}?watch=1&fieldSelector=metadata.name%3D{}&allowWatchBookmarks=true&timeoutSeconds={seconds}{from}",
            self.all(),
            self.name
        )
    }

    fn all(&self) -> String {
        format!("/api/v1/namespaces/{}/{}", self.namespace, self.kind.resource())
    }

    /// Says what a role must allow for it to be read and watched.
    #[must_use]
    pub fn right(&self) -> String {
        format!(
            "let a Role in the namespace `{}` allow `get` and `watch` on `{}` with resourceNames [`{}`]",
            self.namespace,
            self.kind.resource(),
            self.name
        )
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Secret => "Secret",
            Kind::ConfigMap => "ConfigMap",
        };
        write!(f, "the {kind} `{}` in `{}`", self.name, self.namespace)
    }
}
