//! From a pod to a patch: `review(pod, policy)`. Pure, and with no way to reach anything: the same pod gives the same
//! bytes, and the pod that a patch makes gives an empty one.
//!
//! What a pod gets:
//! - a volume in memory with a limit, which the app's containers mount read-only; or several, each for those it is for;
//! - the agent as a native sidecar (an init container with `restartPolicy: Always`), first of all init containers, with a
//!   startup probe, so that everything else begins after the first publication, Jobs end, and it is stopped last;
//! - a volume in memory that the agent alone has, for the tokens that it logs in with: one that was killed takes up its
//!   session again, and leaves no token behind at each of a hundred restarts;
//! - a token for one audience that lasts ten minutes and is mounted in the agent only: no container of the app can log in
//!   with it;
//! - the configuration, as an annotation that the agent reads as a file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use oakum_inject::annotations::{self, CONTAINERS_OF, PREFIX};
use oakum_inject::config::{
    AwsCredentials, DEFAULT_TOKEN, KUBERNETES_CA, KUBERNETES_TOKEN, Store, VaultAuth, VaultStore,
};
use oakum_inject::provider::Manner;
use oakum_inject::{ConfigError, Injection};
use serde_json::{Value, json};

/// The name of the sidecar.
const AGENT: &str = "oakum-agent";
/// The volume that secrets are published in; others have a number behind it.
const SECRETS: &str = "oakum-secrets";
/// The volume with the agent's token and configuration.
const IDENTITY: &str = "oakum-identity";
/// The volumes of what the agent keeps for its next process.
const PRIVATE: &str = "oakum-private";
/// Where it keeps what no path is named for.
const PRIVATE_PATH: &str = "/run/oakum/private";
/// Where the agent has its token and configuration.
const IDENTITY_PATH: &str = "/var/run/secrets/oakum";
/// How large the volumes may grow that it keeps them in.
const PRIVATE_LIMIT: &str = "1Mi";
/// The user and group of the agent, and the group that may read the files, unless the pod says another.
const NOBODY: u32 = 65532;

/// What a cluster decides for all pods.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// The agent's image.
    pub(crate) image: String,
    /// Whom the agent's token is for.
    pub(crate) audience: String,
    /// How large the volume may grow; two generations must fit.
    pub(crate) size_limit: String,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            image: concat!("oakum-agent:", env!("CARGO_PKG_VERSION")).to_owned(),
            audience: "vault".to_owned(),
            size_limit: "16Mi".to_owned(),
        }
    }
}

/// What is to be done to a pod, and what its owner should know.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Review {
    pub(crate) patch: Vec<Value>,
    pub(crate) warnings: Vec<String>,
}

/// Says what a pod needs to get what it asks for.
///
/// # Errors
/// Names the annotation, or the part of the pod, that stands in the way.
pub(crate) fn review(pod: &Value, policy: &Policy) -> Result<Review, ConfigError> {
    let nothing = Review { patch: Vec::new(), warnings: Vec::new() };
    if pod["kind"] != "Pod" {
        return Err(pod_error(
            "it is not a Pod",
            Some("give the pod itself, or the template of a Deployment with kind: Pod"),
        ));
    }
    let notes: Vec<(&str, &str)> = pod["metadata"]["annotations"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
        .collect();
    let Some(mut injection) = annotations::from_annotations(notes.iter().copied())? else { return Ok(nothing) };
    let ours =
        |name: &str| notes.iter().find_map(|(key, value)| (key.strip_prefix(PREFIX) == Some(name)).then_some(*value));
    if ours("status") == Some("injected") {
        // Done before, by this very review: another webhook may have made the API server ask again.
        return Ok(nothing);
    }
    if ours("injection").is_some() {
        return Err(annotation_error("injection", "is written by the webhook", Some("take it away")));
    }
    keep_what_is_had_once(&mut injection);
    let mut volumes = volumes(&injection);
    for volume in &mut volumes {
        let own = volume.of.as_ref().map(|name| format!("{CONTAINERS_OF}{name}"));
        let key = own.filter(|key| ours(key).is_some()).unwrap_or_else(|| "containers".to_owned());
        volume.readers = chosen(pod, &key, ours(&key))?;
    }
    let keys = notes.iter().filter_map(|(key, _)| key.strip_prefix(PREFIX)?.strip_prefix(CONTAINERS_OF));
    if let Some(name) = keys.into_iter().find(|name| !volumes.iter().any(|one| one.of.as_deref() == Some(name))) {
        let hint = format!("add the annotation {PREFIX}volume.{name}");
        return Err(annotation_error(
            &format!("{CONTAINERS_OF}{name}"),
            "is for a volume that is not there",
            Some(&hint),
        ));
    }
    let private = private(&injection);
    let ours_too = volumes.iter().map(|volume| &volume.name).chain(private.iter().map(|(name, _)| name));
    let ours_too = ours_too.map(|name| ("volumes", name.as_str()));
    let mut names_taken =
        [("containers", AGENT), ("initContainers", AGENT), ("volumes", IDENTITY)].into_iter().chain(ours_too);
    if let Some((list, name)) = names_taken.find(|(list, name)| named(pod, list, name)) {
        return Err(pod_error(
            format!("spec.{list} has a `{name}` already"),
            Some("give it another name: the webhook adds one with this name"),
        ));
    }
    let mut patch = Vec::new();
    annotate(&injection, &mut patch);
    group(pod, &injection, &mut patch);
    let published = volumes.iter().map(|volume| memory_volume(&volume.name, &policy.size_limit));
    let kept = private.iter().map(|(name, _)| memory_volume(name, PRIVATE_LIMIT));
    let added: Vec<Value> = published.chain(kept).chain([identity_volume(policy)]).collect();
    append(pod, "volumes", &added, &mut patch);
    prepend(pod, "initContainers", &sidecar(&injection, &volumes, &private, policy), &mut patch);
    let places: BTreeSet<&Place> = volumes.iter().flat_map(|volume| &volume.readers).collect();
    for place in places {
        let its: Vec<&Volume> = volumes.iter().filter(|volume| volume.readers.contains(place)).collect();
        mount(pod, place, &its, &mut patch)?;
    }
    Ok(Review { patch, warnings: warnings(&injection) })
}

/// A volume that the agent publishes into.
struct Volume<'a> {
    /// Its name in the configuration.
    of: Option<String>,
    /// Its name in the pod.
    name: String,
    path: &'a Path,
    /// The containers that get it.
    readers: Vec<Place>,
}

