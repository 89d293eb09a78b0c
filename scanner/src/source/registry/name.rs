//! What an image is called in a registry: `[HOST/]NAME[:TAG][@DIGEST]`, with Docker's short names.

use std::fmt;

use crate::source::image::digest::Digest;

/// Where Docker's short names are, and what answers for it.
const DOCKER: &str = "docker.io";
const DOCKER_API: &str = "registry-1.docker.io";

/// An image or a repository, wherever it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    host: String,
    repository: String,
    reference: Option<Pick>,
}

/// Which image of a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Pick {
    Tag(String),
    Digest(String),
}

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is [HOST/]NAME[:TAG][@DIGEST], in small letters, digits and . _ - /")]
pub struct NameError;

impl Name {
    /// Reads a name as it stands behind `docker://`.
    ///
    /// ```
    /// use oakum::source::registry::Name;
    /// let short: Name = "alpine".parse().unwrap();
    /// assert_eq!(short.to_string(), "docker.io/library/alpine:latest");
    /// let own: Name = "registry.example.com:5000/team/web:1".parse().unwrap();
    /// assert_eq!(own.to_string(), "registry.example.com:5000/team/web:1");
    /// assert!("Upper/Case".parse::<Name>().is_err());
    /// ```
    fn parse(text: &str) -> Result<Self, NameError> {
        let (text, digest) = match text.split_once('@') {
            Some((text, digest)) => (text, Some(Digest::parse(digest).ok_or(NameError)?.as_str().to_owned())),
            None => (text, None),
        };
        let (host, rest) = split(text);
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (rest, None),
        };
        let repository =
            if host == DOCKER && !path.contains('/') { format!("library/{path}") } else { path.to_owned() };
        let is_tag = |tag: &str| {
            (1..=128).contains(&tag.len())
                && !tag.starts_with(['.', '-'])
                && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        if !is_host(host) || !is_repository(&repository) || !tag.is_none_or(is_tag) {
            return Err(NameError);
        }
        let reference = digest.map(Pick::Digest).or_else(|| tag.map(|tag| Pick::Tag(tag.to_owned())));
        Ok(Self { host: host.to_owned(), repository, reference })
    }

    /// The host as people name it.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The host, and the port if there is one, that answers.
    pub(super) fn api(&self) -> &str {
        api_of(&self.host)
    }

    /// The repository there.
    pub(super) fn repository(&self) -> &str {
        &self.repository
    }

    /// The repository, with its host.
    pub(super) fn whole(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }

    /// What stands in the place of a tag when a manifest is asked for.
    pub(super) fn wanted(&self) -> &str {
        match &self.reference {
            Some(Pick::Tag(text) | Pick::Digest(text)) => text,
            None => "latest",
        }
    }

    /// The digest that is wanted, if one is.
    pub(super) fn digest(&self) -> Option<Digest> {
        match &self.reference {
            Some(Pick::Digest(digest)) => Digest::parse(digest),
            _ => None,
        }
    }

    /// Whether it names one image, and not a repository.
    pub(super) fn is_whole(&self) -> bool {
        self.reference.is_some()
    }

    /// The image of the repository that has a digest.
    #[must_use]
    pub(super) fn with_digest(&self, digest: &Digest) -> Self {
        Self { reference: Some(Pick::Digest(digest.as_str().to_owned())), ..self.clone() }
    }

    /// Another image of the repository.
    pub(super) fn with_tag(&self, tag: &str) -> Result<Self, NameError> {
        format!("{}/{}:{tag}", self.host, self.repository).parse()
    }
}

/// The host of a name, and what is behind it. Docker's own registry is meant where there is none.
fn split(text: &str) -> (&str, &str) {
    match text.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest),
        _ => (DOCKER, text),
    }
}

/// What answers for a host.
pub(super) fn api_of(host: &str) -> &str {
    if host == DOCKER { DOCKER_API } else { host }
}

/// Whether a text may be a host with its port.
pub(super) fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
}

