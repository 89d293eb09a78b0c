//! The key-value engine, version 1 and 2, and which of them a path leads to.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use oakum_inject::format::WHOLE;
use oakum_inject::provider::{Manner, Term, Want};
use oakum_inject::{Class, Fetched, Field, Fields, ProviderError, Secret, Version};
use serde::Deserialize;
use serde_json::value::RawValue;
use vaultrs::api::{kv1, kv2};

use super::Vault;
use super::endpoint::MountOf;
use super::reply::{Envelope, Nonsense, SERVER, granted};
use crate::answer::{fields, object};
use crate::fingerprint;

/// What is mounted where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The mount, with no slash at either end.
    pub path: String,
    /// Which engine it is.
    pub engine: Engine,
}

/// The engines that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// One value a path, read as it is. Also what an unknown mount is taken for.
    V1,
    /// Versions under `data/` and `metadata/`.
    V2,
    /// Anything that is no key-value engine.
    Other,
}

/// What `metadata/` says: enough to see whether the value must be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newest {
    /// The newest version.
    pub version: Version,
    /// Whether it can be read.
    pub alive: bool,
}

impl Vault {
    /// Reads a secret, or sees that it has not changed.
    pub(super) async fn read(&self, want: &Want, token: &Secret) -> Result<Fetched, ProviderError> {
        if let Manner::InFile(file) = &want.manner {
            return self.read_from_file(want, file).await;
        }
        if want.manner == Manner::List {
            return self.list(want, token).await;
        }
        if !want.with.is_empty() {
            return match want.manner {
                Manner::Token(ttl) => self.read_token(want, &want.path, ttl, token).await,
                _ => self.write(want, token).await,
            };
        }
        let mount = self.mount(&want.path, token).await?;
        match (&want.manner, mount.engine) {
            (Manner::Metadata, Engine::V2) => return self.read_metadata(want, &mount.path, token).await,
            (Manner::Metadata, _) => {
                return Err(ProviderError::new(
                    Class::Misconfigured,
                    "its metadata is wanted, and only version 2 of the key-value engine keeps any",
                ));
            }
            (Manner::Token(ttl), Engine::V2) => {
                let path = want.path.strip_prefix(mount.path.as_str()).unwrap_or_default();
                let version = want.pinned.map(|number| format!("?version={number}")).unwrap_or_default();
                return self.read_token(want, &format!("{}/data{path}{version}", mount.path), *ttl, token).await;
            }
            (Manner::Token(ttl), _) => return self.read_token(want, &want.path, *ttl, token).await,
            _ => {}
        }
        match mount.engine {
            // A template may ask for what is told about a secret, as Vault has it: `secret "secret/metadata/web"`.
            Engine::V2 if want.manner == Manner::Whole && is_of_metadata(&want.path, &mount.path) => {
                self.read_any(want, token).await
            }
            Engine::V2 => self.read_v2(want, &mount.path, token).await,
            Engine::V1 => self.read_v1(want, token).await,
            Engine::Other => self.read_any(want, token).await,
        }
    }

