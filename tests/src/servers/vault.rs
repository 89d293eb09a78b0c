//! HashiCorp Vault in its development mode: in memory, unsealed, KV version 2 at `secret/`; with TLS if asked for.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::{Answer, Request, ask};
use super::{Process, free_port, program};
use crate::planted::Planted;

/// A running Vault.
#[derive(Debug)]
pub struct Vault {
    process: Process,
    address: String,
    root: String,
    folder: TempDir,
    tls: bool,
}

/// What an app logs in with.
#[derive(Debug)]
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
        Self::launch(false)
    }

    /// Starts one that speaks TLS, by an authority of its own.
    ///
    /// # Errors
    /// When there is none, or it does not come up.
    pub fn start_tls() -> anyhow::Result<Self> {
        Self::launch(true)
    }

    fn launch(tls: bool) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let root = Planted::password().text().replace(['!', '+', '/'], "x");
        let mut command = Command::new(program("OAKUM_VAULT")?);
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
        let mut vault = Self { process, address: format!("{scheme}://127.0.0.1:{port}"), root, folder, tls };
        let ca = vault.ca();
        let url = format!("{}/v1/secret/config", vault.address);
        let headers = vec![format!("X-Vault-Token: {}", vault.root)];
        // Not only up: the KV mount is there a moment later.
        vault.process.wait(|| {
            let request =
                Request { method: "GET", url: url.clone(), headers: headers.clone(), body: None, ca: ca.as_deref() };
            ask(&request).status == 200
        })?;
        Ok(vault)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The authority of its certificate.
    #[must_use]
    pub fn ca(&self) -> Option<PathBuf> {
        self.tls.then(|| self.folder.path().join("vault-ca.pem"))
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

    /// Asks with a token.
    #[must_use]
    pub fn ask_as(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let headers = vec![format!("X-Vault-Token: {token}")];
        let ca = self.ca();
        ask(&Request { method, url: format!("{}/v1/{path}", self.address), headers, body, ca: ca.as_deref() })
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

    /// Writes a secret of KV version 2 at `secret/`.
    pub fn put(&self, path: &str, fields: &Value) {
        self.call("POST", &format!("secret/data/{path}"), Some(json!({ "data": fields })));
    }

    /// Mounts KV version 1 at `old/`, and writes a secret there.
    pub fn put_old(&self, path: &str, fields: Value) {
        if self.ask_as(&self.root, "GET", "sys/mounts/old", None).status != 200 {
            self.call("POST", "sys/mounts/old", Some(json!({ "type": "kv", "options": { "version": "1" } })));
        }
        self.call("POST", &format!("old/{path}"), Some(fields));
    }

    /// An AppRole that may read what `policy` says.
    ///
    /// # Panics
    /// If Vault refuses.
    pub fn approle(&self, name: &str, policy: &str) -> AppRole {
        if self.ask_as(&self.root, "GET", "sys/auth/approle", None).status != 200 {
            self.call("POST", "sys/auth/approle", Some(json!({ "type": "approle" })));
        }
        self.call("PUT", &format!("sys/policies/acl/{name}"), Some(json!({ "policy": policy })));
        let role = format!("auth/approle/role/{name}");
        self.call("POST", &role, Some(json!({ "token_policies": name, "token_ttl": "10m" })));
        let text = |value: &Value| value.as_str().expect("Vault gives a text").to_owned();
        let role_id = text(&self.call("GET", &format!("{role}/role-id"), None)["data"]["role_id"]);
        let secret_id = text(&self.call("POST", &format!("{role}/secret-id"), Some(json!({})))["data"]["secret_id"]);
        AppRole { role_id, secret_id }
    }

    /// How many tokens are alive, the root's too.
    ///
    /// # Panics
    /// If Vault refuses.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.call("LIST", "auth/token/accessors", None)["data"]["keys"].as_array().map_or(0, Vec::len)
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
    pub fn unseal(&self) -> anyhow::Result<()> {
        let log = self.process.log();
        let key = log.lines().find_map(|line| line.strip_prefix("Unseal Key: ")).context("no unseal key in the log")?;
        self.call("PUT", "sys/unseal", Some(json!({ "key": key.trim() })));
        Ok(())
    }

    /// Ends it.
    pub fn stop(&mut self) {
        self.process.stop();
    }
}
