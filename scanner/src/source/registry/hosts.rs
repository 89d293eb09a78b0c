//! Where images may be had, as containerd and nerdctl are told of it: a folder for each registry, with a `hosts.toml` in it
//! (<https://github.com/containerd/containerd/blob/main/docs/hosts.md>), or else certificates as Docker has them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::mirrors::{ConfError, Endpoint, MOST, Plain, Source};
use super::name::{Name, is_host};
use super::trust::{Check, Trust};
use super::way::{Abilities, Headers, Way};

const FILE: &str = "hosts.toml";
/// The folder for registries that have none of their own.
const DEFAULT: &str = "_default";
/// What answers for Docker's registry, whose name is another.
const DOCKER_API: &str = "registry-1.docker.io";
const DOCKER: &str = "docker.io";

/// What the folders say, by their names.
#[derive(Debug, Default)]
pub(super) struct Hosts(BTreeMap<String, Registry>);

/// What one folder says.
#[derive(Debug, Default)]
struct Registry {
    /// In the order in which they are asked.
    mirrors: Vec<Host>,
    /// Where it is asked in the end; the host that an image names if nothing is said.
    server: Option<(String, String, Plain)>,
    own: Set,
}

#[derive(Debug)]
struct Host {
    host: String,
    root: String,
    plain: Plain,
    set: Set,
}

/// What is set up for a host.
#[derive(Debug, Clone, Default)]
struct Set {
    trust: Trust,
    headers: Headers,
    abilities: Abilities,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    server: String,
    #[serde(default)]
    host: BTreeMap<Spanned<String>, Settings>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Settings {
    capabilities: Option<Vec<String>>,
    ca: Option<Files>,
    client: Option<Own>,
    skip_verify: bool,
    override_path: bool,
    header: BTreeMap<String, Texts>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Files {
    One(PathBuf),
    Several(Vec<PathBuf>),
}

/// A file of a certificate and its key, or a list of such files, or of pairs of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Own {
    One(PathBuf),
    Several(Vec<Files>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Several(Vec<String>),
}

impl Hosts {
    /// Reads all folders in a folder.
    pub(super) fn load(folder: &Path) -> Result<Self, ConfError> {
        let unread = |error| ConfError::Read { path: folder.to_owned(), error };
        let mut all = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(unread)? {
            let path = entry.map_err(unread)?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|_| path.is_dir()) else {
                continue;
            };
            let file = path.join(FILE);
            let registry = match fs::metadata(&file) {
                Ok(about) if about.len() > MOST => {
                    Err(ConfError::Form { path: file, why: "it is larger than any should be".into() })
                }
                Ok(_) => match fs::read_to_string(&file) {
                    Ok(text) => parse(&text, &path).map_err(|why| ConfError::Form { path: file, why }),
                    Err(error) => Err(ConfError::Read { path: file, error }),
                },
                Err(error) if error.kind() == io::ErrorKind::NotFound => certificates(&path),
                Err(error) => Err(ConfError::Read { path: file, error }),
            };
            all.insert(name.to_owned(), registry?);
        }
        Ok(Self(all))
    }

    /// Where an image may be had, in the order in which it is tried. None if nothing is said of its registry.
    pub(super) fn of(&self, name: &Name) -> Option<Vec<Endpoint>> {
        let registry = self.find(name.host())?;
        let mut all: Vec<Endpoint> = registry.mirrors.iter().map(|host| host.endpoint(name, true)).collect();
        all.push(registry.server(name.host()).endpoint(name, false));
        Some(all)
    }

    /// A registry itself.
    pub(super) fn registry(&self, host: &str) -> Option<Endpoint> {
        Some(self.find(host)?.server(host).at(host, "", false))
    }

    fn find(&self, host: &str) -> Option<&Registry> {
        // A colon is written in another way where none may be in the name of a folder.
        let port = host.rsplit_once(':').map(|(name, port)| format!("{name}_{port}_"));
        let names = [port.as_deref(), Some(host), Some(DEFAULT)];
        names.into_iter().flatten().find_map(|name| self.0.get(name))
    }
}

impl Registry {
    fn server(&self, named: &str) -> Host {
        let set = self.own.clone();
        match &self.server {
            Some((host, root, plain)) => Host { host: host.clone(), root: root.clone(), plain: *plain, set },
            None => Host { host: named.to_owned(), root: Way::default().root, plain: Plain::Never, set },
        }
    }
}

impl Host {
    fn endpoint(&self, name: &Name, mirror: bool) -> Endpoint {
        self.at(name.host(), name.repository(), mirror)
    }

