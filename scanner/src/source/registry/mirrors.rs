//! Where else an image may be had: mirrors, as the user names them or as Podman, Buildah, CRI-O and Skopeo are told of
//! them (containers-registries.conf(5), version 2). A mirror is another host: it is shown its own credentials alone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;

use super::hosts::Hosts;
use super::name::{Name, api_of, is_host, is_repository};
use super::trust::{Check, Trust};
use super::way::Way;

/// Where programs are told of mirrors, for all users and for one.
const SYSTEM: &str = "/etc/containers";
const FILE: &str = "registries.conf";
const FOLDER: &str = "registries.conf.d";
/// The largest such file.
pub(super) const MOST: u64 = 1 << 20;

/// Whether a host may be spoken to without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    Never,
    /// If it speaks none; if it does, its certificate may be any.
    Maybe,
    Always,
}

/// Who says that a host is to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The user named it, and it may see what was given for it.
    User,
    /// What the user has set up.
    Settings,
    /// An image names it: nobody has said that it may be spoken to without TLS.
    Image,
}

/// A host, and what the repository is called there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) host: String,
    pub(super) repository: String,
    pub(super) plain: Plain,
    pub(super) way: Way,
    /// How it is known to be that host.
    pub(super) trust: Trust,
    pub(super) by: Source,
    /// Whether it is one that may lack what others have.
    pub(super) mirror: bool,
}

impl Endpoint {
    /// The host, and the port if there is one, that answers.
    pub(super) fn api(&self) -> &str {
        api_of(&self.host)
    }
}

/// Why a file about registries cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfError {
    #[error("cannot read {}: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error("{}: {why}", path.display())]
    Form { path: PathBuf, why: String },
}

/// That nothing is to be had from there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Blocked {
    pub(super) prefix: String,
    pub(super) path: PathBuf,
}

/// A mirror as typed: `PREFIX=LOCATION`.
///
/// ```
/// use oakum::source::registry::Mirror;
/// assert!("docker.io=mirror.example.com/hub".parse::<Mirror>().is_ok());
/// assert!("registry.example.com/team=http://localhost:5000".parse::<Mirror>().is_ok());
/// assert!("docker.io".parse::<Mirror>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    prefix: String,
    location: Location,
}

/// Why a text names no mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write it as PREFIX=LOCATION, such as docker.io=mirror.example.com/hub; http:// before LOCATION means no TLS")]
pub struct MirrorError;

impl FromStr for Mirror {
    type Err = MirrorError;

    fn from_str(text: &str) -> Result<Self, MirrorError> {
        let (prefix, location) = text.split_once('=').ok_or(MirrorError)?;
        let prefix = prefix.trim_end_matches('/');
        if !is_prefix(prefix) {
            return Err(MirrorError);
        }
        Ok(Self { prefix: prefix.to_owned(), location: Location::parse(location, false).ok_or(MirrorError)? })
    }
}

/// `HOST[/PATH]`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Location {
    text: String,
    plain: Plain,
}

impl Location {
    fn parse(text: &str, insecure: bool) -> Option<Self> {
        let (text, plain) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
            (Some(rest), _) => (rest, Plain::Always),
            (_, Some(rest)) => (rest, Plain::Never),
            _ => (text, if insecure { Plain::Maybe } else { Plain::Never }),
        };
        let text = text.trim_end_matches('/');
        let (host, path) = text.split_once('/').map_or((text, None), |(host, path)| (host, Some(path)));
        (is_host(host) && path.is_none_or(is_repository)).then(|| Self { text: text.to_owned(), plain })
    }

    /// The endpoint of what follows a prefix.
    fn endpoint(&self, rest: &str, named: &Name, mirror: bool) -> Option<Endpoint> {
        let whole = format!("{}{rest}", self.text);
        let (host, repository) = whole.split_once('/')?;
        is_repository(repository).then(|| Endpoint {
            host: host.to_owned(),
            repository: repository.to_owned(),
            plain: self.plain,
            way: Way::default(),
            trust: trust(self.plain),
            by: if host == named.host() { Source::User } else { Source::Settings },
            mirror,
        })
    }
}