    fn known_mount(&self, path: &str) -> Option<Mount> {
        let state = self.state();
        let holds = |mount: &&Mount| {
            path.strip_prefix(mount.path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        state.mounts.values().find(holds).cloned()
    }

    pub(super) async fn mount(&self, path: &str, token: &Secret) -> Result<Mount, ProviderError> {
        if let Some(mount) = self.known_mount(path) {
            return Ok(mount);
        }
        let found = match self.ask(&MountOf { path }, Some(token), &[token]).await {
            Ok(body) => self.parse(mount(body.expose()))?,
            // No right to know: read the path as it was written. It is a guess, and not remembered: a policy may be
            // changed under a token that is in use.
            Err(error) if error.class == Class::Refused => {
                return Ok(Mount { path: path.to_owned(), engine: Engine::V1 });
            }
            Err(error) => return Err(error),
        };
        if path != found.path && !path.strip_prefix(found.path.as_str()).is_some_and(|rest| rest.starts_with('/')) {
            return Err(Nonsense("it names a mount that does not hold the path").at(self.transport.address(), SERVER));
        }
        self.state().mounts.insert(found.path.clone(), found.clone());
        Ok(found)
    }

    async fn read_v1(&self, want: &Want, token: &Secret) -> Result<Fetched, ProviderError> {
        if want.pinned.is_some() {
            return Err(ProviderError::new(Class::Misconfigured, "a version is pinned, and this engine keeps none")
                .hint("take `?version=` away"));
        }
        let (mount, path) = want.path.split_once('/').unwrap_or((&want.path, ""));
        let endpoint = kv1::requests::GetSecretRequest { mount: mount.to_owned(), path: path.to_owned() };
        let reply = self.obtain(&endpoint, want, token).await?;
        if reply.status == 404 && versioned(reply.body.expose()) {
            return Err(ProviderError::new(Class::Missing, "nothing there, and the engine keeps versions")
                .hint("let the policy read sys/internal/ui/mounts/, or write the path as MOUNT/data/NAME"));
        }
        if reply.status != 200 {
            let error = self.denied(self.refusal(&reply, &[token]), &want.path);
            return Err(match (self.known_mount(&want.path), error.class) {
                (None, Class::Refused) => {
                    explained(error, &format!("{} (MOUNT/data/NAME where the engine keeps versions)", want.path))
                }
                (None, Class::Missing) => error.hint(
                    "check the mount and the path; where the engine keeps versions, and the policy does not let us see so, \
                     write MOUNT/data/NAME",
                ),
                _ => explained(error, &want.path),
            });
        }
        let (fields, term) = self.parse(v1(reply.body.expose()))?;
        found(want, reply.body.expose(), fields, term)
    }

    async fn read_v2(&self, want: &Want, mount: &str, token: &Secret) -> Result<Fetched, ProviderError> {
        let path = want.path.strip_prefix(mount).unwrap_or_default().trim_start_matches('/');
        // A template writes the path of the call; `consul-template` takes both, and so do we.
        let path = if want.manner == Manner::Whole { path.strip_prefix("data/").unwrap_or(path) } else { path };
        if path.is_empty() {
            return Err(ProviderError::new(Class::Misconfigured, "the path is a mount and names no secret"));
        }
        if let Some(known @ Version::Number { number, .. }) = want.known {
            if want.pinned == Some(number) {
                return Ok(Fetched::Unchanged);
            }
            // What was gone when it was last read is read again in one call: its metadata would ask for a second one.
            let gone = self.state().gone.contains(&format!("{mount}/{path}"));
            if want.pinned.is_none() && !gone && self.unchanged(mount, path, known, token).await? {
                return Ok(Fetched::Unchanged);
            }
        }
        let endpoint =
            kv2::requests::ReadSecretRequest { mount: mount.to_owned(), path: path.to_owned(), version: want.pinned };
        let reply = self.obtain(&endpoint, want, token).await?;
        if reply.status == 404 {
            let error = match gone(reply.body.expose()) {
                Some(error) => {
                    self.state().gone.insert(format!("{mount}/{path}"));
                    error
                }
                None => explained(self.refusal(&reply, &[token]), &want.path),
            };
            return Err(match path.strip_prefix("data/") {
                Some(rest) => error.hint(format!("write the path without `data/`: {mount}/{rest}")),
                None => error,
            });
        }
        if reply.status != 200 {
            let path = format!("{mount}/data/{path}");
            return Err(explained(self.denied(self.refusal(&reply, &[token]), &path), &path));
        }
        let (fields, version) = self.parse(v2(reply.body.expose()))?;
        self.state().gone.remove(&format!("{mount}/{path}"));
        let fields = whole(want, reply.body.expose(), fields);
        Ok(if want.known == Some(version) {
            Fetched::Unchanged
        } else {
            Fetched::Changed { fields, version, term: Term::Open }
        })
    }

    /// Reads what the owners of a secret have written about it.
    async fn read_metadata(&self, want: &Want, mount: &str, token: &Secret) -> Result<Fetched, ProviderError> {
        let path = want.path.strip_prefix(mount).unwrap_or_default().trim_start_matches('/');
        let endpoint = kv2::requests::ReadSecretMetadataRequest { mount: mount.to_owned(), path: path.to_owned() };
        let shown = format!("{mount}/metadata/{path}");
        let reply = self.run(&endpoint, Some(token)).await?;
        if reply.status != 200 {
            let error = self.denied(self.refusal(&reply, &[token]), &shown);
            return Err(match error.class {
                Class::Missing => error.hint("check the path, or write the secret"),
                _ => explained(error, &shown),
            });
        }
        match self.parse(custom(reply.body.expose()))? {
            Some(fields) => found(want, reply.body.expose(), fields, Term::Open),
            None => Err(ProviderError::new(Class::Missing, "nothing is written about it")
                .hint(format!("write something: `vault kv metadata put -custom-metadata=owner=… {}`", want.path))),
        }
    }

    /// Looks at the metadata alone, where we may. A policy that grants only `data/` is common, and fine.
    async fn unchanged(&self, mount: &str, path: &str, known: Version, token: &Secret) -> Result<bool, ProviderError> {
        let key = format!("{mount}/{path}");
        if self.state().blind.contains_key(&key) {
            return Ok(false);
        }
        let endpoint = kv2::requests::ReadSecretMetadataRequest { mount: mount.to_owned(), path: path.to_owned() };
        // What owners write about a secret is none: whoever may list it may read that.
        let reply = self.run_over_open(&endpoint, token).await?;
        match reply.status {
            200 => {
                let newest = self.parse(metadata(reply.body.expose()))?;
                Ok(newest.version == known && newest.alive)
            }
            _ => match self.refusal(&reply, &[token]) {
                error if (error.class, error.status) == (Class::Refused, Some(403)) => {
                    self.state().blind.insert(key, ());
                    Ok(false)
                }
                // A proxy's 403 is none of these: it says nothing about our rights.
                error => Err(explained(error, &key)),
            },
        }
    }
}

/// Tells whether a path is that of the call which tells about a secret, and not one of a secret.
fn is_of_metadata(path: &str, mount: &str) -> bool {
    path.strip_prefix(mount).is_some_and(|path| path.starts_with("/metadata/"))
}

/// Tells a value that the caller knows from one that it does not.
pub(super) fn found(want: &Want, body: &[u8], fields: Fields, term: Term) -> Result<Fetched, ProviderError> {
    // Of the fields alone, since a request's own number is another each time.
    let version = fingerprint::of(&fields)?;
    // One that its store replaces by itself tells when to look again, though it may be late and still be the same.
    let known = want.known == Some(version) && term == Term::Open;
    Ok(if known { Fetched::Unchanged } else { Fetched::Changed { fields: whole(want, body, fields), version, term } })
}

/// Puts the whole answer in the place of its fields where that is wanted, under the names that Vault Agent has.
fn whole(want: &Want, body: &[u8], fields: Fields) -> Fields {
    let Ok(envelope) = Envelope::parse(body) else { return fields };
    if want.manner != Manner::Whole {
        return fields;
    }
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let json = format!(
        "{{\"RequestID\":{},\"LeaseID\":{},\"LeaseDuration\":{},\"Renewable\":{},\"Data\":{},\"Warnings\":{},\"Auth\":{},\
         \"WrapInfo\":null}}",
        text(&envelope.request_id),
        text(&envelope.lease_id),
        envelope.lease_duration,
        envelope.renewable,
        // What is a map in Go is one with nothing in it.
        envelope.data.map_or("{}", |data| data.get()),
        serde_json::Value::from(envelope.warnings.unwrap_or_default()),
        granted(body).ok().flatten().and_then(auth).unwrap_or_else(|| "null".to_owned()),
    );
    [(WHOLE.to_owned(), Field::Json(Secret::from(json)))].into_iter().collect()
}

#[derive(Deserialize)]
struct Token<'a> {
    #[serde(borrow)]
    client_token: &'a RawValue,
    #[serde(borrow, default)]
    accessor: Option<&'a RawValue>,
    #[serde(borrow, default)]
    policies: Option<&'a RawValue>,
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
    #[serde(default)]
    lease_duration: u64,
    #[serde(default)]
    renewable: bool,
}

/// Puts a token that was granted under the names that Vault Agent has.
fn auth(granted: &RawValue) -> Option<String> {
    let Token { client_token, accessor, policies, metadata, lease_duration, renewable } =
        serde_json::from_str(granted.get()).ok()?;
    let or = |value: Option<&RawValue>, other: &str| {
        value.map(RawValue::get).filter(|text| *text != "null").unwrap_or(other).to_owned()
    };
    Some(format!(
        "{{\"ClientToken\":{client_token},\"Accessor\":{},\"Policies\":{},\"Metadata\":{},\
         \"LeaseDuration\":{lease_duration},\"Renewable\":{renewable}}}",
        or(accessor, "\"\""),
        or(policies, "[]"),
        or(metadata, "{}"),
    ))
}

/// Adds the way out to a refusal: the path as a policy names it, or as it is written.
pub(super) fn explained(error: ProviderError, path: &str) -> ProviderError {
    match error.class {
        Class::Refused => error.hint(format!("let a policy of the role read {path}")),
        Class::Missing => error.hint(format!("check the path, or write the secret: `vault kv put {path} …`")),
        _ => error,
    }
}

#[derive(Deserialize)]
struct MountData {
    path: String,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    options: Option<BTreeMap<String, String>>,
}

/// Reads what is mounted where.
///
/// # Errors
/// Says what is wrong with the answer.
pub fn mount(body: &[u8]) -> Result<Mount, Nonsense> {
    let data = Envelope::parse(body)?.data.ok_or(Nonsense("it says nothing about the mount"))?;
    let MountData { path, kind, options } = object(data.get().as_bytes())?;
    let engine = match (kind.as_str(), options.as_ref().and_then(|options| options.get("version")).map(String::as_str))
    {
        ("kv", Some("2")) => Engine::V2,
        // `generic` is what KV was called before it had versions.
        ("kv" | "generic" | "cubbyhole", _) => Engine::V1,
        _ => Engine::Other,
    };
    Ok(Mount { path: path.trim_matches('/').to_owned(), engine })
}

/// Reads an answer of version 1, and of any path that may give a lease.
///
/// # Errors
/// Says what is wrong with the answer.
pub fn v1(body: &[u8]) -> Result<(Fields, Term), Nonsense> {
    let envelope = Envelope::parse(body)?;
    let term = envelope.lease().map_or(Term::Open, Term::Lease);
    let data = envelope.data.ok_or(Nonsense("it holds no data"))?;
    Ok((fields(data.get())?, term))
}

#[derive(Deserialize)]
struct V2Data<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    metadata: V2Metadata,
}

