//! Debian's `docker-registry`, with TLS by an authority of its own and one user with a password.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::http::{Request, ask};
use super::{Authority, Process, free_port, program};
use crate::planted::Planted;
use crate::programs::tool;

/// A running registry.
#[derive(Debug)]
pub struct Registry {
    process: Process,
    folder: TempDir,
    authority: Authority,
    port: u16,
    password: Planted,
    own: Option<(PathBuf, PathBuf)>,
}

/// What a registry wants to be shown before it listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wants {
    Nothing,
    /// A certificate of its authority.
    Certificate,
}

/// The one user.
pub const USER: &str = "tester";

impl Registry {
    /// Starts it, empty, and waits until it answers.
    ///
    /// # Errors
    /// When there is none, or it does not come up.
    ///
    /// # Panics
    /// If certificates or the password file cannot be made.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_as(Wants::Nothing)
    }

    /// The same, for those alone who show a certificate of its authority; there is one in [`Registry::certificates`].
    ///
    /// # Errors
    /// As [`Registry::start`].
    ///
    /// # Panics
    /// As [`Registry::start`].
    pub fn start_mutual() -> anyhow::Result<Self> {
        Self::start_as(Wants::Certificate)
    }

    fn start_as(wants: Wants) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let authority = Authority::new(folder.path())?;
        let (certificate, key) = authority.leaf("registry", "/CN=localhost")?;
        let (port, password) = (free_port()?, Planted::password());
        let users = tool(Command::new("htpasswd").args(["-Bbn", USER, password.text()]));
        fs::write(folder.path().join("users"), users.trim_end())?;
        let path = |name: &str| folder.path().join(name).display().to_string();
        let own = match wants {
            Wants::Nothing => None,
            Wants::Certificate => Some(authority.leaf("client", "/CN=tester")?),
        };
        let known = own.iter().map(|_| authority.certificate()).collect::<Vec<_>>();
        // JSON is YAML too.
        let config = serde_json::json!({
            "version": 0.1,
            "log": { "level": "warn", "accesslog": { "disabled": true } },
            "storage": { "filesystem": { "rootdirectory": path("storage") }, "delete": { "enabled": true } },
            "http": { "addr": format!("127.0.0.1:{port}"), "secret": Planted::password().text(), "tls": { "certificate": certificate, "key": key, "clientcas": known } },
            "auth": { "htpasswd": { "realm": "test", "path": path("users") } },
        });
        fs::write(folder.path().join("config.yml"), config.to_string())?;
        let mut command = Command::new(program("OAKUM_DOCKER_REGISTRY")?);
        let process = Process::start("docker-registry", command.arg("serve").arg(path("config.yml")), folder.path())?;
        let mut own = Self { process, folder, authority, port, password, own };
        let (url, ca) = (format!("https://{}/v2/", own.host()), own.authority.certificate());
        own.process.wait(|| {
            if wants == Wants::Certificate {
                return TcpStream::connect(("127.0.0.1", port)).is_ok();
            }
            let request = Request { method: "GET", url: url.clone(), headers: Vec::new(), body: None, ca: Some(&ca) };
            ask(&request).status == 401
        })?;
        Ok(own)
    }

    /// Its name, as images are named by it.
    #[must_use]
    pub fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// The password of [`USER`].
    #[must_use]
    pub fn password(&self) -> &Planted {
        &self.password
    }

    /// A folder with its authority as `ca.crt`, as skopeo and Podman want it; with a certificate of ours as
    /// `client.cert` where it wants one.
    ///
    /// # Errors
    /// What the system says.
    pub fn certificates(&self) -> anyhow::Result<PathBuf> {
        let folder = self.folder.path().join("trusted");
        fs::create_dir_all(&folder)?;
        fs::copy(self.authority.certificate(), folder.join("ca.crt"))?;
        if let Some((certificate, key)) = &self.own {
            fs::copy(certificate, folder.join("client.cert"))?;
            fs::copy(key, folder.join("client.key"))?;
        }
        Ok(folder)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it.
    pub fn stop(&mut self) {
        self.process.stop();
    }
}
