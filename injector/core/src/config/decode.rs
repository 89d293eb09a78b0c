//! From the tree of a document to an [`Injection`]. Stores are read first, then secrets, then what is made of them, so
//! that each reference can be checked where it stands.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::map::{Fault, Map, Result, entries, list, parse, text};
use super::template::Implied;
use super::*;
use crate::reference::shorten;
use crate::yaml::{Kind, Node};

/// Reads a whole configuration.
pub(super) fn injection(
    content: &str,
    source: &str,
    credentials: Option<&Path>,
) -> std::result::Result<Injection, ConfigError> {
    Node::parse(content)
        .map_err(|error| Fault::new(error.line, error.what))
        .and_then(|mut node| {
            credentials::place(&mut node, credentials)?;
            document(&node)
        })
        .map_err(|fault| fault.at(source))
}

/// Reads the parts of a configuration that were put together from elsewhere: a map without `apiVersion` and `kind`.
/// The line of an error is the line of the node that it is about.
pub(crate) fn assembled(node: &Node) -> std::result::Result<Injection, (usize, String, Option<String>)> {
    parts(Map::open(node, "the configuration").map_err(Fault::parts)?).map_err(Fault::parts)
}

fn document(node: &Node) -> Result<Injection> {
    let mut map = Map::open(node, "the configuration")?;
    let version = map.need("apiVersion")?;
    if text(version, "apiVersion")? != API_VERSION {
        return Err(Fault::new(version.line, format!("`apiVersion` is not {API_VERSION}"))
            .hint(format!("write `apiVersion: {API_VERSION}`")));
    }
    let kind = map.need("kind")?;
    if text(kind, "kind")? != "Injection" {
        return Err(Fault::new(kind.line, "`kind` is not Injection").hint("write `kind: Injection`"));
    }
    parts(map)
}

fn parts(mut map: Map<'_>) -> Result<Injection> {
    let parts = Parts {
        stores: map.need("stores")?,
        volume: map.get("volume"),
        secrets: map.get("secrets"),
        files: map.get("files"),
        env: map.get("env"),
        listen: map.get("listen"),
        log: map.get("log"),
        audit: map.get("audit"),
        on_change: map.get("on_change"),
    };
    let line = map.line();
    map.finish()?;
    parts.assemble(line)
}

/// The parts of a configuration before they are put together.
struct Parts<'a> {
    stores: &'a Node,
    volume: Option<&'a Node>,
    secrets: Option<&'a Node>,
    files: Option<&'a Node>,
    env: Option<&'a Node>,
    listen: Option<&'a Node>,
    log: Option<&'a Node>,
    audit: Option<&'a Node>,
    on_change: Option<&'a Node>,
}

impl Parts<'_> {
    fn assemble(self, line: usize) -> Result<Injection> {
        let stores = named(self.stores, "stores", store)?;
        let volume = match self.volume {
            Some(node) => volume(node)?,
            None => VolumeSpec::default(),
        };
        apart(&stores, &volume).map_err(|fault| Fault { line: self.stores.line, ..fault })?;
        let secrets = match self.secrets {
            Some(node) => named(node, "secrets", |name, node| secret(name, node, &stores))?,
            None => BTreeMap::new(),
        };
        let mut implied = Implied::new(&stores);
        let files = match self.files {
            Some(node) => file::files(node, &secrets, &mut implied)?,
            None => BTreeMap::new(),
        };
        let env = match self.env {
            Some(node) => env(node, &secrets, &mut implied)?,
            None => BTreeMap::new(),
        };
        let used = |name: &Name| {
            env.values().any(|value| value.secrets().contains(&name))
                || files.values().any(|file| file.secrets().contains(&name))
        };
        if let Some(name) = secrets.keys().find(|name| !used(name)) {
            let all = self.secrets.map(|node| entries(node, "secrets")).transpose()?.unwrap_or_default();
            let line = all.iter().find(|(key, _)| key.text == name.as_str()).map_or(line, |(key, _)| key.line);
            return Err(Fault::new(line, format!("the secret `{name}` goes into no file and no variable"))
                .hint("name it under `files` or `env`, or remove it"));
        }
        let mut secrets = secrets;
        for (name, spec) in implied.secrets {
            if secrets.insert(name.clone(), spec).is_some() {
                return Err(Fault::new(line, format!("the name `{name}` is kept for what templates ask for")));
            }
        }
        if secrets.is_empty() {
            return Err(Fault::new(line, "no secret is asked for").hint("add one under `secrets`"));
        }
        let listen = self.listen.map(listen).transpose()?;
        let log = self.log.map(log).transpose()?.unwrap_or_default();
        let audit = self.audit.map(audit).transpose()?;
        let on_change = match self.on_change {
            Some(node) => hook::decode(node, |name| files.contains_key(name))?,
            None => Vec::new(),
        };
        Ok(Injection { stores, volume, secrets, files, env, on_change, listen, log, audit })
    }
}

