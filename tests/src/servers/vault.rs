//! A real HashiCorp Vault on loopback, for as long as a test needs it.
//!
//! Tests speak to it over its HTTP API, on a plain port of its own. The kind with a storage has a TLS port beside it, by
//! an authority made for the test, and that is where the agent is sent.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::planted::Planted;
use crate::programs::tool;

/// How long a start may take: the program is large, and other tests run beside this one.
const START: Duration = Duration::from_secs(60);

/// A running Vault. It ends with the test.
#[derive(Debug)]
pub struct Vault {
    child: Option<Child>,
    folder: TempDir,
    port: u16,
    tls_port: Option<u16>,
    root: String,
    unseal_key: String,
}

/// What Vault answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body; null if there was none.
    pub body: Value,
}

/// A role of `auth/approle`, with one secret id.
#[derive(Debug, Clone)]
pub struct AppRole {
    /// The role's id.
    pub role_id: String,
    /// The secret id.
    pub secret_id: String,
}

/// The program, as `tests/run` has built it.
///
/// # Panics
/// If `OAKUM_VAULT` does not name it.
#[must_use]
pub fn program() -> PathBuf {
    let path = std::env::var_os("OAKUM_VAULT")
        .map(PathBuf::from)
        .expect("OAKUM_VAULT does not name a Vault: run tests/run, which builds one and sets it");
    assert!(path.is_file(), "OAKUM_VAULT names {}, which is not there: run tests/run", path.display());
    path
}

/// A port that was free a moment ago.
///
/// # Panics
/// If the machine has none.
#[must_use]
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port is free").port()
}

impl Vault {
    /// One that keeps everything in memory, is unsealed from the start, and has KV version 2 at `secret/` and version 1
    /// at `kv/`.
    ///
    /// # Panics
    /// If it does not start, with the end of its log.
    #[must_use]
    pub fn dev() -> Self {
        let root = Planted::password().text().replace(['!', '+', '/'], "-");
        let mut vault = Self::start(|port, _| {
            let mut command = Command::new(program());
            command
                .args(["server", "-dev", "-dev-no-store-token"])
                .arg(format!("-dev-root-token-id={root}"))
                .arg(format!("-dev-listen-address=127.0.0.1:{port}"));
            command
        });
        vault.root = root;
        vault.until("ready", |vault| vault.reachable() && vault.call("GET", "secret/config", None).status == 200);
        vault.write("sys/mounts/kv", &json!({"type": "kv", "options": {"version": "1"}}));
        vault
    }

    /// One with a storage on disk and a TLS port, initialised and unsealed: it can be sealed, stopped and started again.
    ///
    /// # Panics
    /// If it does not start, with the end of its log.
    #[must_use]
    pub fn stored() -> Self {
        let tls_port = free_port();
        let mut vault = Self::start(|port, folder| {
            certificates(folder);
            let path = |name: &str| folder.join(name).display().to_string();
            let config = json!({
                "storage": {"file": {"path": path("storage")}},
                "listener": [
                    {"tcp": {"address": format!("127.0.0.1:{port}"), "tls_disable": true}},
                    {"tcp": {"address": format!("127.0.0.1:{tls_port}"), "tls_cert_file": path("leaf.crt"), "tls_key_file": path("leaf.key")}},
                ],
                "disable_mlock": true,
                "api_addr": format!("https://127.0.0.1:{tls_port}"),
            });
            fs::write(folder.join("vault.json"), config.to_string()).expect("the folder is ours");
            let mut command = Command::new(program());
            command.arg("server").arg("-config").arg(folder.join("vault.json"));
            command
        });
        vault.tls_port = Some(tls_port);
        vault.until("listening", Self::reachable);
        let init = vault.call("PUT", "sys/init", Some(&json!({"secret_shares": 1, "secret_threshold": 1})));
        assert_eq!(init.status, 200, "cannot initialise: {}", vault.log_tail());
        vault.root = init.body["root_token"].as_str().expect("init gives a token").to_owned();
        vault.unseal_key = init.body["keys"][0].as_str().expect("init gives a key").to_owned();
        vault.unseal();
        vault.write("sys/mounts/secret", &json!({"type": "kv", "options": {"version": "2"}}));
        // Version 2 prepares itself in the background after it was mounted.
        vault.until("able to write", |vault| {
            vault.call("PUT", "secret/data/probe", Some(&json!({"data": {"a": "b"}}))).status == 200
        });
        vault
    }