    fn at(&self, named: &str, repository: &str, mirror: bool) -> Endpoint {
        let is_it = self.host == named;
        Endpoint {
            host: self.host.clone(),
            repository: repository.to_owned(),
            plain: self.plain,
            trust: self.set.trust.clone(),
            way: Way {
                root: self.root.clone(),
                // One that stands for several registries wants to know which.
                namespace: (!is_it).then(|| named.to_owned()),
                headers: self.set.headers.clone(),
                abilities: self.set.abilities,
            },
            by: if is_it { Source::User } else { Source::Settings },
            mirror,
        }
    }
}

/// Reads a file; what it names is beside it in a folder. In error what is wrong with it, without what stands there: it may
/// have credentials.
fn parse(text: &str, folder: &Path) -> Result<Registry, String> {
    let wrong = |error: toml::de::Error| match error.span() {
        Some(span) => format!("line {}: {}", line(text, span.start), error.message()),
        None => error.message().to_owned(),
    };
    let File { server, host } = toml::from_str(text).map_err(wrong)?;
    // What is set outside of all hosts is for the server.
    let own: Settings = toml::from_str(text).map_err(wrong)?;
    let mut hosts: Vec<(Spanned<String>, Settings)> = host.into_iter().collect();
    hosts.sort_by_key(|(url, _)| url.span().start);
    let mut mirrors = Vec::new();
    for (url, settings) in hosts {
        let at = |why: String| format!("line {}: {why}", line(text, url.span().start));
        let (host, root, plain) = place(url.get_ref(), settings.override_path).map_err(at)?;
        mirrors.push(Host { host, root, plain, set: settings.set(folder).map_err(at)? });
    }
    let server = Some(server).filter(|url| !url.is_empty());
    let server =
        server.map(|url| place(&url, own.override_path)).transpose().map_err(|why| format!("server: {why}"))?;
    Ok(Registry { mirrors, server, own: own.set(folder)? })
}

fn line(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1
}

/// The host of a URL, where its API begins, and whether it has TLS.
fn place(url: &str, whole_path: bool) -> Result<(String, String, Plain), String> {
    let (rest, plain) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
        (Some(rest), _) => (rest, Plain::Always),
        (_, Some(rest)) => (rest, Plain::Never),
        _ => (url, Plain::Never),
    };
    let (host, path) = rest.trim_end_matches('/').split_once('/').unwrap_or((rest.trim_end_matches('/'), ""));
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~-".contains(&b))
    };
    if !is_host(host) || !(path.is_empty() || path.split('/').all(is_part)) {
        return Err(format!("{url:?} is no [http[s]://]HOST[/PATH]"));
    }
    let mut root = if path.is_empty() { String::new() } else { format!("/{path}") };
    if !whole_path && !root.ends_with("/v2") {
        root.push_str("/v2");
    }
    let host = if host == DOCKER_API { DOCKER } else { host };
    Ok((host.to_owned(), root, plain))
}