/// Refuses to keep secrets of the agent's own where the app reads. The fault has no line yet.
fn apart(stores: &BTreeMap<Name, Store>, volume: &VolumeSpec) -> Result<()> {
    for store in stores.values() {
        let Store::Vault(vault) = store else { continue };
        if let Some(path) = vault.kept().find(|path| path.starts_with(&volume.path)) {
            return Err(Fault::new(0, format!("{} is in the volume, where the app could read it", path.display()))
                .hint("keep it in a directory in memory that only the agent has"));
        }
    }
    Ok(())
}

/// Reads a map from names to something.
fn named<T>(node: &Node, what: &str, mut each: impl FnMut(&Name, &Node) -> Result<T>) -> Result<BTreeMap<Name, T>> {
    let mut all = BTreeMap::new();
    for (key, value) in entries(node, what)? {
        let name = Name::parse(&key.text).map_err(|why| Fault::new(key.line, why))?;
        let one = each(&name, value)?;
        all.insert(name, one);
    }
    Ok(all)
}

fn store(name: &Name, node: &Node) -> Result<Store> {
    let what = format!("the store `{name}`");
    let mut map = Map::open(node, what.as_str())?;
    let line = map.line();
    let kinds = [map.get("vault"), map.get("file"), map.get("aws"), map.get("kubernetes")];
    map.finish()?;
    match kinds {
        [Some(node), None, None, None] => Ok(Store::Vault(vault::decode(node, &what)?)),
        [None, Some(node), None, None] => Ok(Store::File(file_store(node, &what)?)),
        [None, None, Some(node), None] => Ok(Store::Aws(aws::decode(node, &what)?)),
        [None, None, None, Some(node)] => Ok(Store::Kubernetes(kubernetes::decode(node, &what)?)),
        [None, None, None, None] => Err(Fault::new(line, format!("{what} says no kind"))
            .hint("give it one of `vault`, `file`, `aws` and `kubernetes`")),
        _ => Err(Fault::new(line, format!("{what} is of two kinds at once")).hint("give each store a name of its own")),
    }
}

fn file_store(node: &Node, what: &str) -> Result<FileStore> {
    let mut map = Map::open(node, what)?;
    let path = absolute(map.need("path")?, "path")?;
    map.finish()?;
    Ok(FileStore { path })
}

fn volume(node: &Node) -> Result<VolumeSpec> {
    let default = VolumeSpec::default();
    let mut map = Map::open(node, "`volume`")?;
    let path = map.get("path").map(|node| absolute(node, "path")).transpose()?.unwrap_or(default.path);
    let mode = map.get("mode").map(|node| parse(node, "mode", Mode::parse)).transpose()?.unwrap_or(default.mode);
    let number = |text: &str| text.parse().map_err(|_| "`group` is not the number of a group".to_owned());
    let group = map.get("group").map(|node| parse(node, "group", number)).transpose()?;
    let grace = map.get("grace").map(|node| parse(node, "grace", parse_duration)).transpose()?.unwrap_or(default.grace);
    map.finish()?;
    Ok(VolumeSpec { path, mode, group, grace })
}

fn secret(name: &Name, node: &Node, stores: &BTreeMap<Name, Store>) -> Result<SecretSpec> {
    if let Kind::Scalar { .. } = node.kind {
        return Ok(SecretSpec::new(reference(node, stores)?));
    }
    let mut map = Map::open(node, format!("the secret `{name}`"))?;
    let from = reference(map.need("from")?, stores)?;
    let with = match map.get("with") {
        Some(node) => with(node, &from, stores)?,
        None => BTreeMap::new(),
    };
    let refresh = match map.get("refresh") {
        Some(node) => {
            let refresh = parse(node, "refresh", parse_duration)?;
            if refresh < Duration::from_secs(1) {
                return Err(Fault::new(node.line, "`refresh` is shorter than a second").hint("the least is 1s"));
            }
            refresh
        }
        None => SecretSpec::default_refresh(&with),
    };
    let max_stale = map.get("max_stale").map(|node| parse(node, "max_stale", parse_duration)).transpose()?;
    let on_stale = map.get("on_stale");
    if let (Some(node), None) = (on_stale, max_stale) {
        return Err(Fault::new(node.line, "`on_stale` is there, and `max_stale` is not")
            .hint("say how old the secret may become: `max_stale: 1h`"));
    }
    let on_stale = on_stale.map(|node| parse(node, "on_stale", self::on_stale)).transpose()?.unwrap_or_default();
    map.finish()?;
    Ok(SecretSpec { from, refresh, with, max_stale, on_stale, whole: false })
}

fn on_stale(text: &str) -> std::result::Result<OnStale, String> {
    let found = OnStale::NAMES.iter().find(|(name, _)| *name == text);
    found.map(|(_, one)| *one).ok_or_else(|| {
        let names: Vec<&str> = OnStale::NAMES.iter().map(|(name, _)| *name).collect();
        format!("`on_stale` must be one of {}", list(&names))
    })
}

