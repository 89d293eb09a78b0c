//! etcd and a real kube-apiserver: TLS, RBAC, Pod Security, tokens of service accounts. No kubelet: pods are accepted
//! and never run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::{Answer, Request, ask};
use super::{Authority, Process, free_port, program};
use crate::planted::Planted;
use crate::programs::{Ran, finish, tool};

/// A running cluster without nodes.
#[derive(Debug)]
pub struct Kubernetes {
    server: Process,
    command: Command,
    etcd: Process,
    folder: TempDir,
    authority: Authority,
    port: u16,
    store: String,
    token: String,
}

/// Which requests the server writes down: watches in namespaces that tests use.
const AUDIT: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
rules: [{ level: Metadata, verbs: [watch], namespaces: [shop], omitStages: [ResponseStarted, ResponseComplete] }]
";

impl Kubernetes {
    /// Starts both, and waits until the API server is ready.
    ///
    /// # Errors
    /// When one is not there, or does not come up.
    ///
    /// # Panics
    /// If keys cannot be made.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(&[])
    }

    /// The same with more flags for the API server.
    ///
    /// # Errors
    /// As `start`.
    ///
    /// # Panics
    /// As `start`.
    pub fn start_with(flags: &[&str]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let here = folder.path();
        let (client, peer, port) = (free_port()?, free_port()?, free_port()?);
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let mut command = Command::new(program("OAKUM_ETCD")?);
        command.arg("--data-dir").arg(here.join("etcd")).args(["--log-level", "warn", "--unsafe-no-fsync"]);
        command.args(["--listen-client-urls", &url(client), "--advertise-client-urls", &url(client)]);
        command.args(["--listen-peer-urls", &url(peer), "--initial-advertise-peer-urls", &url(peer)]);
        command.args(["--initial-cluster", &format!("default={}", url(peer))]);
        let mut etcd = Process::start("etcd", &mut command, here)?;
        etcd.wait(|| {
            ask(&Request { method: "GET", url: url(client) + "/health", headers: Vec::new(), body: None, ca: None })
                .status
                == 200
        })?;

        let authority = Authority::new(here)?;
        let (certificate, key) = authority.leaf("apiserver", "/CN=localhost")?;
        tool(Command::new("openssl").current_dir(here).args(["genrsa", "-out", "accounts.key", "2048"]));
        tool(Command::new("openssl").current_dir(here).args([
            "rsa",
            "-in",
            "accounts.key",
            "-pubout",
            "-out",
            "accounts.pub",
        ]));
        let token = Planted::password().text().replace(['!', '+', '/'], "x");
        fs::write(here.join("tokens.csv"), format!("{token},admin,1,system:masters\n"))?;
        let mut command = Command::new(program("OAKUM_KUBE_APISERVER")?);
        command.args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", &format!("--secure-port={port}")]);
        command.args([&format!("--etcd-servers={}", url(client)), "--service-cluster-ip-range=10.0.0.0/24"]);
        command.args(["--authorization-mode=RBAC", "--service-account-issuer=https://kubernetes.default.svc"]);
        command.args(flags);
        fs::write(here.join("audit.yaml"), AUDIT)?;
        for (flag, file) in [
            ("audit-policy-file", here.join("audit.yaml")),
            ("audit-log-path", here.join("audit.log")),
            ("token-auth-file", here.join("tokens.csv")),
            ("tls-cert-file", certificate),
            ("tls-private-key-file", key),
            ("service-account-signing-key-file", here.join("accounts.key")),
            ("service-account-key-file", here.join("accounts.pub")),
            ("cert-dir", here.join("certificates")),
        ] {
            command.arg(format!("--{flag}={}", file.display()));
        }
        let server = Process::start("kube-apiserver", &mut command, here)?;
        let mut own = Self { server, command, etcd, folder, authority, port, store: url(client), token };
        own.wait()?;
        Ok(own)
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        let (ready, ca) = (format!("{}/readyz", self.address()), self.authority.certificate());
        let headers = vec![format!("Authorization: Bearer {}", self.token)];
        self.server.wait(|| {
            let request =
                Request { method: "GET", url: ready.clone(), headers: headers.clone(), body: None, ca: Some(&ca) };
            ask(&request).status == 200
        })
    }

    /// Ends the API server and starts it anew, on the same port and with the same objects.
    ///
    /// # Errors
    /// When it does not come up again.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.server.stop();
        self.server = Process::start("kube-apiserver", &mut self.command, self.folder.path())?;
        self.wait()
    }

    /// Makes etcd forget all versions but the last, by its own gateway: a watch that would go on from an older one is
    /// refused with 410.
    ///
    /// # Panics
    /// If etcd does not.
    pub fn forget(&self) {
        let call = |path: &str, body: Value| {
            let url = format!("{}{path}", self.store);
            let answer = ask(&Request { method: "POST", url, headers: Vec::new(), body: Some(body), ca: None });
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
            answer.json()
        };
        let any = call("/v3/kv/range", json!({ "key": "Lw==" }));
        let revision = &any["header"]["revision"];
        call("/v3/kv/compaction", json!({ "revision": revision, "physical": true }));
    }

    /// The paths and queries of the watches in `shop` so far, in their order, from the server's own audit log.
    #[must_use]
    pub fn watches(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.path().join("audit.log")).unwrap_or_default();
        // The last line may be half written.
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter_map(|event| Some(event["requestURI"].as_str()?.to_owned())).collect()
    }

    /// Where the API server listens.
    #[must_use]
    pub fn address(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The authority of its certificate.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.authority.certificate()
    }

    /// The token of the administrator.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Asks with a token.
    #[must_use]
    pub fn ask_as(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let headers = vec![format!("Authorization: Bearer {token}")];
        ask(&Request { method, url: format!("{}{path}", self.address()), headers, body, ca: Some(&self.ca()) })
    }

    /// Does something as administrator that must succeed.
    ///
    /// # Panics
    /// If it does not, with what the server says.
    pub fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let answer = self.ask_as(&self.token, method, path, body);
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        answer.json()
    }

    /// Runs `kubectl` as administrator.
    #[must_use]
    pub fn kubectl(&self, args: &[&str], file: Option<&Path>) -> Ran {
        let mut command = Command::new("kubectl");
        command.args(["--server", &self.address(), "--token", &self.token, "--certificate-authority"]).arg(self.ca());
        command.args(args).env("HOME", self.folder.path()).env_remove("KUBECONFIG");
        if let Some(file) = file {
            command.arg("-f").arg(file);
        }
        finish(&mut command, b"")
    }

    /// The ports of both.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends both.
    pub fn stop(&mut self) {
        self.server.stop();
        self.etcd.stop();
    }
}
