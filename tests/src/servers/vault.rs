//! HashiCorp Vault, or OpenBao where `OAKUM_VAULT_IS=openbao` (tests/run has each suite of the agent once with both), in its
//! development mode: in memory, unsealed, KV version 2 at `secret/`; with TLS if asked for. Or with a storage on disk,
//! which outlives its process.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::{Answer, Request, ask};
use super::{Authority, Process, free_port, program};
use crate::planted::Planted;
use crate::programs::finish;

/// Whose server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brand {
    /// HashiCorp's.
    Vault,
    /// The one that was made of its last free version. It has namespaces, and no login by AWS.
    OpenBao,
}

impl Brand {
    /// The one that this run is about.
    #[must_use]
    pub fn tested() -> Self {
        match std::env::var("OAKUM_VAULT_IS").as_deref() {
            Ok("openbao") => Self::OpenBao,
            _ => Self::Vault,
        }
    }

    fn program(self) -> anyhow::Result<PathBuf> {
        program(match self {
            Self::Vault => "OAKUM_VAULT",
            Self::OpenBao => "OAKUM_BAO",
        })
    }
}

/// A running Vault.
#[derive(Debug)]
pub struct Vault {
    brand: Brand,
    process: Process,
    address: String,
    root: String,
    /// The namespace that calls are made in.
    namespace: Option<String>,
    folder: TempDir,
    /// The authority of its certificate.
    ca: Option<PathBuf>,
    /// Where there is a storage: what it is unsealed with.
    unseal_key: Option<String>,
    /// Where there is a storage: who its certificate is by, and where that and the key are.
    identity: Option<Identity>,
}

#[derive(Debug)]
struct Identity {
    authority: Authority,
    certificate: PathBuf,
    key: PathBuf,
}

/// What an app logs in with.
#[derive(Debug, Clone)]
pub struct AppRole {
    /// The role's id.
    pub role_id: String,
    /// Its secret.
    pub secret_id: String,
}

impl Vault {
    /// Starts one, and waits until it answers.
    ///
    /// # Errors
    /// When there is none, or it does not come up.
    pub fn start() -> anyhow::Result<Self> {
        Self::launch(Brand::tested(), false)
    }

    /// Starts HashiCorp's whatever the run is about, for what OpenBao does not have.
    ///
    /// # Errors
    /// When there is none, or it does not come up.
    pub fn start_of_hashicorp() -> anyhow::Result<Self> {
        Self::launch(Brand::Vault, false)
    }

    /// Starts one that speaks TLS, by an authority of its own.
    ///
    /// # Errors
    /// When there is none, or it does not come up.
    pub fn start_tls() -> anyhow::Result<Self> {
        Self::launch(Brand::tested(), true)
    }

    fn launch(brand: Brand, tls: bool) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let root = Planted::password().text().replace(['!', '+', '/'], "x");
        let mut command = Command::new(brand.program()?);
        command
            .args(["server", "-dev-no-store-token", &format!("-dev-root-token-id={root}")])
            .arg(format!("-dev-listen-address=127.0.0.1:{port}"))
            .arg(if tls { "-dev-tls" } else { "-dev" })
            .env_clear()
            .env("HOME", folder.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        if tls {
            command.arg(format!("-dev-tls-cert-dir={}", folder.path().display()));
        }
        let process = Process::start("vault", &mut command, folder.path())?;
        let scheme = if tls { "https" } else { "http" };
        let ca = tls.then(|| folder.path().join("vault-ca.pem"));
        let mut vault = Self {
            brand,
            process,
            address: format!("{scheme}://127.0.0.1:{port}"),
            root,
            namespace: None,
            folder,
            ca,
            unseal_key: None,
            identity: None,
        };
        // Not only up: the KV mount is there a moment later.
        vault.wait("GET", "secret/config", None)?;
        Ok(vault)
    }

