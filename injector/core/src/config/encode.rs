//! From an [`Injection`] to JSON. Defaults are left out, so that what a person wrote stays as short as it was.

use serde_json::{Map, Value, json};

use super::value::print_duration;
use super::*;
use crate::template::MissingKey;

pub(crate) fn injection(injection: &Injection) -> Value {
    let Injection { stores, volume, volumes, secrets, files, env, on_change, listen, log, audit } = injection;
    let mut map = Map::new();
    map.insert("apiVersion".to_owned(), API_VERSION.into());
    map.insert("kind".to_owned(), "Injection".into());
    map.insert("stores".to_owned(), object(stores.iter().map(|(name, one)| (name.to_string(), store(one)))));
    map.insert("volume".to_owned(), self::volume(volume));
    if !volumes.is_empty() {
        map.insert(
            "volumes".to_owned(),
            object(volumes.iter().map(|(name, one)| (name.to_string(), other_volume(one)))),
        );
    }
    let named = secrets.iter().filter(|(_, one)| !matches!(one.manner, Manner::Whole | Manner::List));
    map.insert("secrets".to_owned(), object(named.map(|(name, one)| (name.to_string(), secret(one)))));
    if !files.is_empty() {
        map.insert("files".to_owned(), object(files.iter().map(|(name, one)| (name.to_string(), file(one)))));
    }
    if !env.is_empty() {
        map.insert("env".to_owned(), object(env.iter().map(|(name, source)| (name.to_string(), variable(source)))));
    }
    if !on_change.is_empty() {
        map.insert("on_change".to_owned(), self::on_change(on_change));
    }
    if let Some(listen) = listen {
        map.insert("listen".to_owned(), listen.to_string().into());
    }
    if let Some(audit) = audit {
        map.insert("audit".to_owned(), audit.name().into());
    }
    if *log == LogFormat::Json {
        map.insert("log".to_owned(), "json".into());
    }
    map.into()
}

pub(crate) fn variable(source: &EnvSource) -> Value {
    match source {
        EnvSource::Value(value) => value.to_string().into(),
        EnvSource::Template(spec) => {
            let mut map = Map::new();
            template(&mut map, spec);
            map.into()
        }
    }
}

/// Writes hooks as a list.
pub(crate) fn on_change(hooks: &[Hook]) -> Value {
    hooks.iter().map(hook::encode).collect()
}

fn object(entries: impl Iterator<Item = (String, Value)>) -> Value {
    entries.collect::<Map<_, _>>().into()
}

pub(super) fn path(path: &Path) -> Value {
    // Paths come out of a text (decode), so nothing is lost here.
    path.to_string_lossy().into_owned().into()
}

pub(crate) fn store(store: &Store) -> Value {
    match store {
        Store::Vault(vault) => json!({ "vault": vault::encode(vault) }),
        Store::File(FileStore { path }) => json!({ "file": { "path": self::path(path) } }),
        Store::Aws(store) => json!({ "aws": aws::encode(store) }),
        Store::Kubernetes(store) => json!({ "kubernetes": kubernetes::encode(store) }),
    }
}

pub(crate) fn volume(volume: &VolumeSpec) -> Value {
    let VolumeSpec { path, mode, group, grace } = volume;
    let mut map = Map::new();
    map.insert("path".to_owned(), self::path(path));
    if *mode != Mode::DEFAULT {
        map.insert("mode".to_owned(), mode.to_string().into());
    }
    if let Some(group) = group {
        map.insert("group".to_owned(), (*group).into());
    }
    if *grace != DEFAULT_GRACE {
        map.insert("grace".to_owned(), print_duration(*grace).into());
    }
    map.into()
}

/// Writes a volume that has a name, which has the grace of the one that has none.
pub(crate) fn other_volume(volume: &VolumeSpec) -> Value {
    self::volume(&VolumeSpec { grace: DEFAULT_GRACE, ..volume.clone() })
}

pub(crate) fn secret(secret: &SecretSpec) -> Value {
    let SecretSpec { from, refresh, with, max_stale, on_stale, manner } = secret;
    let mut map = Map::new();
    self::manner(&mut map, manner);
    if *refresh != SecretSpec::default_refresh(with) {
        map.insert("refresh".to_owned(), print_duration(*refresh).into());
    }
    if !with.is_empty() {
        map.insert("with".to_owned(), fixed(with));
    }
    if let Some(max_stale) = max_stale {
        map.insert("max_stale".to_owned(), print_duration(*max_stale).into());
        if *on_stale != OnStale::Keep {
            map.insert("on_stale".to_owned(), on_stale.name().into());
        }
    }
    if map.is_empty() {
        return from.to_string().into();
    }
    map.insert("from".to_owned(), from.to_string().into());
    map.into()
}

fn manner(map: &mut Map<String, Value>, manner: &Manner) {
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    match manner {
        Manner::Fields | Manner::Whole | Manner::List => {}
        Manner::Metadata => drop(put("metadata", true.into())),
        Manner::Token(ttl) => drop(put("wrap", print_duration(*ttl).into())),
        Manner::ByToken(ttl) => {
            put("wrap", print_duration(*ttl).into());
            put("unwrap", true.into());
        }
        Manner::InFile(file) => drop(put("wrapped_in", path(file))),
    }
}

fn fixed(with: &BTreeMap<String, String>) -> Value {
    object(with.iter().map(|(name, value)| (name.clone(), value.as_str().into())))
}

pub(crate) fn file(file: &FileSpec) -> Value {
    let FileSpec { content, mode } = file;
    let mut map = Map::new();
    match content {
        Content::Raw(value) => {
            map.insert("value".to_owned(), value.to_string().into());
        }
        Content::Template(spec) => template(&mut map, spec),
        Content::Fields { format, source, with } => {
            several(&mut map, format.name(), source);
            if !with.is_empty() {
                map.insert("with".to_owned(), fixed(with));
            }
        }
    }
    if let Some(mode) = mode {
        map.insert("mode".to_owned(), mode.to_string().into());
    }
    map.into()
}

fn template(map: &mut Map<String, Value>, spec: &TemplateSpec) {
    let TemplateSpec { text, delimiters, missing, store, .. } = spec;
    map.insert("template".to_owned(), text.as_str().into());
    if let Some((left, right)) = delimiters {
        map.insert("delimiters".to_owned(), json!([left, right]));
    }
    if *missing == MissingKey::NoValue {
        map.insert("error_on_missing_key".to_owned(), false.into());
    }
    if let Some(store) = store {
        map.insert("store".to_owned(), store.as_str().into());
    }
}

fn several(map: &mut Map<String, Value>, format: &str, source: &Source) {
    map.insert("format".to_owned(), format.into());
    match source {
        Source::Secret(name) => map.insert("secret".to_owned(), name.as_str().into()),
        Source::Values(values) => map.insert(
            "values".to_owned(),
            object(values.iter().map(|(name, value)| (name.clone(), value.to_string().into()))),
        ),
    };
}