fn with(node: &Node, from: &Reference, stores: &BTreeMap<Name, Store>) -> Result<BTreeMap<String, String>> {
    if !matches!(stores.get(&from.store), Some(Store::Vault(_))) {
        return Err(Fault::new(node.line, "`with` is for paths of Vault that are written to"));
    }
    entries(node, "with")?.iter().map(|(key, node)| Ok((key.text.clone(), text(node, &key.text)?.to_owned()))).collect()
}

fn reference(node: &Node, stores: &BTreeMap<Name, Store>) -> Result<Reference> {
    let from =
        Reference::parse(text(node, "from")?).map_err(|(why, hint)| Fault { line: node.line, what: why, hint })?;
    if !stores.contains_key(&from.store) {
        let names: Vec<&str> = stores.keys().map(Name::as_str).collect();
        return Err(Fault::new(node.line, format!("there is no store `{}`", from.store))
            .hint(format!("the stores are {}", list(&names))));
    }
    match stores.get(&from.store) {
        Some(Store::Aws(_)) => aws::check(&from),
        Some(Store::Kubernetes(_)) => kubernetes::check(&from),
        Some(Store::File(_)) if from.version.is_some() => {
            Err(Fault::new(0, format!("the store `{}` is a directory, which keeps no versions", from.store)))
        }
        _ if from.stage.is_some() => {
            Err(Fault::new(0, format!("the store `{}` has no stages", from.store)).hint("only AWS Secrets Manager has"))
        }
        _ => Ok(()),
    }
    .map_err(|fault| Fault { line: node.line, ..fault })?;
    Ok(from)
}

pub(super) fn value(node: &Node, what: &str, secrets: &BTreeMap<Name, SecretSpec>) -> Result<ValueRef> {
    let value = parse(node, what, ValueRef::parse)?;
    let spec = known(&value.secret, node, secrets)?;
    match (&spec.from.field, &value.field) {
        (Some(kept), Some(field)) if kept != field => Err(Fault::new(
            node.line,
            format!("the secret `{}` is only its field `{kept}`, and has no `{}`", value.secret, shorten(field)),
        )),
        _ => Ok(value),
    }
}

pub(super) fn known<'s>(name: &Name, node: &Node, secrets: &'s BTreeMap<Name, SecretSpec>) -> Result<&'s SecretSpec> {
    secrets.get(name).ok_or_else(|| {
        let names: Vec<&str> = secrets.keys().map(Name::as_str).collect();
        Fault::new(node.line, format!("there is no secret `{name}`")).hint(format!("the secrets are {}", list(&names)))
    })
}

fn env(
    node: &Node,
    secrets: &BTreeMap<Name, SecretSpec>,
    implied: &mut Implied<'_>,
) -> Result<BTreeMap<EnvName, EnvSource>> {
    let mut variables = BTreeMap::new();
    for (key, node) in entries(node, "env")? {
        let name = EnvName::parse(&key.text).map_err(|why| Fault::new(key.line, why))?;
        let source = if let Kind::Scalar { .. } = node.kind {
            EnvSource::Value(value(node, &key.text, secrets)?)
        } else {
            let mut map = Map::open(node, format!("the variable `{name}`"))?;
            let template = implied.decode(map.need("template")?, &mut map, secrets)?;
            map.finish()?;
            EnvSource::Template(template)
        };
        variables.insert(name, source);
    }
    Ok(variables)
}

fn listen(node: &Node) -> Result<SocketAddr> {
    let address: SocketAddr =
        parse(node, "listen", |text| text.parse().map_err(|_| format!("`{}` is not IP:PORT", shorten(text))))?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(Fault::new(node.line, "`listen` is not a loopback address")
            .hint("health and metrics are for this machine: use 127.0.0.1:PORT"))
    }
}

fn audit(node: &Node) -> Result<Audit> {
    parse(node, "audit", |text| {
        let found = Audit::NAMES.iter().find(|(name, _)| *name == text).map(|(_, audit)| *audit);
        found.ok_or_else(|| "`audit` must be plain or hashed".to_owned())
    })
}

fn log(node: &Node) -> Result<LogFormat> {
    match text(node, "log")? {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(Fault::new(node.line, "`log` must be text or json")),
    }
}

pub(super) fn absolute(node: &Node, what: &str) -> Result<PathBuf> {
    let path = text(node, what)?;
    if path.chars().any(char::is_control) {
        return Err(Fault::new(node.line, format!("`{what}` holds a control character")));
    }
    if !path.starts_with('/') {
        return Err(Fault::new(node.line, format!("`{what}` must be an absolute path")).hint("begin it with `/`"));
    }
    if path.split('/').any(|element| element == "..") {
        return Err(Fault::new(node.line, format!("`{what}` has the element `..`")));
    }
    Ok(PathBuf::from(path))
}

/// Tells whether a text is printable ASCII without spaces.
pub(super) fn header_text(text: &str) -> std::result::Result<&str, ()> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(text) } else { Err(()) }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