/// Lists the volumes that hold a file; where no file is asked for there is one all the same.
fn volumes(injection: &Injection) -> Vec<Volume<'_>> {
    let mut used = injection.used_volumes();
    if used.is_empty() {
        used.insert(None, &injection.volume);
    }
    let named = used.into_iter().enumerate().map(|(at, (of, spec))| Volume {
        // What a configuration calls it may be no name for Kubernetes.
        name: if of.is_none() { SECRETS.to_owned() } else { format!("{SECRETS}-{at}") },
        of: of.map(ToString::to_string),
        path: &spec.path,
        readers: Vec::new(),
    });
    named.collect()
}

/// Has every token kept that the agent gets by a login, and every secret that it can have only once, unless the pod says
/// where.
fn keep_what_is_had_once(injection: &mut Injection) {
    let wrapped = injection.secrets.values().filter(|secret| matches!(secret.manner, Manner::InFile(_)));
    let wrapped: BTreeSet<_> = wrapped.map(|secret| secret.from.store.clone()).collect();
    for (name, store) in &mut injection.stores {
        let Store::Vault(vault) = store else { continue };
        if !matches!(vault.auth, VaultAuth::TokenFile(_)) {
            vault.keep_token.get_or_insert_with(|| format!("{PRIVATE_PATH}/{name}.token").into());
        }
        if wrapped.contains(name) {
            vault.keep_unwrapped.get_or_insert_with(|| PRIVATE_PATH.into());
        }
    }
}

/// Lists the folders of what the agent keeps, each with the name of its volume.
fn private(injection: &Injection) -> Vec<(String, PathBuf)> {
    let stores = injection.stores.values().filter_map(|store| match store {
        Store::Vault(vault) => Some(vault),
        _ => None,
    });
    let folders: BTreeSet<&Path> = stores.flat_map(VaultStore::kept_in).collect();
    let named = folders.into_iter().enumerate().map(|(at, folder)| {
        let name = if at == 0 { PRIVATE.to_owned() } else { format!("{PRIVATE}-{at}") };
        (name, folder.to_owned())
    });
    named.collect()
}

/// A container by its place in the pod. The sidecar will stand before all init containers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    list: &'static str,
    index: usize,
    index_after: usize,
}

/// Finds the containers that get the files: those that are named under a key, or every one of the app.
fn chosen(pod: &Value, key: &str, named: Option<&str>) -> Result<Vec<Place>, ConfigError> {
    let places = |list: &'static str, shift: usize| {
        let all = pod["spec"][list].as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().enumerate().map(move |(index, container)| {
            (container["name"].as_str().unwrap_or_default(), Place { list, index, index_after: index + shift })
        })
    };
    let Some(wanted) = named else { return Ok(places("containers", 0).map(|(_, place)| place).collect()) };
    let mut wanted: BTreeSet<&str> = wanted.split(',').map(str::trim).collect();
    let found = places("initContainers", 1)
        .chain(places("containers", 0))
        .filter(|(name, _)| wanted.remove(name))
        .map(|(_, place)| place)
        .collect();
    match wanted.first() {
        None => Ok(found),
        Some(name) => Err(annotation_error(key, format!("names `{name}`, which the pod does not have"), None)),
    }
}