fn is_prefix(text: &str) -> bool {
    let text = text.strip_prefix("*.").unwrap_or(text);
    let (host, path) = text.split_once('/').map_or((text, None), |(host, path)| (host, Some(path)));
    is_host(host) && path.is_none_or(is_repository)
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    registry: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    location: String,
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    blocked: bool,
    #[serde(default, rename = "mirror-by-digest-only")]
    digest_only: bool,
    #[serde(default)]
    mirror: Vec<MirrorEntry>,
}

#[derive(Deserialize)]
struct MirrorEntry {
    #[serde(default)]
    location: String,
    #[serde(default)]
    insecure: bool,
    #[serde(default, rename = "pull-from-mirror")]
    pull: Pull,
}

/// Of which images a mirror is asked.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Default, Debug)]
#[serde(rename_all = "kebab-case")]
enum Pull {
    #[default]
    #[serde(alias = "")]
    All,
    DigestOnly,
    TagOnly,
}

impl Pull {
    fn takes(self, name: &Name) -> bool {
        match self {
            Self::All => true,
            Self::DigestOnly => name.digest().is_some(),
            Self::TagOnly => name.digest().is_none(),
        }
    }
}

/// What a file says of a registry, or of a part of one.
#[derive(Debug)]
struct Registry {
    prefix: String,
    /// What it is in truth; the prefix itself if nothing else is said.
    location: Option<Location>,
    insecure: bool,
    blocked: bool,
    mirrors: Vec<(Location, Pull)>,
    path: PathBuf,
}

/// All that is known of mirrors.
#[derive(Debug, Default)]
pub(super) struct Mirrors {
    typed: Vec<Mirror>,
    registries: Vec<Registry>,
    /// What containerd is told, which is in place of `registries`.
    hosts: Option<Hosts>,
}

