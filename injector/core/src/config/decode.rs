//! From the tree of a document to an [`Injection`]. Stores are read first, then secrets, then what is made of them, so
//! that each reference can be checked where it stands.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::map::{Fault, Map, Result, entries, flag, list, parse, text};
use super::template::Implied;
use super::*;
use crate::reference::shorten;
use crate::template::Variables;
use crate::yaml::{Kind, Node};

/// Reads a whole configuration.
pub(super) fn injection(
    content: &str,
    source: &str,
    variables: Option<Variables<'_>>,
) -> std::result::Result<Injection, ConfigError> {
    Node::parse(content)
        .map_err(|error| Fault::new(error.line, error.what))
        .and_then(|mut node| {
            let folder = variables.and_then(|variable| variable("CREDENTIALS_DIRECTORY")).map(PathBuf::from);
            credentials::place(&mut node, folder.as_deref())?;
            document(&node, variables)
        })
        .map_err(|fault| fault.at(source))
}

/// Reads the parts of a configuration that were put together from elsewhere: a map without `apiVersion` and `kind`.
/// The line of an error is the line of the node that it is about.
pub(crate) fn assembled(node: &Node) -> std::result::Result<Injection, (usize, String, Option<String>)> {
    // Whose variables it will be read among is not known here: each name stands for what it says there.
    let variables = |name: &str| Some(name.to_owned());
    parts(Map::open(node, "the configuration").map_err(Fault::parts)?, Some(&variables)).map_err(Fault::parts)
}

fn document(node: &Node, variables: Option<Variables<'_>>) -> Result<Injection> {
    let mut map = Map::open(node, "the configuration").map_err(|fault| {
        fault.hint(format!(
            "begin with `apiVersion: {API_VERSION}`; one of Vault Agent is known by its block `auto_auth`"
        ))
    })?;
    let version = map.need("apiVersion")?;
    if text(version, "apiVersion")? != API_VERSION {
        return Err(Fault::new(version.line, format!("`apiVersion` is not {API_VERSION}"))
            .hint(format!("write `apiVersion: {API_VERSION}`")));
    }
    let kind = map.need("kind")?;
    if text(kind, "kind")? != "Injection" {
        return Err(Fault::new(kind.line, "`kind` is not Injection").hint("write `kind: Injection`"));
    }
    parts(map, variables)
}

fn parts(mut map: Map<'_>, variables: Option<Variables<'_>>) -> Result<Injection> {
    let parts = Parts {
        stores: map.get("stores"),
        volume: map.get("volume"),
        volumes: map.get("volumes"),
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
    parts.assemble(line, variables)
}

/// The parts of a configuration before they are put together.
struct Parts<'a> {
    stores: Option<&'a Node>,
    volume: Option<&'a Node>,
    volumes: Option<&'a Node>,
    secrets: Option<&'a Node>,
    files: Option<&'a Node>,
    env: Option<&'a Node>,
    listen: Option<&'a Node>,
    log: Option<&'a Node>,
    audit: Option<&'a Node>,
    on_change: Option<&'a Node>,
}

impl Parts<'_> {
    fn assemble(self, line: usize, variables: Option<Variables<'_>>) -> Result<Injection> {
        let stores = match self.stores {
            Some(node) => named(node, "stores", store)?,
            None => BTreeMap::new(),
        };
        let volume = match self.volume {
            Some(node) => volume(node, "`volume`")?,
            None => VolumeSpec::default(),
        };
        let volumes = match self.volumes {
            Some(node) => volumes(node, &volume)?,
            None => BTreeMap::new(),
        };
        for volume in volumes.values().chain([&volume]) {
            apart(&stores, volume)
                .map_err(|fault| Fault { line: self.stores.map_or(line, |node| node.line), ..fault })?;
        }
        let secrets = match self.secrets {
            Some(node) => named(node, "secrets", |name, node| secret(name, node, &stores))?,
            None => BTreeMap::new(),
        };
        let mut implied = Implied::new(&stores, variables);
        let files = match self.files {
            Some(node) => file::files(node, &volumes, &secrets, &mut implied)?,
            None => BTreeMap::new(),
        };
        let env = match self.env {
            Some(node) => env(node, &secrets, &mut implied)?,
            None => BTreeMap::new(),
        };
        if let Some(name) = volumes.keys().find(|name| !files.keys().any(|file| file.volume() == Some(*name))) {
            let line = self.volumes.map_or(line, |node| node.line);
            return Err(Fault::new(line, format!("no file is in the volume `{name}`"))
                .hint(format!("name one under `files`, such as `{name}:password`, or remove the volume")));
        }
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
        let is_lent = |store: &Store| matches!(store, Store::Vault(vault) if !vault.write_token.is_empty());
        // A template may be of variables and files alone.
        if files.is_empty() && env.is_empty() && !stores.values().any(is_lent) {
            return Err(Fault::new(line, "nothing is asked for")
                .hint("add a file under `files`, or let a store of Vault write its token: `write_token`"));
        }
        let listen = self.listen.map(listen).transpose()?;
        let log = self.log.map(log).transpose()?.unwrap_or_default();
        let audit = self.audit.map(audit).transpose()?;
        let on_change = match self.on_change {
            Some(node) => hook::decode(node, |name| files.contains_key(name))?,
            None => Vec::new(),
        };
        given_out_once(&stores, &secrets, &files, &env, &on_change).map_err(|fault| Fault { line, ..fault })?;
        Ok(Injection { stores, volume, volumes, secrets, files, env, on_change, listen, log, audit })
    }
}