fn named(pod: &Value, list: &str, name: &str) -> bool {
    pod["spec"][list].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == name))
}

fn annotate(injection: &Injection, patch: &mut Vec<Value>) {
    for (key, value) in [("injection", injection.to_json().to_string()), ("status", "injected".to_owned())] {
        // A slash in a key is `~1` in a pointer (RFC 6901, 3).
        patch.push(json!({ "op": "add", "path": format!("/metadata/annotations/{}{key}", PREFIX.replace('/', "~1")), "value": value }));
    }
}

/// Lets the app's processes read the files, whoever they run as: the groups are some that they are in besides their own.
/// Unlike `fsGroup`, they change the owner of no volume. The agent is in them too, or could give files to none of them.
fn group(pod: &Value, injection: &Injection, patch: &mut Vec<Value>) {
    let context = &pod["spec"]["securityContext"];
    let there = context["supplementalGroups"].as_array();
    let others = injection.used_volumes().into_values().filter_map(|volume| volume.group);
    let groups: BTreeSet<u32> = others.chain([reading_group(injection)]).collect();
    let missing = groups
        .into_iter()
        .filter(|group| context["fsGroup"] != *group && !there.is_some_and(|groups| groups.contains(&(*group).into())));
    let missing: Vec<u32> = missing.collect();
    let add = |path: &str, value: Value| json!({ "op": "add", "path": path, "value": value });
    if missing.is_empty() {
    } else if there.is_some() {
        let path = "/spec/securityContext/supplementalGroups/-";
        patch.extend(missing.into_iter().map(|group| add(path, group.into())));
    } else if context.is_object() {
        patch.push(add("/spec/securityContext/supplementalGroups", json!(missing)));
    } else {
        patch.push(add("/spec/securityContext", json!({ "supplementalGroups": missing })));
    }
}

fn reading_group(injection: &Injection) -> u32 {
    injection.volume.group.unwrap_or(NOBODY)
}

fn append(pod: &Value, list: &str, values: &[Value], patch: &mut Vec<Value>) {
    if pod["spec"][list].is_array() {
        patch.extend(
            values.iter().map(|value| json!({ "op": "add", "path": format!("/spec/{list}/-"), "value": value })),
        );
    } else {
        patch.push(json!({ "op": "add", "path": format!("/spec/{list}"), "value": values }));
    }
}

fn prepend(pod: &Value, list: &str, value: &Value, patch: &mut Vec<Value>) {
    if pod["spec"][list].is_array() {
        patch.push(json!({ "op": "add", "path": format!("/spec/{list}/0"), "value": value }));
    } else {
        patch.push(json!({ "op": "add", "path": format!("/spec/{list}"), "value": [value] }));
    }
}