    /// Starts one with TLS and a storage on disk, initialised and unsealed: after [`Vault::stop`] it can be started again.
    ///
    /// # Errors
    /// When there is none, or it does not come up.
    ///
    /// # Panics
    /// If it does not let itself be initialised.
    pub fn start_stored() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let authority = Authority::new(folder.path())?;
        let (certificate, key) = authority.leaf("vault", "/CN=vault.example.com")?;
        let (brand, cluster) = (Brand::tested(), free_port()?);
        let storage = folder.path().join("storage");
        fs::create_dir(&storage)?;
        let mut config = json!({
            "storage": { "file": { "path": storage } },
            "listener": { "tcp": {
                "address": format!("127.0.0.1:{port}"), "tls_cert_file": certificate, "tls_key_file": key,
                "cluster_address": format!("127.0.0.1:{cluster}"),
            } },
            "api_addr": format!("https://127.0.0.1:{port}"),
            "cluster_addr": format!("https://127.0.0.1:{cluster}"),
        });
        match brand {
            Brand::Vault => config["disable_mlock"] = json!(true),
            // It has no storage in files.
            Brand::OpenBao => config["storage"] = json!({ "raft": { "path": storage, "node_id": "one" } }),
        }
        fs::write(folder.path().join("vault.json"), config.to_string())?;
        let process = Self::serve(brand, folder.path())?;
        let (address, ca) = (format!("https://127.0.0.1:{port}"), Some(authority.certificate()));
        let identity = Some(Identity { authority, certificate, key });
        let mut vault = Self {
            brand,
            process,
            address,
            root: String::new(),
            namespace: None,
            folder,
            ca,
            unseal_key: None,
            identity,
        };
        vault.wait("GET", "sys/seal-status", None)?;
        let init = vault.call("PUT", "sys/init", Some(json!({ "secret_shares": 1, "secret_threshold": 1 })));
        let text = |value: &Value| value.as_str().expect("Vault gives a text").to_owned();
        vault.root = text(&init["root_token"]);
        vault.unseal_key = Some(text(&init["keys"][0]));
        vault.unseal()?;
        vault.call("POST", "sys/mounts/secret", Some(json!({ "type": "kv", "options": { "version": "2" } })));
        // Version 2 prepares itself in the background after it was mounted.
        vault.wait("POST", "secret/data/probe", Some(&json!({ "data": { "a": "b" } })))?;
        Ok(vault)
    }

    fn serve(brand: Brand, folder: &Path) -> anyhow::Result<Process> {
        let mut command = Command::new(brand.program()?);
        command.arg("server").arg("-config").arg(folder.join("vault.json")).env_clear().env("HOME", folder);
        Process::start("vault", &mut command, folder)
    }

    /// Starts one with a storage again, and unseals it.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.process = Self::serve(self.brand, self.folder.path())?;
        self.wait("GET", "sys/seal-status", None)?;
        self.unseal()
    }

    fn wait(&mut self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<()> {
        let url = format!("{}/v1/{path}", self.address);
        let headers = self.headers(&self.root);
        let ca = self.ca.clone();
        self.process.wait(|| {
            let body = body.cloned();
            ask(&Request { method, url: url.clone(), headers: headers.clone(), body, ca: ca.as_deref() }).status == 200
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The authority of its certificate.
    #[must_use]
    pub fn ca(&self) -> Option<PathBuf> {
        self.ca.clone()
    }

    /// The token that may do everything.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// A folder that goes away with it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn headers(&self, token: &str) -> Vec<String> {
        let namespace = self.namespace.iter().map(|name| format!("X-Vault-Namespace: {name}"));
        std::iter::once(format!("X-Vault-Token: {token}")).chain(namespace).collect()
    }

    /// Asks with a token.
    #[must_use]
    pub fn ask_as(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let (headers, ca) = (self.headers(token), self.ca());
        ask(&Request { method, url: format!("{}/v1/{path}", self.address), headers, body, ca: ca.as_deref() })
    }

    /// Makes a namespace, where the server has such, and makes all calls from now on in it, with KV version 2 at `secret/`.
    ///
    /// # Panics
    /// If it does not succeed.
    pub fn enter(&mut self, namespace: &str) {
        if self.brand == Brand::OpenBao {
            self.call("PUT", &format!("sys/namespaces/{namespace}"), None);
            self.namespace = Some(namespace.to_owned());
            self.call("POST", "sys/mounts/secret", Some(json!({ "type": "kv", "options": { "version": "2" } })));
            self.wait("GET", "secret/config", None).expect("it comes up");
        }
    }

    /// Does something as root that must succeed.
    ///
    /// # Panics
    /// If it does not, with what Vault says.
    pub fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let answer = self.ask_as(&self.root, method, path, body);
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        answer.json()
    }

    /// Does something as root, and gives the token that its answer is wrapped in.
    ///
    /// # Panics
    /// If it does not succeed, with what Vault says.
    #[must_use]
    pub fn wrapped(&self, method: &str, path: &str) -> String {
        let mut headers = self.headers(&self.root);
        headers.push("X-Vault-Wrap-TTL: 10m".to_owned());
        let (url, ca) = (format!("{}/v1/{path}", self.address), self.ca());
        let answer = ask(&Request { method, url, headers, body: None, ca: ca.as_deref() });
        answer.json()["wrap_info"]["token"].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned()
    }

    /// Writes to a path as root.
    ///
    /// # Panics
    /// If it does not succeed.
    pub fn write(&self, path: &str, body: &Value) -> Value {
        self.call("POST", path, Some(body.clone()))
    }

    /// Writes a secret of KV version 2 at `secret/`.
    pub fn put(&self, path: &str, fields: &Value) {
        self.call("POST", &format!("secret/data/{path}"), Some(json!({ "data": fields })));
    }

    /// Mounts KV version 1 at `old/`, and writes a secret there.
    pub fn put_old(&self, path: &str, fields: &Value) {
        if self.ask_as(&self.root, "GET", "sys/mounts/old", None).status != 200 {
            self.call("POST", "sys/mounts/old", Some(json!({ "type": "kv", "options": { "version": "1" } })));
        }
        self.write(&format!("old/{path}"), fields);
    }

    /// Writes a policy.
    pub fn policy(&self, name: &str, policy: &str) {
        self.write(&format!("sys/policies/acl/{name}"), &json!({ "policy": policy }));
    }

    /// An AppRole that may read what `policy` says, with more settings of the role.
    ///
    /// # Panics
    /// If Vault refuses.
    #[must_use]
    pub fn approle(&self, name: &str, policy: &str, settings: &Value) -> AppRole {
        if self.ask_as(&self.root, "GET", "sys/auth/approle", None).status != 200 {
            self.write("sys/auth/approle", &json!({ "type": "approle" }));
        }
        self.policy(name, policy);
        let role = format!("auth/approle/role/{name}");
        let mut body = settings.clone();
        body["token_policies"] = json!(name);
        self.write(&role, &body);
        let text = |value: &Value| value.as_str().expect("Vault gives a text").to_owned();
        let role_id = text(&self.call("GET", &format!("{role}/role-id"), None)["data"]["role_id"]);
        let secret_id = text(&self.write(&format!("{role}/secret-id"), &json!({}))["data"]["secret_id"]);
        AppRole { role_id, secret_id }
    }

    /// A token that may read what `policy` says.
    ///
    /// # Panics
    /// If Vault refuses.
    #[must_use]
    pub fn token(&self, name: &str, policy: &str) -> String {
        self.policy(name, policy);
        let made = self.write("auth/token/create", &json!({ "policies": [name], "ttl": "1h" }));
        made["auth"]["client_token"].as_str().expect("Vault gives a text").to_owned()
    }

    /// What Vault knows of a token; none if it does not know it.
    #[must_use]
    pub fn lookup(&self, token: &str) -> Option<Value> {
        let answer = self.ask_as(&self.root, "POST", "auth/token/lookup", Some(json!({ "token": token })));
        (answer.status == 200).then(|| answer.json()["data"].take())
    }

    /// The accessors of all tokens that logins gave out and that still hold: the root's is none of them.
    ///
    /// # Panics
    /// If Vault refuses.
    #[must_use]
    pub fn sessions(&self) -> BTreeSet<String> {
        let all = self.call("LIST", "auth/token/accessors", None)["data"]["keys"].take();
        let all: BTreeSet<String> = serde_json::from_value(all).expect("Vault gives a list");
        let is_login = |accessor: &String| {
            let asked = Some(json!({ "accessor": accessor }));
            let known = self.ask_as(&self.root, "POST", "auth/token/lookup-accessor", asked).json();
            known["data"]["path"].as_str().is_some_and(|path| path.ends_with("/login"))
        };
        all.into_iter().filter(is_login).collect()
    }

    /// Takes a token away by its accessor, as an operator would.
    pub fn revoke(&self, accessor: &str) {
        self.write("auth/token/revoke-accessor", &json!({ "accessor": accessor }));
    }

    /// The authority that it has its certificate of, where it has a storage.
    ///
    /// # Panics
    /// If it has none.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.identity.as_ref().expect("it was started with a storage").authority
    }

    /// Takes another certificate and its key, as after a renewal, and waits until it does.
    ///
    /// # Panics
    /// If it was started without a storage, or is gone.
    pub fn present(&self, certificate: &Path, key: &Path) {
        let own = self.identity.as_ref().expect("it was started with a storage");
        for (from, to) in [(certificate, &own.certificate), (key, &own.key)] {
            fs::copy(from, to).expect("the folder is ours");
        }
        crate::process::Process(self.process.id()).signal("HUP");
        let pem = fs::read_to_string(certificate).expect("a certificate is text");
        // The first lines may be those of any certificate; a signature is not.
        let last = pem.lines().rev().nth(2).expect("a certificate has lines");
        let host = self.address.trim_start_matches("https://");
        let shown = || finish(Command::new("openssl").args(["s_client", "-connect", host]), b"").out.contains(last);
        let began = Instant::now();
        while !shown() {
            assert!(began.elapsed() < Duration::from_secs(20), "Vault does not take {}", certificate.display());
        }
    }

    /// Seals it.
    pub fn seal(&self) {
        self.call("PUT", "sys/seal", None);
    }

    /// Unseals it.
    ///
    /// # Errors
    /// When it did not say its key.
    ///
    /// # Panics
    /// If Vault refuses.
    pub fn unseal(&mut self) -> anyhow::Result<()> {
        let log = self.process.log();
        let said = || log.lines().find_map(|line| line.strip_prefix("Unseal Key: ")).map(str::to_owned);
        let key = self.unseal_key.clone().or_else(said).context("no unseal key in the log")?;
        self.call("PUT", "sys/unseal", Some(json!({ "key": key.trim() })));
        // Unsealed is not yet active.
        self.wait("GET", "sys/health", None)
    }

    /// Ends it.
    pub fn stop(&mut self) {
        self.process.stop();
    }
}