impl Settings {
    fn set(self, folder: &Path) -> Result<Set, String> {
        let Self { capabilities, ca, client, skip_verify, header, override_path: _ } = self;
        let mut abilities = Abilities::default();
        if let Some(list) = capabilities {
            abilities = Abilities { pull: false, resolve: false };
            for one in list {
                match one.as_str() {
                    "pull" => abilities.pull = true,
                    "resolve" => abilities.resolve = true,
                    // Not for us.
                    "push" | "referrers" => {}
                    _ => return Err(format!("{one:?} is no capability: there are pull, resolve and push")),
                }
            }
        }
        let within = |path: PathBuf| folder.join(path);
        let authorities = match ca {
            None => Vec::new(),
            Some(Files::One(path)) => vec![within(path)],
            Some(Files::Several(all)) => all.into_iter().map(within).collect(),
        };
        let mut own = Vec::new();
        let files = match client {
            None => Vec::new(),
            Some(Own::One(path)) => vec![Files::One(path)],
            Some(Own::Several(all)) => all,
        };
        for files in files {
            let paths = match files {
                Files::One(path) => vec![path],
                Files::Several(paths) => paths,
            };
            match paths.as_slice() {
                [both] => own.push((within(both.clone()), within(both.clone()))),
                [certificate, key] => own.push((within(certificate.clone()), within(key.clone()))),
                _ => return Err("client is a file, or pairs of a certificate and its key".into()),
            }
        }
        let headers = header.into_iter().flat_map(|(name, texts)| {
            let texts = match texts {
                Texts::One(text) => vec![text],
                Texts::Several(texts) => texts,
            };
            texts.into_iter().map(move |text| (name.clone(), text))
        });
        let check = if skip_verify { Check::No } else { Check::Yes };
        Ok(Set { trust: Trust { check, authorities, own: alone(own)? }, headers: Headers::new(headers)?, abilities })
    }
}

/// A server takes one certificate of ours, and does not say which before it is shown.
fn alone(mut own: Vec<(PathBuf, PathBuf)>) -> Result<Option<(PathBuf, PathBuf)>, String> {
    if own.len() > 1 {
        return Err(format!("it names {} certificates to show, and only one can be", own.len()));
    }
    Ok(own.pop())
}