#[derive(Deserialize)]
struct V2Metadata {
    version: u64,
    #[serde(default)]
    created_time: String,
    #[serde(default)]
    deletion_time: String,
    #[serde(default)]
    destroyed: bool,
}

/// Tells a version of a secret from every other.
fn version(number: u64, created: &str) -> Version {
    let mut hasher = DefaultHasher::new();
    created.hash(&mut hasher);
    Version::Number { number, made: hasher.finish() }
}

/// Reads an answer of version 2: the fields, and which version they are.
///
/// # Errors
/// Says what is wrong with the answer.
pub fn v2(body: &[u8]) -> Result<(Fields, Version), Nonsense> {
    let data = Envelope::parse(body)?.data.ok_or(Nonsense("it holds no data"))?;
    let V2Data { data, metadata } = object(data.get().as_bytes())?;
    let data = data.ok_or(Nonsense("it holds no data"))?;
    Ok((fields(data.get())?, version(metadata.version, &metadata.created_time)))
}

/// Tells a version that was deleted (404 with a body) from one that never was.
#[must_use]
pub fn gone(body: &[u8]) -> Option<ProviderError> {
    let data = Envelope::parse(body).ok()?.data?;
    let V2Data { metadata: V2Metadata { version, deletion_time, destroyed, .. }, .. } =
        object(data.get().as_bytes()).ok()?;
    let how = if destroyed {
        "destroyed"
    } else if deletion_time.is_empty() {
        return None;
    } else {
        "deleted"
    };
    Some(
        ProviderError::new(Class::Missing, format!("version {version} was {how}"))
            .hint("undelete it, or write a new version"),
    )
}