/// Refuses to keep secrets of the agent's own where the app reads. The fault has no line yet.
fn apart(stores: &BTreeMap<Name, Store>, volume: &VolumeSpec) -> Result<()> {
    for store in stores.values() {
        let Store::Vault(vault) = store else { continue };
        if let Some(path) = vault.kept_in().find(|path| path.starts_with(&volume.path)) {
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

fn volume(node: &Node, what: &str) -> Result<VolumeSpec> {
    let default = VolumeSpec::default();
    let mut map = Map::open(node, what)?;
    let path = map.get("path").map(|node| absolute(node, "path")).transpose()?.unwrap_or(default.path);
    let (mode, group) = readers(&mut map)?;
    let mode = mode.unwrap_or(default.mode);
    let grace = map.get("grace").map(|node| parse(node, "grace", parse_duration)).transpose()?.unwrap_or(default.grace);
    map.finish()?;
    Ok(VolumeSpec { path, mode, group, grace })
}

/// Reads who may read a file: its mode and its group.
pub(super) fn readers(map: &mut Map<'_>) -> Result<(Option<Mode>, Option<u32>)> {
    let mode = map.get("mode").map(|node| parse(node, "mode", Mode::parse)).transpose()?;
    let number = |text: &str| text.parse().map_err(|_| "`group` is not the number of a group".to_owned());
    Ok((mode, map.get("group").map(|node| parse(node, "group", number)).transpose()?))
}

/// Reads the volumes that have names; `first` is the one that has none.
fn volumes(node: &Node, first: &VolumeSpec) -> Result<BTreeMap<Name, VolumeSpec>> {
    let mut all: BTreeMap<Name, VolumeSpec> = BTreeMap::new();
    for (key, node) in entries(node, "volumes")? {
        let name = Name::parse(&key.text).map_err(|why| Fault::new(key.line, why))?;
        let what = format!("the volume `{name}`");
        let mut map = Map::open(node, what.as_str())?;
        map.need("path")?;
        if let Some(node) = map.get("grace") {
            return Err(Fault::new(node.line, format!("{what} has a `grace` of its own"))
                .hint("it is the same for all volumes: say it once, under `volume`"));
        }
        let spec = VolumeSpec { grace: first.grace, ..volume(node, &what)? };
        let overlaps = |other: &&VolumeSpec| other.path.starts_with(&spec.path) || spec.path.starts_with(&other.path);
        if let Some(other) = all.values().chain([first]).find(overlaps) {
            return Err(Fault::new(
                key.line,
                format!(
                    "the volume `{name}` at {} and the one at {} overlap",
                    spec.path.display(),
                    other.path.display()
                ),
            )
            .hint("give each a directory of its own, none inside another"));
        }
        all.insert(name, spec);
    }
    Ok(all)
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
    let manner = manner(&mut map, &from, stores, &with)?;
    map.finish()?;
    Ok(SecretSpec { from, refresh, with, max_stale, on_stale, manner })
}

/// Reads how a secret is asked for, beside its plain fields.
fn manner(
    map: &mut Map<'_>,
    from: &Reference,
    stores: &BTreeMap<Name, Store>,
    with: &BTreeMap<String, String>,
) -> Result<Manner> {
    let (metadata, wrap) = (map.get("metadata"), map.get("wrap"));
    let (unwrap, wrapped_in) = (map.get("unwrap"), map.get("wrapped_in"));
    let Some(first) = metadata.or(wrap).or(unwrap).or(wrapped_in) else { return Ok(Manner::Fields) };
    if !matches!(stores.get(&from.store), Some(Store::Vault(_))) {
        return Err(Fault::new(first.line, "`metadata`, `wrap` and `wrapped_in` are for secrets of Vault"));
    }
    let unwrap = unwrap.map(|node| Ok((node.line, flag(node, "unwrap")?))).transpose()?;
    let is_plain = from.version.is_none() && with.is_empty();
    match (metadata, wrap, wrapped_in) {
        (Some(node), None, None) if unwrap.is_none() => {
            if !is_plain {
                return Err(Fault::new(node.line, "`metadata` is of all versions, and nothing is sent for it")
                    .hint("take `version` and `with` away"));
            }
            Ok(if flag(node, "metadata")? { Manner::Metadata } else { Manner::Fields })
        }
        (None, Some(node), None) => {
            let ttl = parse(node, "wrap", |text| wrapping_time(text, 10))?;
            Ok(if unwrap.is_some_and(|(_, unwrap)| unwrap) { Manner::ByToken(ttl) } else { Manner::Token(ttl) })
        }
        (None, None, Some(node)) if unwrap.is_none() => {
            if !is_plain {
                return Err(Fault::new(
                    node.line,
                    "what is wrapped already is of one version, and nothing is sent for it",
                )
                .hint("take `version` and `with` away"));
            }
            Ok(Manner::InFile(absolute(node, "wrapped_in")?))
        }
        (None, None, _) => {
            Err(Fault::new(unwrap.map_or(first.line, |(line, _)| line), "`unwrap` is there, and `wrap` is not")
                .hint("say how long the token may last: `wrap: 60s`; what lies in a file is unwrapped anyway"))
        }
        _ => Err(Fault::new(first.line, "`metadata`, `wrap` and `wrapped_in` exclude each other")),
    }
}

/// Reads how long a token lasts that gives something out.
pub(super) fn wrapping_time(text: &str, least: u64) -> std::result::Result<Duration, String> {
    match parse_duration(text)? {
        ttl if ttl >= Duration::from_secs(least) && ttl.subsec_nanos() == 0 => Ok(ttl),
        _ => Err(format!("`wrap` is how long the token lasts: whole seconds, {least}s at least")),
    }
}

/// Refuses what would have a secret be had again that is given out once, unless its store keeps it.
fn given_out_once(
    stores: &BTreeMap<Name, Store>,
    secrets: &BTreeMap<Name, SecretSpec>,
    files: &BTreeMap<FileName, FileSpec>,
    env: &BTreeMap<EnvName, EnvSource>,
    on_change: &[Hook],
) -> Result<()> {
    let kept = |store: &Name| matches!(stores.get(store), Some(Store::Vault(vault)) if vault.keep_unwrapped.is_some());
    let once = |name: &Name| {
        let secret = secrets.get(name);
        secret.is_some_and(|secret| matches!(secret.manner, Manner::InFile(_)) && !kept(&secret.from.store))
    };
    for (file, spec) in files {
        let all = spec.secrets();
        if let (Some(name), true) = (all.iter().find(|name| once(name)), all.iter().any(|name| *name != all[0])) {
            return Err(Fault::new(0, format!("`{file}` has the secret `{name}`, which is had once, and another one"))
                .hint("put it into a file of its own, or let the store keep it: `keep_unwrapped`"));
        }
    }
    let restarts = on_change.iter().any(|hook| matches!(hook.tell, Tell::Restart(_)));
    match env.values().flat_map(EnvSource::secrets).find(|name| restarts && once(name)) {
        Some(name) => Err(Fault::new(0, format!("`{name}` is had once, and the child that needs it is started again"))
            .hint("give it as a file, let the store keep it (`keep_unwrapped`), or take `restart` away")),
        None => Ok(()),
    }
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
            if template.further.is_some() {
                return Err(Fault::new(node.line, template::UNKNOWN).hint(template::UNKNOWN_HINT));
            }
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