impl Mirrors {
    /// Those that were typed, and those of a folder of containerd's, of one file, or else of the files where programs look.
    pub(super) fn load(typed: &[Mirror], file: Option<&Path>, hosts: Option<&Path>) -> Result<Self, ConfError> {
        let mut own = Self { typed: typed.to_owned(), ..Self::default() };
        if let Some(folder) = hosts {
            own.hosts = Some(Hosts::load(folder)?);
            return Ok(own);
        }
        if let Some(path) = file {
            own.read(path)?;
            return Ok(own);
        }
        let user = std::env::var_os("XDG_CONFIG_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let user = user.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".config")));
        let folders = [Some(PathBuf::from(SYSTEM)), user.map(|folder| folder.join("containers"))];
        let folders: Vec<PathBuf> = folders.into_iter().flatten().collect();
        let named = std::env::var_os("CONTAINERS_REGISTRIES_CONF").filter(|path| !path.is_empty()).map(PathBuf::from);
        // Of the files one user's is in place of all users'; what is in folders comes on top.
        let usual = folders.iter().rev().map(|folder| folder.join(FILE)).find(|path| path.is_file());
        if let Some(path) = named.or(usual) {
            own.read(&path)?;
        }
        for folder in folders.iter().map(|folder| folder.join(FOLDER)) {
            let Ok(listed) = fs::read_dir(&folder) else { continue };
            let mut files: Vec<PathBuf> = listed.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
            files.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
            files.sort();
            for path in files {
                own.read(&path)?;
            }
        }
        Ok(own)
    }

    fn read(&mut self, path: &Path) -> Result<(), ConfError> {
        let read = || {
            if fs::metadata(path)?.len() > MOST {
                return Err(io::Error::other("it is larger than any should be"));
            }
            fs::read_to_string(path)
        };
        let text = read().map_err(|error| ConfError::Read { path: path.to_owned(), error })?;
        self.add(&text, path).map_err(|why| ConfError::Form { path: path.to_owned(), why })
    }

    /// Adds what a file says. Of two that speak of one prefix the later is taken.
    fn add(&mut self, text: &str, path: &Path) -> Result<(), String> {
        let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        for entry in file.registry {
            let Entry { prefix, location, insecure, blocked, digest_only, mirror } = entry;
            let prefix = if prefix.is_empty() { &location } else { &prefix }.trim_end_matches('/').to_owned();
            let no_place = |text: &str| format!("{text:?} is no HOST[/PATH]");
            if !is_prefix(&prefix) {
                return Err(no_place(&prefix));
            }
            let place = |text: &str, insecure| Location::parse(text, insecure).ok_or_else(|| no_place(text));
            let location = if location.is_empty() { None } else { Some(place(&location, insecure)?) };
            let mut mirrors = Vec::new();
            for MirrorEntry { location, insecure, pull } in mirror {
                let pull = if digest_only { Pull::DigestOnly } else { pull };
                mirrors.push((place(&location, insecure)?, pull));
            }
            self.registries.retain(|known| known.prefix != prefix);
            self.registries.push(Registry { prefix, location, insecure, blocked, mirrors, path: path.to_owned() });
        }
        Ok(())
    }

    /// A registry itself, whatever mirrors it has.
    pub(super) fn registry(&self, host: &str) -> Result<Endpoint, Blocked> {
        if let Some(at) = self.hosts.as_ref().and_then(|hosts| hosts.registry(host)) {
            return Ok(at);
        }
        let own = self.registries.iter().find(|known| known.prefix == host);
        if let Some(Registry { prefix, path, .. }) = own.filter(|known| known.blocked) {
            return Err(Blocked { prefix: prefix.clone(), path: path.clone() });
        }
        let plain = if own.is_some_and(|known| known.insecure) { Plain::Maybe } else { Plain::Never };
        let (host, repository) = (host.to_owned(), String::new());
        Ok(Endpoint {
            host,
            repository,
            plain,
            way: Way::default(),
            trust: trust(plain),
            by: Source::User,
            mirror: false,
        })
    }

    /// Where an image may be had, in the order in which it is tried: mirrors, and then the registry itself.
    pub(super) fn of(&self, name: &Name) -> Result<Vec<Endpoint>, Blocked> {
        let whole = format!("{}/{}", name.host(), name.repository());
        let mut all = Vec::new();
        for mirror in &self.typed {
            if let Some(rest) = behind(&whole, &mirror.prefix) {
                all.extend(mirror.location.endpoint(rest, name, true));
            }
        }
        if let Some(hosts) = self.hosts.as_ref().and_then(|hosts| hosts.of(name)) {
            all.extend(hosts);
            return Ok(all);
        }
        let fitting = self.registries.iter().filter_map(|known| Some((known, behind(&whole, &known.prefix)?)));
        let mut upstream = None;
        // The longest prefix is the one that leaves least.
        if let Some((registry, rest)) = fitting.min_by_key(|(_, rest)| rest.len()) {
            if registry.blocked {
                return Err(Blocked { prefix: registry.prefix.clone(), path: registry.path.clone() });
            }
            let mirrors = registry.mirrors.iter().filter(|(_, pull)| pull.takes(name));
            all.extend(mirrors.filter_map(|(location, _)| location.endpoint(rest, name, true)));
            let plain = if registry.insecure { Plain::Maybe } else { Plain::Never };
            upstream = match &registry.location {
                Some(location) => location.endpoint(rest, name, false),
                None => Some(Endpoint { plain, trust: trust(plain), ..itself(name) }),
            };
        }
        all.push(upstream.unwrap_or_else(|| itself(name)));
        Ok(all)
    }
}

/// What is insecure may have any certificate, or none.
fn trust(plain: Plain) -> Trust {
    Trust { check: if plain == Plain::Maybe { Check::No } else { Check::Yes }, ..Trust::default() }
}

/// The registry that a name names.
fn itself(name: &Name) -> Endpoint {
    Endpoint {
        host: name.host().to_owned(),
        repository: name.repository().to_owned(),
        plain: Plain::Never,
        way: Way::default(),
        trust: Trust::default(),
        by: Source::User,
        mirror: false,
    }
}

/// What of a name follows a prefix, if it has that: `*.example.com` is that of every host of a domain.
fn behind<'n>(name: &'n str, prefix: &str) -> Option<&'n str> {
    let rest = match prefix.strip_prefix('*') {
        Some(domain) => {
            let at = name.find(domain).filter(|&at| !name[..at].contains('/'))?;
            &name[at + domain.len()..]
        }
        None => name.strip_prefix(prefix)?,
    };
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(mirrors: &Mirrors, name: &str) -> Vec<String> {
        let all = mirrors.of(&name.parse().unwrap()).unwrap();
        let show = |at: Endpoint| {
            let marks = [(at.mirror, "m"), (at.by == Source::User, "n"), (at.plain != Plain::Never, "p")];
            let marks: String = marks.into_iter().filter_map(|(is, mark)| is.then_some(mark)).collect();
            format!("{}/{} {marks}", at.host, at.repository)
        };
        all.into_iter().map(show).collect()
    }

    fn of(text: &str) -> Mirrors {
        let mut mirrors = Mirrors::default();
        mirrors.add(text, Path::new("a.conf")).unwrap();
        mirrors
    }

    #[test]
    fn mirrors_are_tried_in_their_order_and_the_registry_last() {
        let mirrors = of(r#"
            unqualified-search-registries = ["example.com"]
            [[registry]]
            location = "docker.io"
            [[registry.mirror]]
            location = "a.example.com/hub"
            insecure = true
            [[registry.mirror]]
            location = "b.example.com"
            pull-from-mirror = "digest-only"
            [[registry]]
            prefix = "docker.io/team"
            location = "c.example.com:5000/x"
            [[registry]]
            prefix = "*.example.org"
            insecure = true
        "#);
        assert_eq!(tried(&mirrors, "alpine"), ["a.example.com/hub/library/alpine mp", "docker.io/library/alpine n"]);
        let digest = format!("alpine@sha256:{}", "0".repeat(64));
        let expected =
            ["a.example.com/hub/library/alpine mp", "b.example.com/library/alpine m", "docker.io/library/alpine n"];
        assert_eq!(tried(&mirrors, &digest), expected);
        assert_eq!(tried(&mirrors, "team/web"), ["c.example.com:5000/x/web "]);
        assert_eq!(tried(&mirrors, "teams/web"), ["a.example.com/hub/teams/web mp", "docker.io/teams/web n"]);
        assert_eq!(tried(&mirrors, "b.c.example.org/web"), ["b.c.example.org/web np"]);
        assert_eq!(tried(&mirrors, "example.org/web"), ["example.org/web n"]);
        assert_eq!(tried(&mirrors, "other.example.com/web"), ["other.example.com/web n"]);
    }

    #[test]
    fn what_is_typed_comes_first() {
        let mut mirrors = of("[[registry]]\nprefix = \"docker.io\"\n[[registry.mirror]]\nlocation = \"b.example.com\"");
        for typed in ["docker.io=http://a.example.com", "quay.io=c.example.com"] {
            mirrors.typed.push(typed.parse().unwrap());
        }
        let expected =
            ["a.example.com/library/alpine mp", "b.example.com/library/alpine m", "docker.io/library/alpine n"];
        assert_eq!(tried(&mirrors, "alpine"), expected);
        for text in ["docker.io", "=a", "docker.io=", "docker.io=ftp://a", "docker.io=a/B", "a b=c", "a=b?c"] {
            assert_eq!(text.parse::<Mirror>(), Err(MirrorError), "{text}");
        }
    }

    #[test]
    fn a_later_file_is_taken_and_a_block_holds() {
        let mut mirrors = of("[[registry]]\nlocation = \"docker.io\"\nblocked = true");
        mirrors.typed.push("docker.io=a.example.com".parse().unwrap());
        let name: Name = "alpine".parse().unwrap();
        assert_eq!(mirrors.of(&name), Err(Blocked { prefix: "docker.io".into(), path: "a.conf".into() }));
        mirrors.add("[[registry]]\nlocation = \"docker.io\"", Path::new("b.conf")).unwrap();
        assert_eq!(tried(&mirrors, "alpine").len(), 2);
        for (text, said) in [
            ("[[registry]]\nblocked = true", "is no HOST"),
            ("[[registry]]\nlocation = \"a b\"", "is no HOST"),
            ("[[registry]]\nlocation = \"a.example.com\"\n[[registry.mirror]]\ninsecure = true", "is no HOST"),
            ("[[registry]\n", "expected"),
        ] {
            let error = mirrors.add(text, Path::new("c.conf")).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