#[derive(Deserialize)]
struct Custom<'a> {
    #[serde(borrow, default)]
    custom_metadata: Option<&'a RawValue>,
}

/// Reads what the owners of a secret have written about it, if they have.
///
/// # Errors
/// Says what is wrong with the answer.
pub fn custom(body: &[u8]) -> Result<Option<Fields>, Nonsense> {
    let data = Envelope::parse(body)?.data.ok_or(Nonsense("it says nothing about the secret"))?;
    let Custom { custom_metadata } = object(data.get().as_bytes())?;
    let fields = custom_metadata.filter(|text| text.get() != "null").map(|text| fields(text.get())).transpose()?;
    Ok(fields.filter(|fields| !fields.names().is_empty()))
}

#[derive(Deserialize)]
struct MetadataData {
    current_version: u64,
    #[serde(default)]
    versions: BTreeMap<String, VersionState>,
}

#[derive(Deserialize)]
struct VersionState {
    #[serde(default)]
    created_time: String,
    #[serde(default)]
    deletion_time: String,
    #[serde(default)]
    destroyed: bool,
}

/// Reads which version is the newest.
///
/// # Errors
/// Says what is wrong with the answer.
pub fn metadata(body: &[u8]) -> Result<Newest, Nonsense> {
    let data = Envelope::parse(body)?.data.ok_or(Nonsense("it holds no data"))?;
    let MetadataData { current_version, versions } = object(data.get().as_bytes())?;
    let state = versions.get(&current_version.to_string());
    // A deletion in the future (`delete_version_after`) has not happened: reading is what tells.
    let alive = state.is_none_or(|state| !state.destroyed && state.deletion_time.is_empty());
    let created = state.map(|state| state.created_time.as_str()).unwrap_or_default();
    Ok(Newest { version: version(current_version, created), alive })
}

/// Tells whether an answer warns that the path is one of version 2.
#[must_use]
pub fn versioned(body: &[u8]) -> bool {
    Envelope::parse(body)
        .is_ok_and(|envelope| envelope.warnings.is_some_and(|all| all.iter().any(|one| one.contains("versioned"))))
}

#[cfg(test)]
#[path = "kv_tests.rs"]
mod tests;