/// As Docker has it: `*.crt` are authorities, and `NAME.cert` is a certificate of ours with its key in `NAME.key`.
fn certificates(folder: &Path) -> Result<Registry, ConfError> {
    let unread = |error| ConfError::Read { path: folder.to_owned(), error };
    let listed: Result<Vec<PathBuf>, io::Error> =
        fs::read_dir(folder).map_err(unread)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut files = listed.map_err(unread)?;
    files.sort();
    let with = |end: &str| {
        let is_it = move |path: &&PathBuf| path.extension().is_some_and(|extension| extension == end);
        files.iter().filter(is_it).cloned().collect::<Vec<_>>()
    };
    let own = with("cert").into_iter().map(|path| (path.clone(), path.with_extension("key"))).collect();
    let own = alone(own).map_err(|why| ConfError::Form { path: folder.to_owned(), why })?;
    let trust = Trust { authorities: with("crt"), own, ..Trust::default() };
    Ok(Registry { own: Set { trust, ..Set::default() }, ..Registry::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(folders: &[(&str, &str)]) -> (tempfile::TempDir, Result<Hosts, ConfError>) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in folders {
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join(FILE), text).unwrap();
        }
        let hosts = Hosts::load(folder.path());
        (folder, hosts)
    }

    fn tried(hosts: &Hosts, name: &str) -> Vec<String> {
        let show = |at: Endpoint| {
            let marks = [
                (at.mirror, "m"),
                (at.by == Source::User, "n"),
                (at.plain == Plain::Always, "p"),
                (at.trust.check == Check::No, "u"),
                (at.way.abilities.pull, "P"),
                (at.way.abilities.resolve, "R"),
            ];
            let marks: String = marks.into_iter().filter_map(|(is, mark)| is.then_some(mark)).collect();
            format!("{}{}/{} {marks} {}", at.host, at.way.root, at.repository, at.way.namespace.unwrap_or_default())
        };
        hosts.of(&name.parse().unwrap()).unwrap_or_default().into_iter().map(show).collect()
    }

    #[test]
    fn hosts_are_tried_in_the_order_of_the_file_and_the_server_last() {
        let docker = r#"
            server = "https://registry-1.docker.io"
            [host."https://z.example.com"]
              capabilities = ["pull"]
            [host."http://a.example.com:5000/hub"]
              capabilities = ["resolve", "pull", "push"]
              skip_verify = true
              dial_timeout = "1s"
            [host."b.example.com/v2/cache"]
              override_path = true
              header = { x-one = "1", x-two = ["2", "3"] }
        "#;
        let all = [
            ("docker.io", docker),
            ("example.org_5000_", "server = \"http://c.example.com\"\nskip_verify = true\n"),
            ("_default", "[host.\"https://d.example.com\"]\ncapabilities = []\n"),
        ];
        let (_folder, hosts) = hosts(&all);
        let hosts = hosts.unwrap();
        let expected = [
            "z.example.com/v2/library/alpine mP docker.io",
            "a.example.com:5000/hub/v2/library/alpine mpuPR docker.io",
            "b.example.com/v2/cache/library/alpine mPR docker.io",
            "docker.io/v2/library/alpine nPR ",
        ];
        assert_eq!(tried(&hosts, "alpine"), expected);
        assert_eq!(tried(&hosts, "example.org:5000/web"), ["c.example.com/v2/web puPR example.org:5000"]);
        assert_eq!(tried(&hosts, "example.net/web"), ["d.example.com/v2/web m example.net", "example.net/v2/web nPR "]);
        assert_eq!(
            hosts.registry("docker.io").map(|at| (at.host, at.repository)),
            Some(("docker.io".into(), "".into()))
        );
    }

    #[test]
    fn files_are_beside_the_one_that_names_them() {
        let text = "ca = \"ca.pem\"\nclient = [[\"own.pem\", \"/etc/own.key\"]]\n";
        let (folder, hosts) = hosts(&[("example.com", text)]);
        let docker = folder.path().join("example.org");
        fs::create_dir(&docker).unwrap();
        for name in ["b.crt", "a.crt", "own.cert", "own.key", "readme"] {
            fs::write(docker.join(name), "").unwrap();
        }
        let of = |hosts: &Hosts, name: &str| hosts.of(&format!("{name}/web").parse().unwrap()).unwrap().remove(0).trust;
        let own = folder.path().join("example.com");
        let expected = Trust {
            authorities: vec![own.join("ca.pem")],
            own: Some((own.join("own.pem"), "/etc/own.key".into())),
            ..Trust::default()
        };
        assert_eq!(of(&hosts.unwrap(), "example.com"), expected);
        let again = Hosts::load(folder.path()).unwrap();
        let expected = Trust {
            authorities: vec![docker.join("a.crt"), docker.join("b.crt")],
            own: Some((docker.join("own.cert"), docker.join("own.key"))),
            ..Trust::default()
        };
        assert_eq!(of(&again, "example.org"), expected);
        assert!(again.of(&"example.net/web".parse().unwrap()).is_none());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, said) in [
            ("\n[host.\"https://a b\"]\n", "line 2: \"https://a b\" is no"),
            ("[host.\"https://a.example.com/../x\"]\n", "is no [http"),
            ("[host.\"https://a.example.com\"]\ncapabilities = [\"pul\"]\n", "\"pul\" is no capability"),
            ("server = 7\n", "line 1: "),
            ("server = \"ftp://a.example.com\"\n", "server: "),
            ("client = [\"a\", \"b\"]\n", "it names 2 certificates"),
            ("client = [[\"a\", \"b\", \"c\"]]\n", "client is a file"),
            ("header = { \"x y\" = \"1\" }\n", "is no header"),
            ("[host\n", "line 1: "),
        ] {
            let (folder, hosts) = hosts(&[("example.com", text)]);
            let error = hosts.unwrap_err().to_string();
            let path = folder.path().join("example.com/hosts.toml").display().to_string();
            assert!(error.starts_with(&path) && error.contains(said), "{text}: {error}");
        }
        let absent = Hosts::load(Path::new("/does/not/exist")).unwrap_err().to_string();
        assert!(absent.contains("cannot read /does/not/exist"), "{absent}");
    }
}