    fn start(command: impl Fn(u16, &Path) -> Command) -> Self {
        // Another program may take the port between our look and Vault's.
        for _ in 0..3 {
            let folder = tempfile::tempdir().expect("a folder can be made");
            let port = free_port();
            let mut child = run(&mut command(port, folder.path()), folder.path());
            let vault = |child| Self {
                child: Some(child),
                folder,
                port,
                tls_port: None,
                root: String::new(),
                unseal_key: String::new(),
            };
            let began = Instant::now();
            while began.elapsed() < START {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return vault(child);
                }
                if child.try_wait().expect("a child that was started can be waited for").is_some() {
                    break;
                }
                sleep(Duration::from_millis(20));
            }
            let vault = vault(child);
            assert!(vault.log_tail().contains("address already in use"), "Vault does not start:\n{}", vault.log_tail());
        }
        panic!("Vault finds no free port");
    }

    /// Where the agent is sent: the TLS port, where there is one.
    #[must_use]
    pub fn address(&self) -> String {
        match self.tls_port {
            Some(port) => format!("https://127.0.0.1:{port}"),
            None => format!("http://127.0.0.1:{}", self.port),
        }
    }

    /// The authority's certificate for the TLS port.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    fn reachable(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    /// The end of its log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !done(self) {
            assert!(began.elapsed() < START, "Vault is not {what} in time:\n{}", self.log_tail());
            sleep(Duration::from_millis(20));
        }
    }

    /// Makes a call as root.
    ///
    /// # Panics
    /// If nobody answers, with the end of the log.
    #[must_use]
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        self.call_as(&self.root, method, path, body)
    }

    /// Makes a call with a token.
    ///
    /// # Panics
    /// As `call`.
    #[must_use]
    pub fn call_as(&self, token: &str, method: &str, path: &str, body: Option<&Value>) -> Reply {
        self.exchange(token, method, path, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", self.log_tail()))
    }

    /// HTTP/1.0, so that the answer comes in one piece and ends with the connection.
    fn exchange(&self, token: &str, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Reply> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(START))?;
        let body = body.map(Value::to_string).unwrap_or_default();
        let token = if token.is_empty() { String::new() } else { format!("X-Vault-Token: {token}\r\n") };
        write!(
            stream,
            "{method} /v1/{path} HTTP/1.0\r\nHost: 127.0.0.1\r\nX-Vault-Request: true\r\n{token}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| anyhow::anyhow!("no HTTP: {answer}"))?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok(Reply {
            status: status.ok_or_else(|| anyhow::anyhow!("no status: {head}"))?,
            body: serde_json::from_str(body).unwrap_or(Value::Null),
        })
    }

    /// Writes as root.
    ///
    /// # Panics
    /// If Vault does not want it.
    pub fn write(&self, path: &str, body: &Value) -> Value {
        let reply = self.call("POST", path, Some(body));
        assert!(reply.status < 300, "cannot write {path}: {reply:?}\n{}", self.log_tail());
        reply.body
    }

    /// Puts a secret into `secret/`, version 2.
    pub fn put(&self, path: &str, fields: &Value) {
        self.write(&format!("secret/data/{path}"), &json!({"data": fields}));
    }

    /// Makes a policy of lines such as `secret/data/* read`.
    pub fn policy(&self, name: &str, rules: &[&str]) {
        let text: String = rules
            .iter()
            .map(|rule| rule.split_once(' ').expect("a rule is a path and a capability"))
            .map(|(path, capability)| format!("path \"{path}\" {{ capabilities = [\"{capability}\"] }}\n"))
            .collect();
        self.write(&format!("sys/policies/acl/{name}"), &json!({"policy": text}));
    }

    /// Makes a role of `auth/approle` with a policy of these rules.
    ///
    /// # Panics
    /// If Vault does not want it.
    #[must_use]
    pub fn approle(&self, role: &str, rules: &[&str], settings: &Value) -> AppRole {
        if self.call("GET", "auth/approle/role?list=true", None).status == 403
            || self.call("GET", "sys/auth/approle", None).status != 200
        {
            self.write("sys/auth/approle", &json!({"type": "approle"}));
        }
        self.policy(role, rules);
        let mut body = json!({"token_policies": [role]});
        for (key, value) in settings.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        self.write(&format!("auth/approle/role/{role}"), &body);
        let role_id =
            self.call("GET", &format!("auth/approle/role/{role}/role-id"), None).body["data"]["role_id"].take();
        let secret_id =
            self.write(&format!("auth/approle/role/{role}/secret-id"), &json!({}))["data"]["secret_id"].take();
        let text = |value: Value| value.as_str().expect("an id is text").to_owned();
        AppRole { role_id: text(role_id), secret_id: text(secret_id) }
    }

    /// Makes a token with a policy of these rules.
    ///
    /// # Panics
    /// If Vault does not want it.
    #[must_use]
    pub fn token(&self, policy: &str, rules: &[&str]) -> String {
        self.policy(policy, rules);
        let reply = self.write("auth/token/create", &json!({"policies": [policy], "ttl": "1h"}));
        reply["auth"]["client_token"].as_str().expect("a token is text").to_owned()
    }

    /// What Vault knows of a token; none if it does not know it.
    #[must_use]
    pub fn lookup(&self, token: &str) -> Option<Value> {
        let reply = self.call("POST", "auth/token/lookup", Some(&json!({"token": token})));
        (reply.status == 200).then(|| reply.body["data"].clone())
    }

    /// The accessors of all tokens that AppRole logins gave out and that still hold.
    ///
    /// # Panics
    /// If Vault does not tell.
    #[must_use]
    pub fn approle_tokens(&self) -> BTreeSet<String> {
        let all = self.call("LIST", "auth/token/accessors", None).body["data"]["keys"].take();
        let all: BTreeSet<String> = serde_json::from_value(all).expect("accessors are a list");
        let is_approle = |accessor: &String| {
            let reply = self.call("POST", "auth/token/lookup-accessor", Some(&json!({"accessor": accessor})));
            reply.body["data"]["path"] == "auth/approle/login"
        };
        all.into_iter().filter(is_approle).collect()
    }

    /// Takes a token away by its accessor, as an operator would.
    pub fn revoke(&self, accessor: &str) {
        self.write("auth/token/revoke-accessor", &json!({"accessor": accessor}));
    }

    /// Seals it.
    pub fn seal(&self) {
        self.write("sys/seal", &json!({}));
    }

    /// Unseals it, and waits until it serves.
    pub fn unseal(&self) {
        let reply = self.call("PUT", "sys/unseal", Some(&json!({"key": self.unseal_key})));
        assert_eq!(reply.body["sealed"], false, "{reply:?}");
        self.until("active", |vault| vault.call("GET", "sys/health", None).status == 200);
    }

    /// Ends the process. What it stored stays.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts the kind with a storage again, and unseals it.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&mut self) {
        let mut command = Command::new(program());
        command.arg("server").arg("-config").arg(self.folder.path().join("vault.json"));
        self.child = Some(run(&mut command, self.folder.path()));
        self.until("listening", Self::reachable);
        self.unseal();
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(command: &mut Command, folder: &Path) -> Child {
    let log = fs::File::options().create(true).append(true).open(folder.join("log")).expect("the folder is ours");
    let copy = log.try_clone().expect("a file can be opened twice");
    command.env_clear().env("HOME", folder).stdin(Stdio::null()).stdout(log).stderr(copy);
    command.spawn().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"))
}

/// An authority of our own, and a certificate by it for 127.0.0.1 (rustls takes no authority for a server's own).
fn certificates(folder: &Path) {
    let openssl = |args: &str| tool(Command::new("openssl").args(args.split(' ')).current_dir(folder));
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!(
        "req -x509 {key} -keyout ca.key -out ca.crt -days 2 -subj /CN=authority.example.com -addext basicConstraints=critical,CA:TRUE"
    ));
    openssl(&format!("req {key} -keyout leaf.key -out leaf.csr -subj /CN=vault.example.com"));
    fs::write(folder.join("leaf.ext"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        .expect("the folder is ours");
    openssl("x509 -req -in leaf.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile leaf.ext -out leaf.crt");
}