fn mount(pod: &Value, place: &Place, volumes: &[&Volume<'_>], patch: &mut Vec<Value>) -> Result<(), ConfigError> {
    let container = &pod["spec"][place.list][place.index];
    let mounts = container["volumeMounts"].as_array();
    let taken = |path: &Path| {
        let mut paths = mounts.into_iter().flatten().filter_map(|mount| mount["mountPath"].as_str());
        paths.any(|other| Path::new(other) == path)
    };
    if let Some(volume) = volumes.iter().find(|volume| taken(volume.path)) {
        let name = container["name"].as_str().unwrap_or_default();
        let key = volume.of.as_ref().map(|of| format!(".{of}")).unwrap_or_default();
        return Err(pod_error(
            format!("the container `{name}` mounts something else at {}", volume.path.display()),
            Some(&format!("give the volume another path, in {PREFIX}volume{key}")),
        ));
    }
    let added: Vec<Value> = volumes
        .iter()
        .map(|volume| json!({ "name": volume.name, "mountPath": volume.path.to_string_lossy(), "readOnly": true }))
        .collect();
    let at = format!("/spec/{}/{}/volumeMounts", place.list, place.index_after);
    if mounts.is_some() {
        patch.extend(added.into_iter().map(|value| json!({ "op": "add", "path": format!("{at}/-"), "value": value })));
    } else {
        patch.push(json!({ "op": "add", "path": at, "value": added }));
    }
    Ok(())
}

fn memory_volume(name: &str, limit: &str) -> Value {
    json!({ "name": name, "emptyDir": { "medium": "Memory", "sizeLimit": limit } })
}

fn identity_volume(policy: &Policy) -> Value {
    json!({
        "name": IDENTITY,
        "projected": {
            "defaultMode": 0o444,
            "sources": [
                { "serviceAccountToken": { "audience": policy.audience, "expirationSeconds": 600, "path": "token" } },
                { "downwardAPI": { "items": [{ "path": "injection.yaml", "fieldRef": { "fieldPath": format!("metadata.annotations['{PREFIX}injection']") } }] } },
            ],
        },
    })
}

fn sidecar(injection: &Injection, volumes: &[Volume<'_>], private: &[(String, PathBuf)], policy: &Policy) -> Value {
    let config = format!("{IDENTITY_PATH}/injection.yaml");
    let ours = volumes.iter().map(|volume| json!({ "name": volume.name, "mountPath": volume.path.to_string_lossy() }));
    let identity = json!({ "name": IDENTITY, "mountPath": IDENTITY_PATH, "readOnly": true });
    let kept = private.iter().map(|(name, path)| json!({ "name": name, "mountPath": path.to_string_lossy() }));
    let mounts: Vec<Value> = ours.chain(kept).chain([identity]).collect();
    json!({
        "name": AGENT,
        "image": policy.image,
        "command": ["/oakum-agent", "run", "--config", config],
        "restartPolicy": "Always",
        "startupProbe": {
            // A probe over HTTP comes from outside the pod, and health is served on loopback only.
            "exec": { "command": ["/oakum-agent", "check", "--published", "--config", config] },
            "periodSeconds": 1,
            "timeoutSeconds": 5,
            "failureThreshold": 300,
        },
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": NOBODY,
            "runAsGroup": reading_group(injection),
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        "resources": { "requests": { "cpu": "5m", "memory": "16Mi" }, "limits": { "memory": "64Mi" } },
        "volumeMounts": mounts,
    })
}

/// Says what will not work in the sidecar, whose file system holds nothing but its program and its volumes.
fn warnings(injection: &Injection) -> Vec<String> {
    let mut warnings = Vec::new();
    for (name, secret) in &injection.secrets {
        if let Manner::InFile(path) = &secret.manner {
            warnings.push(format!(
                "the secret `{name}` reads its wrapping token from {}, which the agent's container does not have",
                path.display()
            ));
        }
    }
    for (name, store) in &injection.stores {
        let mut lacks = |what: &str, path: &Path| {
            if !path.starts_with(IDENTITY_PATH) {
                warnings.push(format!(
                    "the store `{name}` reads {what} from {}, which the agent's container does not have",
                    path.display()
                ));
            }
        };
        match store {
            Store::Vault(vault) => {
                if let Some(ca) = &vault.ca {
                    lacks("its CA", ca);
                }
                for file in vault.client.iter().flat_map(|client| [&client.cert, &client.key]) {
                    lacks("its client certificate", file);
                }
                match &vault.auth {
                    VaultAuth::Kubernetes { token, .. } if token.as_os_str() != DEFAULT_TOKEN => {
                        lacks("its token", token);
                    }
                    VaultAuth::AppRole { secret_id, .. } => lacks("its secret id", secret_id),
                    VaultAuth::Aws { credentials, .. } => {
                        if let Some((what, path)) = file_of(credentials) {
                            lacks(what, path);
                        }
                    }
                    VaultAuth::Jwt { token: path, .. } | VaultAuth::TokenFile(path) => lacks("its token", path),
                    _ => {}
                }
            }
            Store::File(file) => lacks("secrets", &file.path),
            Store::Aws(aws) => {
                if let Some(ca) = &aws.ca {
                    lacks("its CA", ca);
                }
                if let Some((what, path)) = file_of(&aws.credentials) {
                    lacks(what, path);
                }
            }
            Store::Kubernetes(kubernetes) => {
                // What a service account brings along is mounted into every container.
                for (what, path, own) in
                    [("its CA", &kubernetes.ca, KUBERNETES_CA), ("its token", &kubernetes.token, KUBERNETES_TOKEN)]
                {
                    if path.as_os_str() != own {
                        lacks(what, path);
                    }
                }
            }
            _ => {}
        }
    }
    warnings
}

/// The file that credentials for AWS come from, if it is one.
fn file_of(credentials: &AwsCredentials) -> Option<(&'static str, &Path)> {
    match credentials {
        AwsCredentials::File { path, .. } => Some(("its credentials", path)),
        AwsCredentials::WebIdentity { token, .. } => Some(("its token", token)),
        _ => None,
    }
}

fn annotation_error(key: &str, what: impl Into<String>, hint: Option<&str>) -> ConfigError {
    ConfigError {
        source_name: format!("annotation {PREFIX}{key}"),
        line: None,
        what: what.into(),
        hint: hint.map(str::to_owned),
    }
}

fn pod_error(what: impl Into<String>, hint: Option<&str>) -> ConfigError {
    ConfigError { source_name: "pod".to_owned(), line: None, what: what.into(), hint: hint.map(str::to_owned) }
}

#[cfg(test)]
#[path = "review_tests.rs"]
mod tests;
