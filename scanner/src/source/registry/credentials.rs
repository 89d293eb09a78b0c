//! Who one is to a registry, as Docker, Podman and Skopeo keep it. Values are wiped when they are dropped, and are in no
//! message.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::mirrors::{Endpoint, Source as By};

/// The largest file of credentials that is read, in bytes.
const MOST: u64 = 1 << 20;
/// How long a helper may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// What Docker calls its own registry in its file.
const DOCKER_KEY: &str = "https://index.docker.io/v1/";

/// What is shown to a registry.
#[derive(Clone)]
pub(super) enum Credential {
    /// A user and a password.
    Basic {
        /// The user's name.
        user: String,
        /// The password.
        password: Zeroizing<String>,
    },
    /// A token that is exchanged for others.
    Identity(Zeroizing<String>),
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential(..)")
    }
}

#[derive(Deserialize, Default)]
struct File {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default, rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(default, rename = "credsStore")]
    store: Option<String>,
}

#[derive(Deserialize, Default)]
struct Entry {
    #[serde(default)]
    auth: Option<Zeroizing<String>>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<Zeroizing<String>>,
    #[serde(default, rename = "identitytoken")]
    identity: Option<Zeroizing<String>>,
}

/// What a helper prints.
#[derive(Deserialize)]
struct Helped {
    #[serde(rename = "Username")]
    user: String,
    #[serde(rename = "Secret")]
    secret: Zeroizing<String>,
}

/// What there is for a registry: of the environment, if it is one that the user named, or else of the first file that
/// has some.
pub(super) fn of(at: &Endpoint) -> Option<Credential> {
    let variable = |key| std::env::var(key).ok().filter(|value| !value.is_empty());
    if let (Some(user), Some(password)) = (variable("OAKUM_REGISTRY_USER"), variable("OAKUM_REGISTRY_PASSWORD"))
        && at.by == By::User
    {
        return Some(Credential::Basic { user, password: password.into() });
    }
    files().iter().find_map(|path| of_file(path, &at.host, &at.repository))
}

/// Where credentials are kept, the first first.
fn files() -> Vec<PathBuf> {
    let folder = |key: &str, rest: &str| std::env::var_os(key).map(|folder| Path::new(&folder).join(rest));
    [
        std::env::var_os("REGISTRY_AUTH_FILE").map(PathBuf::from),
        folder("DOCKER_CONFIG", "config.json"),
        folder("XDG_RUNTIME_DIR", "containers/auth.json"),
        folder("XDG_CONFIG_HOME", "containers/auth.json").or_else(|| folder("HOME", ".config/containers/auth.json")),
        folder("HOME", ".docker/config.json"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn of_file(path: &Path, host: &str, repository: &str) -> Option<Credential> {
    let size = std::fs::metadata(path).ok()?.len();
    let text = Zeroizing::new(std::fs::read(path).ok().filter(|_| size <= MOST)?);
    let file: File = serde_json::from_slice(&text).ok()?;
    if let Some(helper) = file.helpers.get(host) {
        return helped(helper, host);
    }
    // Podman keeps them by repository too: the longest that fits.
    let full = format!("{host}/{repository}");
    let mut keys: Vec<String> = full.match_indices('/').map(|(at, _)| full[..at].to_owned()).collect();
    keys.push(full);
    keys.reverse();
    if host == "docker.io" {
        keys.push(DOCKER_KEY.into());
    }
    keys.extend([format!("https://{host}"), format!("https://{host}/v1/"), format!("https://{host}/v2/")]);
    let entry = keys.iter().find_map(|key| file.auths.get(key));
    entry.and_then(of_entry).or_else(|| {
        let server = if host == "docker.io" { DOCKER_KEY } else { host };
        helped(file.store.as_deref()?, server)
    })
}

fn of_entry(entry: &Entry) -> Option<Credential> {
    if let Some(token) = entry.identity.as_ref().filter(|token| !token.is_empty()) {
        return Some(Credential::Identity(token.clone()));
    }
    if let (Some(user), Some(password)) = (&entry.username, &entry.password) {
        return Some(Credential::Basic { user: user.clone(), password: password.clone() });
    }
    let decoded = Zeroizing::new(STANDARD.decode(entry.auth.as_ref()?.trim()).ok()?);
    let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(Credential::Basic {
        user: user.to_owned(),
        password: Zeroizing::new(password.trim_end_matches('\0').to_owned()),
    })
}

/// Asks `docker-credential-HELPER` for what it keeps for a server. No shell has a part in it.
fn helped(helper: &str, server: &str) -> Option<Credential> {
    if !helper.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        return None;
    }
    let mut child = Command::new(format!("docker-credential-{helper}"))
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(server.as_bytes()).ok()?;
    let began = Instant::now();
    while child.try_wait().ok()?.is_none() {
        if began.elapsed() > PATIENCE {
            // It may be gone already.
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut text = Zeroizing::new(Vec::new());
    std::io::Read::read_to_end(&mut std::io::Read::take(child.stdout.take()?, MOST), &mut text).ok()?;
    let helped: Helped = serde_json::from_slice(&text).ok()?;
    Some(match helped.user.as_str() {
        "<token>" => Credential::Identity(helped.secret),
        _ => Credential::Basic { user: helped.user, password: helped.secret },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, name: &str) -> Option<(String, String)> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let name: super::super::name::Name = name.parse().unwrap();
        match of_file(file.path(), name.host(), name.repository())? {
            Credential::Basic { user, password } => Some((user, password.to_string())),
            Credential::Identity(token) => Some(("<token>".into(), token.to_string())),
        }
    }

    #[test]
    fn files_of_docker_and_podman_are_read() {
        let auth = |pair: &str| format!(r#"{{"auth": "{}"}}"#, STANDARD.encode(pair));
        let text = format!(
            r#"{{"auths": {{"example.com": {}, "example.com/team": {}, "https://index.docker.io/v1/": {},
            "token.example.com": {{"auth": "", "identitytoken": "abc"}}}}}}"#,
            auth("a:1"),
            auth("b:2:3"),
            auth("c:4")
        );
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(found(&text, "example.com/web"), pair("a", "1"));
        assert_eq!(found(&text, "example.com/team/web"), pair("b", "2:3"));
        assert_eq!(found(&text, "alpine"), pair("c", "4"));
        assert_eq!(found(&text, "token.example.com/web"), pair("<token>", "abc"));
        assert_eq!(found(&text, "other.example.com/web"), None);
        assert_eq!(found("{", "example.com/web"), None);
        // A name that would lead elsewhere is none.
        assert!(helped("../../bin/sh", "example.com").is_none());
    }
}