/// Whether a text may be a repository, or a part of the way to one.
pub(super) fn is_repository(text: &str) -> bool {
    let part = |part: &str| {
        let ends = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        ends(part.as_bytes().first())
            && ends(part.as_bytes().last())
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
    };
    text.len() <= 255 && text.split('/').all(part)
}

/// All repositories of a registry, or those below one path: `[HOST/][PATH/]`, with a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Namespace {
    host: String,
    /// With a slash at its end; empty for all.
    prefix: String,
}

impl Namespace {
    fn parse(text: &str) -> Result<Self, NameError> {
        let (host, prefix) = split(text);
        let is_path = prefix.is_empty() || prefix.strip_suffix('/').is_some_and(is_repository);
        if !is_host(host) || !is_path {
            return Err(NameError);
        }
        Ok(Self { host: host.to_owned(), prefix: prefix.to_owned() })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The name of a repository, if it is one of these.
    pub(super) fn repository(&self, repository: &str) -> Option<Name> {
        let whole = repository.starts_with(&self.prefix) && is_repository(repository);
        whole.then(|| Name { host: self.host.clone(), repository: repository.to_owned(), reference: None })
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.prefix)
    }
}

/// What is asked of a registry: an image, or all that is in a namespace.
///
/// ```
/// use oakum::source::registry::Wanted;
/// assert!(matches!("registry.example.com/team/web".parse(), Ok(Wanted::Image(_))));
/// assert!(matches!("registry.example.com/team/".parse(), Ok(Wanted::Namespace(_))));
/// assert!(matches!("registry.example.com/".parse(), Ok(Wanted::Namespace(_))));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// One image, or the repository that it is of.
    Image(Name),
    /// All images of all repositories of it.
    Namespace(Namespace),
}

impl std::str::FromStr for Wanted {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.ends_with('/') { Namespace::parse(text).map(Self::Namespace) } else { text.parse().map(Self::Image) }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(name) => name.fmt(f),
            Self::Namespace(namespace) => namespace.fmt(f),
        }
    }
}

impl std::str::FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        match &self.reference {
            Some(Pick::Digest(digest)) => write!(f, "@{digest}"),
            Some(Pick::Tag(tag)) => write!(f, ":{tag}"),
            None => f.write_str(":latest"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_docker_reads_them() {
        let hash = "0".repeat(64);
        for (text, host, repository, wanted) in [
            ("alpine", "docker.io", "library/alpine", "latest"),
            ("alpine:3", "docker.io", "library/alpine", "3"),
            ("team/web", "docker.io", "team/web", "latest"),
            ("localhost/web", "localhost", "web", "latest"),
            ("127.0.0.1:5000/a/b/c:v1.2", "127.0.0.1:5000", "a/b/c", "v1.2"),
            (&format!("example.com/web:1@sha256:{hash}"), "example.com", "web", &format!("sha256:{hash}")),
        ] {
            let name: Name = text.parse().unwrap();
            assert_eq!((name.host(), name.repository(), name.wanted()), (host, repository, wanted), "{text}");
        }
        for text in ["", "A", "a//b", "example.com/", "a:", "a@sha256", "a/../b", "example.com/a?x", "a:b c"] {
            assert_eq!(text.parse::<Name>(), Err(NameError), "{text}");
        }
    }

    #[test]
    fn a_namespace_ends_in_a_slash() {
        let namespace = |text: &str| match text.parse() {
            Ok(Wanted::Namespace(namespace)) => namespace,
            other => panic!("{text}: {other:?}"),
        };
        let team = namespace("example.com:5000/team/");
        assert_eq!(team.to_string(), "example.com:5000/team/");
        assert_eq!(team.repository("team/web").map(|name| name.repository().to_owned()), Some("team/web".into()));
        assert_eq!(team.repository("teams/web"), None);
        assert_eq!(team.repository("team/../web"), None);
        assert!(namespace("localhost/").repository("web").is_some());
        assert_eq!(namespace("team/").host(), "docker.io");
        for text in ["/", "a b/", "example.com//", "Team/", "example.com/a//"] {
            assert_eq!(text.parse::<Wanted>(), Err(NameError), "{text}");
        }
    }
}
